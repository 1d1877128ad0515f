// The programs find a bucket in another way than user space defines it: both have to name the same.
#include "lib/histogram.bpf.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace {

TEST(Histogram, TheProgramsFindTheBucketAtAllItsEdges) {
  for (std::uint64_t bucket = 0; bucket < KP_HIST_BUCKETS; ++bucket) {
    const std::uint64_t first = kp_hist_lower(bucket), last = kp_hist_lower(bucket + 1) - 1;
    EXPECT_EQ(kp_hist_find(first), bucket);
    EXPECT_EQ(kp_hist_find(last), bucket);
    EXPECT_EQ(kp_hist_find(last), kp_hist_bucket(last));
  }
}

TEST(Histogram, TheProgramsFindTheBucketOfAnyValue) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 1'000'000; ++round) {
    const std::uint64_t value = random() >> (random() % 64);
    ASSERT_EQ(kp_hist_find(value), kp_hist_bucket(value)) << value;
  }
  for (std::uint64_t value = 0; value < 100'000; ++value) ASSERT_EQ(kp_hist_find(value), kp_hist_bucket(value)) << value;
  EXPECT_EQ(kp_hist_find(std::numeric_limits<std::uint64_t>::max()), KP_HIST_BUCKETS - 1);
}

}  // namespace
