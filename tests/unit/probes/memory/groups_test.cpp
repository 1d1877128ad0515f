#include "probes/memory/groups.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_memory;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MemoryGroupsTest : public testing::Test {
 protected:
  std::vector<Series> collect() {
    std::vector<Series> series;
    rows_.collect(
        cpus_, groups_, [](std::uint32_t slot) { return "/" + std::to_string(slot); }, series);
    return series;
  }

  static std::uint64_t value(const Series& series, std::uint32_t field) {
    const auto found = std::ranges::find(series.columns, field, &Column::field);
    return found == series.columns.end() ? 0 : found->values.at(0);
  }

  std::vector<kp_fault_cpu> cpus_ = std::vector<kp_fault_cpu>(2);
  std::vector<kp_memory_group> groups_ = std::vector<kp_memory_group>(KP_CGROUP_SLOTS);
  MemoryGroups rows_;
};

TEST_F(MemoryGroupsTest, FaultsOfAllCpusAndBothKindsAreAddedUpAndOnlyWhatIsNewIsSent) {
  cpus_[0].group[3] = {.user = 100, .kernel = 5};
  cpus_[1].group[3] = {.user = 20, .kernel = 1};
  groups_[3].major_faults = 2;
  const auto series = collect();
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].measurement, ids::kCgroupMemory);
  EXPECT_THAT(series[0].tags, ElementsAre("/3"));
  EXPECT_EQ(value(series[0], id::kFaults), 126U);
  EXPECT_EQ(value(series[0], id::kMajorFaults), 2U);
  EXPECT_THAT(collect(), IsEmpty());
  cpus_[1].group[3].user += 7;
  EXPECT_EQ(value(collect().at(0), id::kFaults), 7U);
}

TEST_F(MemoryGroupsTest, EachKindOfStallHasItsOwnFields) {
  for (std::uint64_t kind = 0; kind < KP_STALL_KINDS; ++kind) {
    groups_[1].count[kind] = 1 + kind;
    groups_[1].ns[kind] = 100 + kind;
  }
  const Series row = collect().at(0);
  EXPECT_EQ(value(row, id::kDirectCount), 1U);
  EXPECT_EQ(value(row, id::kDirect), 100U);
  EXPECT_EQ(value(row, id::kMemcgCount), 2U);
  EXPECT_EQ(value(row, id::kMemcg), 101U);
  EXPECT_EQ(value(row, id::kCompactionCount), 3U);
  EXPECT_EQ(value(row, id::kCompaction), 102U);
  EXPECT_EQ(value(row, id::kThrottleCount), 4U);
  EXPECT_EQ(value(row, id::kThrottle), 103U);
}

TEST_F(MemoryGroupsTest, WhatCannotBeMeasuredIsSaidInEachRow) {
  rows_.set_unmeasured({id::kDirectCount, id::kDirect});
  cpus_[0].group[KP_CGROUP_OTHER].user = 1;
  EXPECT_THAT(collect().at(0).unmeasured, ElementsAre(id::kDirectCount, id::kDirect));
}

}  // namespace
}  // namespace kpulse::probes
