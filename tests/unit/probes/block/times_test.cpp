#include "probes/block/times.h"

#include <gtest/gtest.h>

namespace kpulse::probes {
namespace {

TEST(BlockTimes, ADifferenceDoesNotMindThatABucketWraps) {
  kp_block_times before{};
  before.queue_sum = 100;
  before.device[7] = 0xffffffff;
  kp_block_times now = before;
  now.queue_sum += 5;
  now.device[7] += 2;
  now.total[KP_BLOCK_BUCKETS - 1] = 4;
  const kp_block_times grown = difference(before, now);
  EXPECT_EQ(grown.queue_sum, 5U);
  EXPECT_EQ(grown.device[7], 2U);
  EXPECT_EQ(grown.total[KP_BLOCK_BUCKETS - 1], 4U);
  EXPECT_EQ(grown.queue[7], 0U);
}

TEST(BlockTimes, AddUp) {
  kp_block_times sum{}, other{};
  other.device_sum = 3;
  other.queue[1] = 2;
  add(sum, other);
  add(sum, other);
  EXPECT_EQ(sum.device_sum, 6U);
  EXPECT_EQ(sum.queue[1], 4U);
}

}  // namespace
}  // namespace kpulse::probes
