#include "probes/memory/measured.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;
namespace id = ids::memory;
namespace group = ids::cgroup_memory;

UnmeasuredMemory without(const std::set<std::string, std::less<>>& missing) {
  return unmeasured_memory([&](std::string_view program) { return !missing.contains(program); });
}

TEST(UnmeasuredMemory, IsNothingWhenEveryProgramIsAttached) {
  EXPECT_EQ(without({}), UnmeasuredMemory{});
}

TEST(UnmeasuredMemory, AStallWantsItsBeginAndItsEnd) {
  for (const char* missing : {"kp_compact_beg", "kp_compact_end"}) {
    const UnmeasuredMemory unmeasured = without({missing});
    EXPECT_THAT(unmeasured.windows, ElementsAre(id::kCompactionCount, id::kCompaction)) << missing;
    EXPECT_THAT(unmeasured.cgroups, ElementsAre(group::kCompactionCount, group::kCompaction)) << missing;
  }
}

TEST(UnmeasuredMemory, FaultsOfACgroupWantBothKindsOfFault) {
  EXPECT_THAT(without({"kp_fault_kernel"}).windows, ElementsAre(id::kKernelFaults));
  EXPECT_THAT(without({"kp_fault_kernel"}).cgroups, ElementsAre(group::kFaults));
  EXPECT_THAT(without({"kp_fault_user", "kp_fault_kernel"}).cgroups, ElementsAre(group::kFaults));
}

TEST(UnmeasuredMemory, TheLongestStallIsThatOfTheKindsThatAreMeasured) {
  const std::set<std::string, std::less<>> three{"kp_direct_end", "kp_memcg_end", "kp_compact_end"};
  EXPECT_THAT(without(three).windows, testing::Not(testing::Contains(id::kStallMax)));
  std::set<std::string, std::less<>> four = three;
  four.insert("kp_throttled");
  EXPECT_THAT(without(four).windows, IsSupersetOf({id::kStallMax, id::kStallKind, id::kStallTask}));
}

TEST(UnmeasuredMemory, IsEveryFieldWhenNoProgramIsAttached) {
  const UnmeasuredMemory unmeasured = unmeasured_memory([](std::string_view) { return false; });
  EXPECT_EQ(unmeasured.windows.size(), id::kStallTask);
  EXPECT_EQ(unmeasured.cgroups.size(), group::kThrottle);
}

}  // namespace
}  // namespace kpulse::probes
