// What the memory probe counts by cgroup, as clang and as this compiler see it; see sched_layout_test.cpp.
#include <gtest/gtest.h>

#include <cstddef>

#include "abi/memory.h"
#include "layout.h"
#include "memory.skel.h"

namespace {

using kpulse::test::Layout;

Layout layout_of(const char* name) {
  memory_bpf* skeleton = memory_bpf__open();
  Layout layout = kpulse::test::layout_in(skeleton->obj, name);
  memory_bpf__destroy(skeleton);
  return layout;
}

TEST(MemoryGroupsLayout, CountersOfCgroupsAreLaidOutTheSameOnBothSides) {
  const Layout group = layout_of("kp_memory_group");
  ASSERT_EQ(group.size, sizeof(kp_memory_group));
  EXPECT_EQ(group.offsets.size(), 4U) << "a member was added: add it here as well";
  EXPECT_OFFSET(group, kp_memory_group, ns);
  EXPECT_OFFSET(group, kp_memory_group, count);
  EXPECT_OFFSET(group, kp_memory_group, major_faults);
  EXPECT_EQ(sizeof(kp_memory_group) % 64, 0U) << "cgroups share a cache line";
  const Layout faults = layout_of("kp_fault_group");
  ASSERT_EQ(faults.size, sizeof(kp_fault_group));
  EXPECT_EQ(faults.offsets.size(), 2U) << "a member was added: add it here as well";
  EXPECT_OFFSET(faults, kp_fault_group, user);
  EXPECT_OFFSET(faults, kp_fault_group, kernel);
  EXPECT_OFFSET(layout_of("kp_fault_cpu"), kp_fault_cpu, group);
}

}  // namespace
