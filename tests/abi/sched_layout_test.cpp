// The layout that clang gave the BPF object is the one that this compiler sees: sizes and offsets, from the object's
// own BTF.
#include <gtest/gtest.h>

#include <cstddef>

#include "abi/sched.h"
#include "layout.h"
#include "sched.skel.h"

namespace {

using kpulse::test::Layout;

Layout layout_of(const char* name) {
  sched_bpf* skeleton = sched_bpf__open();
  Layout layout = kpulse::test::layout_in(skeleton->obj, name);
  sched_bpf__destroy(skeleton);
  return layout;
}

TEST(SchedLayout, AWindowRecordIsLaidOutTheSameOnBothSides) {
  const Layout layout = layout_of("kp_sched_window");
  ASSERT_EQ(layout.size, sizeof(kp_sched_window));
  EXPECT_EQ(layout.offsets.size(), 29U) << "a member was added: add it here as well";
  EXPECT_OFFSET(layout, kp_sched_window, head);
  EXPECT_OFFSET(layout, kp_sched_window, number);
  EXPECT_OFFSET(layout, kp_sched_window, previous);
  EXPECT_OFFSET(layout, kp_sched_window, start);
  EXPECT_OFFSET(layout, kp_sched_window, end);
  EXPECT_OFFSET(layout, kp_sched_window, closed_clock);
  EXPECT_OFFSET(layout, kp_sched_window, closed_mono);
  EXPECT_OFFSET(layout, kp_sched_window, busy_ns);
  EXPECT_OFFSET(layout, kp_sched_window, wait_ns);
  EXPECT_OFFSET(layout, kp_sched_window, wait_max_ns);
  EXPECT_OFFSET(layout, kp_sched_window, culprit_ns);
  EXPECT_OFFSET(layout, kp_sched_window, discarded_ns);
  EXPECT_OFFSET(layout, kp_sched_window, switches);
  EXPECT_OFFSET(layout, kp_sched_window, voluntary);
  EXPECT_OFFSET(layout, kp_sched_window, involuntary);
  EXPECT_OFFSET(layout, kp_sched_window, waits);
  EXPECT_OFFSET(layout, kp_sched_window, waits_discarded);
  EXPECT_OFFSET(layout, kp_sched_window, waits_partial);
  EXPECT_OFFSET(layout, kp_sched_window, runnable_max);
  EXPECT_OFFSET(layout, kp_sched_window, running);
  EXPECT_OFFSET(layout, kp_sched_window, carried);
  EXPECT_OFFSET(layout, kp_sched_window, epoch);
  EXPECT_OFFSET(layout, kp_sched_window, runnable);
  EXPECT_OFFSET(layout, kp_sched_window, runnable_carried);
  EXPECT_OFFSET(layout, kp_sched_window, left_clock);
  EXPECT_OFFSET(layout, kp_sched_window, left);
  EXPECT_OFFSET(layout, kp_sched_window, closed);
  EXPECT_OFFSET(layout, kp_sched_window, victim);
  EXPECT_OFFSET(layout, kp_sched_window, culprit);
}

TEST(SchedLayout, TheMappedStructsAreLaidOutTheSameOnBothSides) {
  const Layout cpu = layout_of("kp_sched_cpu");
  ASSERT_EQ(cpu.size, sizeof(kp_sched_cpu));
  EXPECT_OFFSET(cpu, kp_sched_cpu, sequence);
  EXPECT_OFFSET(cpu, kp_sched_cpu, from);
  EXPECT_OFFSET(cpu, kp_sched_cpu, stint_from);
  EXPECT_OFFSET(cpu, kp_sched_cpu, group_ran);
  EXPECT_OFFSET(cpu, kp_sched_cpu, lost);
  EXPECT_OFFSET(cpu, kp_sched_cpu, group);
  EXPECT_OFFSET(cpu, kp_sched_cpu, group_pid);
  EXPECT_OFFSET(cpu, kp_sched_cpu, clock_backwards);
  EXPECT_OFFSET(cpu, kp_sched_cpu, ring_dropped);
  EXPECT_OFFSET(cpu, kp_sched_cpu, switches_missed);
  EXPECT_OFFSET(cpu, kp_sched_cpu, open);
  EXPECT_OFFSET(cpu, kp_sched_cpu, wait);
  EXPECT_OFFSET(cpu, kp_sched_cpu, oncpu);
  EXPECT_EQ(sizeof(kp_sched_cpu) % 64, 0U) << "CPUs share a cache line";

  const Layout group = layout_of("kp_sched_group");
  ASSERT_EQ(group.size, sizeof(kp_sched_group));
  EXPECT_OFFSET(group, kp_sched_group, cpu_ns);
  EXPECT_OFFSET(group, kp_sched_group, switches);
  EXPECT_OFFSET(group, kp_sched_group, wait);

  const Layout slot = layout_of("kp_sched_slot");
  ASSERT_EQ(slot.size, sizeof(kp_sched_slot));
  EXPECT_OFFSET(slot, kp_sched_slot, life_window);
  EXPECT_OFFSET(slot, kp_sched_slot, migrations);

  const Layout config = layout_of("kp_window_config");
  ASSERT_EQ(config.size, sizeof(kp_window_config));
  EXPECT_OFFSET(config, kp_window_config, mono_offset);
  EXPECT_OFFSET(config, kp_window_config, epoch);
}

}  // namespace
