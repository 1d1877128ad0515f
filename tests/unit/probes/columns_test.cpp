#include "probes/columns.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace kpulse::probes {
namespace {

using testing::ElementsAre;

TEST(Columns, AColumnOfZeroesDoesNotTravel) {
  Columns columns(3, 4);
  columns.set(2, 1, 7);
  columns.set(4, 0, 9);
  std::vector<Column> made;
  columns.append_to(made);
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].field, 2U);
  EXPECT_THAT(made[0].values, ElementsAre(0, 7, 0));
  EXPECT_EQ(made[1].field, 4U);
  EXPECT_THAT(made[1].values, ElementsAre(9, 0, 0));
}

TEST(Histogram, TheDifferenceIsWhatWasRecordedInBetween) {
  auto before = std::make_unique<kp_histogram>();
  auto now = std::make_unique<kp_histogram>();
  before->buckets[3] = 5;
  *now = *before;
  now->buckets[3] += 2;
  now->buckets[100] = 1;
  now->sum = 1'234;
  const Column column = difference(1, *before, *now);
  EXPECT_THAT(column.buckets, ElementsAre(Bucket{3, 2}, Bucket{100, 1}));
  EXPECT_EQ(column.sum, 1'234U);
  EXPECT_TRUE(difference(1, *before, *now).buckets.empty());
}

TEST(Histogram, EveryBucketBeginsWhereTheOneBeforeEnds) {
  for (std::uint64_t bucket = 0; bucket < KP_HIST_BUCKETS; ++bucket) {
    const std::uint64_t lower = kp_hist_lower(bucket), next = kp_hist_lower(bucket + 1);
    EXPECT_EQ(kp_hist_bucket(lower), bucket);
    EXPECT_EQ(kp_hist_bucket(next - 1), bucket);
    EXPECT_LE(static_cast<double>(next - lower), std::max(1.0, 0.125 * static_cast<double>(lower)));
  }
}

TEST(Histogram, ValuesBeyondTheLastBucketGoIntoIt) {
  EXPECT_EQ(kp_hist_bucket(std::numeric_limits<std::uint64_t>::max()), KP_HIST_BUCKETS - 1);
}

}  // namespace
}  // namespace kpulse::probes
