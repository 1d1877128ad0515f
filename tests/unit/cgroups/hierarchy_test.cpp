#include "cgroups/hierarchy.h"

#include <gtest/gtest.h>

namespace kpulse::cgroups {
namespace {

constexpr const char* kUnifiedMounts = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
constexpr const char* kHybridMounts =
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";
constexpr const char* kProcCgroups =
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\ncpuacct\t2\t1\t1\nmemory\t4\t2\t1\n";

TEST(Hierarchy, OfAMachineWithV2IsTheDefaultOne) {
  const Hierarchy chosen = choose_hierarchy(kUnifiedMounts, kProcCgroups, "cpuset cpu io memory pids\n");
  EXPECT_EQ(chosen.mount, "/sys/fs/cgroup");
  EXPECT_EQ(chosen.controller, "");
  EXPECT_EQ(chosen.number, 0);
}

TEST(Hierarchy, OfAHybridMachineIsThatOfTheMemoryController) {
  const Hierarchy chosen = choose_hierarchy(kHybridMounts, kProcCgroups, "hugetlb\n");
  EXPECT_EQ(chosen.mount, "/sys/fs/cgroup/memory");
  EXPECT_EQ(chosen.controller, "memory");
  EXPECT_EQ(chosen.number, 4);
}

TEST(Hierarchy, WithoutAMemoryControllerIsThatOfCpuAccounting) {
  const Hierarchy chosen =
      choose_hierarchy("cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n", kProcCgroups, "");
  EXPECT_EQ(chosen.mount, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(chosen.controller, "cpuacct");
  EXPECT_EQ(chosen.number, 2);
}

TEST(Hierarchy, AV2WithoutControllersIsBetterThanNothing) {
  EXPECT_EQ(choose_hierarchy(kUnifiedMounts, "", "").mount, "/sys/fs/cgroup");
  EXPECT_EQ(choose_hierarchy("proc /proc proc rw 0 0\n", "", "").mount, "");
}

}  // namespace
}  // namespace kpulse::cgroups
