// The layout that clang gave the BPF object is the one that this compiler sees: sizes and offsets, from the object's
// own BTF.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>

#include "abi/sched.h"
#include "sched.skel.h"

namespace {

/// Size of a struct and offsets of its members in the object; empty when it has no such struct.
struct Layout {
  std::size_t size = 0;
  std::map<std::string, std::size_t> offsets;
};

Layout layout_of(const char* name) {
  Layout layout;
  sched_bpf* skeleton = sched_bpf__open();
  const btf* types = bpf_object__btf(skeleton->obj);
  if (const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT); id > 0) {
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
    layout.size = type->size;
    for (__u32 index = 0; index < btf_vlen(type); ++index) {
      layout.offsets[btf__name_by_offset(types, btf_members(type)[index].name_off)] =
          btf_member_bit_offset(type, index) / 8;
    }
  }
  sched_bpf__destroy(skeleton);
  return layout;
}

#define EXPECT_OFFSET(layout, type, member) EXPECT_EQ((layout).offsets.at(#member), offsetof(type, member)) << #member

TEST(SchedLayout, AWindowRecordIsLaidOutTheSameOnBothSides) {
  const Layout layout = layout_of("kp_sched_window");
  ASSERT_EQ(layout.size, sizeof(kp_sched_window));
  EXPECT_EQ(layout.offsets.size(), 21U) << "a member was added: add it here as well";
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
  EXPECT_OFFSET(layout, kp_sched_window, wait_max_held_ns);
  EXPECT_OFFSET(layout, kp_sched_window, switches);
  EXPECT_OFFSET(layout, kp_sched_window, voluntary);
  EXPECT_OFFSET(layout, kp_sched_window, involuntary);
  EXPECT_OFFSET(layout, kp_sched_window, waits);
  EXPECT_OFFSET(layout, kp_sched_window, waits_discarded);
  EXPECT_OFFSET(layout, kp_sched_window, running);
  EXPECT_OFFSET(layout, kp_sched_window, carried);
  EXPECT_OFFSET(layout, kp_sched_window, epoch);
  EXPECT_OFFSET(layout, kp_sched_window, victim);
  EXPECT_OFFSET(layout, kp_sched_window, culprit);
}

TEST(SchedLayout, TheMappedStructsAreLaidOutTheSameOnBothSides) {
  const Layout cpu = layout_of("kp_sched_cpu");
  ASSERT_EQ(cpu.size, sizeof(kp_sched_cpu));
  EXPECT_OFFSET(cpu, kp_sched_cpu, sequence);
  EXPECT_OFFSET(cpu, kp_sched_cpu, from);
  EXPECT_OFFSET(cpu, kp_sched_cpu, ring_dropped);
  EXPECT_OFFSET(cpu, kp_sched_cpu, group_from);
  EXPECT_OFFSET(cpu, kp_sched_cpu, group);
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
