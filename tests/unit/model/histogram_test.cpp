#include "model/histogram.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "abi/histogram.h"

namespace kpulse {
namespace {

TEST(Histogram, AnEmptyOneReadsZero) {
  EXPECT_EQ(count_of({}), 0U);
  EXPECT_EQ(quantile({}, 0.99), 0U);
  EXPECT_EQ(upper_bound_of({}), 0U);
}

TEST(Histogram, QuantilesPickTheBucketThatHoldsTheRank) {
  const std::vector<Bucket> buckets{{.index = 1, .count = 50}, {.index = 5, .count = 49}, {.index = 9, .count = 1}};
  EXPECT_EQ(count_of(buckets), 100U);
  EXPECT_EQ(quantile(buckets, 0.5), 1U);
  EXPECT_EQ(quantile(buckets, 0.51), 5U);
  EXPECT_EQ(quantile(buckets, 0.99), 5U);
  EXPECT_EQ(quantile(buckets, 1.0), 9U);
  EXPECT_EQ(upper_bound_of(buckets), 9U);
}

TEST(Histogram, SeveralQuantilesInOnePassAreThoseAskedForOneByOne) {
  constexpr std::array kQs{0.001, 0.5, 0.5, 0.9, 0.999, 1.0};
  std::vector<Bucket> buckets;
  for (std::uint32_t used = 0; used < 20; ++used) {
    std::array<std::uint64_t, kQs.size()> values;
    values.fill(99);
    quantiles(buckets, count_of(buckets), kQs, values);
    for (std::size_t i = 0; i < kQs.size(); ++i) EXPECT_EQ(values[i], quantile(buckets, kQs[i])) << used;
    buckets.push_back({.index = used * 7, .count = used % 3 * 1'000 + 1});
  }
}

TEST(Histogram, AQuantileIsAtMostSixPercentOff) {
  for (std::uint64_t value = 1; value < (1ULL << 37U); value = value * 3 / 2 + 1) {
    const std::vector<Bucket> buckets{{.index = static_cast<std::uint32_t>(kp_hist_bucket(value)), .count = 3}};
    EXPECT_NEAR(static_cast<double>(quantile(buckets, 0.5)), static_cast<double>(value),
                0.0625 * static_cast<double>(value) + 0.5);
    EXPECT_GE(upper_bound_of(buckets), value);
    EXPECT_LE(static_cast<double>(upper_bound_of(buckets)), 1.125 * static_cast<double>(value));
  }
}

TEST(Histogram, EveryValueLiesInItsBucket) {
  for (std::uint64_t value = 0; value < (1ULL << 38U); value = value * 9 / 8 + 1) {
    const std::uint32_t bucket = static_cast<std::uint32_t>(kp_hist_bucket(value));
    ASSERT_LT(bucket, KP_HIST_BUCKETS);
    EXPECT_LE(kp_hist_lower(bucket), value);
    EXPECT_GT(kp_hist_lower(bucket + 1), value);
  }
}

}  // namespace
}  // namespace kpulse
