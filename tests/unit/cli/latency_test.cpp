#include "cli/latency.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kpulse::cli {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kWindow = 10 * kMs;

TEST(LatencyTracker, CountsAWindowOnceAndFromItsEnd) {
  LatencyTracker tracker;
  tracker.begin("0", 100 * kMs);
  tracker.seen("0", 100 * kMs, kWindow, 500 * kMs);  // known at the beginning
  tracker.seen("0", 110 * kMs, kWindow, 170 * kMs);  // ended at 120
  tracker.seen("0", 110 * kMs, kWindow, 900 * kMs);
  EXPECT_EQ(tracker.windows(), 1U);
  EXPECT_NEAR(static_cast<double>(tracker.quantile(0.5)), 50.0 * kMs, 0.0625 * 50 * kMs);
}

TEST(LatencyTracker, GivesTheQuantilesOfAllCpusTogether) {
  LatencyTracker tracker;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    tracker.seen(i % 2 == 0 ? "0" : "1", i * kWindow, kWindow, (i + 1) * kWindow + (i <= 98 ? 20 * kMs : 300 * kMs));
  }
  EXPECT_EQ(tracker.windows(), 100U);
  EXPECT_EQ(tracker.cpus(), 2U);
  EXPECT_NEAR(static_cast<double>(tracker.quantile(0.5)), 20.0 * kMs, 0.07 * 20 * kMs);
  EXPECT_NEAR(static_cast<double>(tracker.quantile(0.99)), 300.0 * kMs, 0.07 * 300 * kMs);
}

TEST(LatencyTracker, KnowsTheNewestWindowThatEveryCpuHas) {
  LatencyTracker tracker;
  EXPECT_EQ(tracker.newest_common(), 0U);
  tracker.begin("0", 50);
  tracker.begin("1", 50);
  tracker.seen("0", 60, 10, 80);
  EXPECT_EQ(tracker.newest_common(), 50U);
  tracker.seen("1", 70, 10, 80);
  EXPECT_EQ(tracker.newest_common(), 60U);
}

TEST(LatencyTracker, TakesAWindowFromTheFutureAsNoLatency) {
  LatencyTracker tracker;
  tracker.seen("0", 100 * kMs, kWindow, 90 * kMs);
  EXPECT_EQ(tracker.quantile(1), 0U);
  EXPECT_EQ(tracker.windows(), 1U);
}

TEST(LatencyTracker, HasNoQuantileWithoutWindows) {
  EXPECT_EQ(LatencyTracker().quantile(0.5), 0U);
}

}  // namespace
}  // namespace kpulse::cli
