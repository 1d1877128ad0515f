#include "probes/sched/groups.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "model/histogram.h"
#include "model/ids.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_sched;
using testing::IsEmpty;
using testing::SizeIs;

class SchedGroupsTest : public testing::Test {
 protected:
  std::vector<Series> collect(const std::vector<RunningGroup>& running = {}) {
    std::vector<Series> series;
    groups_.collect(
        cpus_, running, [](std::uint32_t slot) { return "/" + std::to_string(slot); }, series);
    return series;
  }

  static std::uint64_t value(const Series& series, std::uint32_t field) {
    const auto found = std::ranges::find(series.columns, field, &Column::field);
    return found == series.columns.end() ? 0 : found->values.at(0);
  }

  kp_sched_group& group(std::size_t cpu, std::uint32_t slot) { return cpus_[cpu].group[slot]; }

  std::vector<kp_sched_groups> cpus_ = std::vector<kp_sched_groups>(2);
  SchedGroups groups_;
};

TEST_F(SchedGroupsTest, AddsUpTheCpusAndSendsOnlyWhatIsNew) {
  group(0, 3).cpu_ns = 100;
  group(1, 3).cpu_ns = 50;
  group(1, 3).switches = 2;
  auto series = collect();
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].measurement, ids::kCgroupSched);
  EXPECT_EQ(series[0].tags.at(0), "/3");
  EXPECT_EQ(value(series[0], id::kCpu), 150U);
  EXPECT_EQ(value(series[0], id::kSwitches), 2U);
  EXPECT_THAT(collect(), IsEmpty());
  group(0, 3).cpu_ns = 107;
  EXPECT_EQ(value(collect().at(0), id::kCpu), 7U);
}

TEST_F(SchedGroupsTest, ATaskThatIsStillRunningCountsAndOnlyOnce) {
  const std::vector<RunningGroup> running{{.slot = 5, .ns = 400}, {.slot = 6, .ns = 0}};
  const auto series = collect(running);
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(value(series.at(0), id::kCpu), 400U);
  group(0, 5).cpu_ns = 450;  // it has left
  EXPECT_EQ(value(collect().at(0), id::kCpu), 50U);
}

TEST_F(SchedGroupsTest, ATaskThatLeftAfterItWasSeenRunningCountsOnceAndTheNextOwnerOfTheSlotLosesNothing) {
  group(0, 5).cpu_ns = 300;
  const std::vector<RunningGroup> running{{.slot = 5, .ns = 400, .counted = 300}};
  group(0, 5).cpu_ns = 750;  // it left before the counters were read
  EXPECT_EQ(value(collect(running).at(0), id::kCpu), 750U);
  group(0, 5).cpu_ns = 770;  // another cgroup, 20 ns
  EXPECT_EQ(value(collect().at(0), id::kCpu), 20U);
}

TEST_F(SchedGroupsTest, NeverCountsDown) {
  const std::vector<RunningGroup> running{{.slot = 5, .ns = 400}};
  EXPECT_EQ(value(collect(running).at(0), id::kCpu), 400U);
  group(0, 5).cpu_ns = 390;
  EXPECT_THAT(collect(), IsEmpty());
  group(0, 5).cpu_ns = 500;
  EXPECT_EQ(value(collect().at(0), id::kCpu), 100U);
}

TEST_F(SchedGroupsTest, WaitsBecomeADistributionWhoseBucketsSurviveTheirCounterWrappingAround) {
  group(0, 1).waits = 1;
  group(0, 1).wait[10] = 0xFFFF'FFFF;
  collect();
  group(0, 1).waits = 3;
  group(0, 1).wait_ns = 5'000;
  group(0, 1).wait[10] = 1;
  const auto series = collect();
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_EQ(series[1].measurement, ids::kCgroupWait);
  const Column& column = series[1].columns.at(0);
  EXPECT_EQ(column.sum, 5'000U);
  ASSERT_THAT(column.buckets, SizeIs(1));
  EXPECT_EQ(column.buckets[0].index, KP_GROUP_FIRST + 10U);
  EXPECT_EQ(column.buckets[0].count, 2U);
}

TEST_F(SchedGroupsTest, RowsMadeOfThoseOfAnEarlierFrameHoldNothingOfIt) {
  SchedGroups fresh;
  for (const bool again : {false, true}) {
    group(0, 1).cpu_ns += 100;
    group(0, 1).switches += again ? 0 : 5;  // the second time in fewer columns, ...
    for (const std::uint32_t slot : {1U, 2U}) {
      group(0, slot).waits += 1;
      group(0, slot).wait_ns += 70;
      group(0, slot).wait[again ? 4 : 9] += 1;
      group(0, slot).wait[20] += again ? 0 : 1;  // ... and fewer buckets
      group(0, slot).waits += again ? 0 : 1;
    }
    std::vector<Series> expected;
    fresh.collect(
        cpus_, {}, [](std::uint32_t slot) { return "/" + std::to_string(slot); }, expected);
    std::vector<Series> series = collect();
    EXPECT_THAT(series, SizeIs(4));
    EXPECT_EQ(series, expected);
    groups_.take_back(series);
  }
}

}  // namespace
}  // namespace kpulse::probes
