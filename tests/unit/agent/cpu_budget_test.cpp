#include "agent/cpu_budget.h"

#include <gtest/gtest.h>

namespace kpulse::agent {
namespace {

constexpr std::uint64_t kBegin = 1'000'000'000'000, kInterval = CpuBudget::kIntervalNs;

TEST(CpuBudget, AFifthOfACpuIsNotTooMuch) {
  CpuBudget budget;
  EXPECT_FALSE(budget.exceeded(kBegin, 0)) << "what was before is not the loop's fault";
  EXPECT_FALSE(budget.exceeded(kBegin + kInterval, kInterval / 5));
  EXPECT_FALSE(budget.exceeded(kBegin + 2 * kInterval, 2 * (kInterval / 5)));
}

TEST(CpuBudget, MoreThanThatOverAnIntervalIs) {
  CpuBudget budget;
  EXPECT_FALSE(budget.exceeded(kBegin, 7 * kInterval));
  EXPECT_TRUE(budget.exceeded(kBegin + kInterval, 7 * kInterval + kInterval / 5 + 1));
  EXPECT_FALSE(budget.exceeded(kBegin + 2 * kInterval, 7 * kInterval + kInterval / 5 + 2)) << "each interval anew";
}

TEST(CpuBudget, AShortBurstIsWeighedAgainstItsWholeInterval) {
  CpuBudget budget;
  EXPECT_FALSE(budget.exceeded(kBegin, 0));
  EXPECT_FALSE(budget.exceeded(kBegin + kInterval / 10, kInterval / 10)) << "all of the time so far";
  EXPECT_FALSE(budget.exceeded(kBegin + kInterval, kInterval / 10));
}

TEST(CpuBudget, AStopOfTheLoopCountsAsTimeInWhichItTookNothing) {
  CpuBudget budget;
  EXPECT_FALSE(budget.exceeded(kBegin, 0));
  EXPECT_FALSE(budget.exceeded(kBegin + 10 * kInterval, kInterval));
}

TEST(CpuBudget, WhoTookTooMuchLosesOneStepEachTime) {
  EXPECT_EQ(one_less(Priority::realtime), Priority::raised);
  EXPECT_EQ(one_less(Priority::raised), Priority::normal);
  EXPECT_EQ(one_less(Priority::normal), Priority::normal);
}

}  // namespace
}  // namespace kpulse::agent
