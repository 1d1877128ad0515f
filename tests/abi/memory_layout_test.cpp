// The layout that clang gave the memory programs is the one that this compiler sees, and the probe's memory is bounded.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>

#include "abi/memory.h"
#include "memory.skel.h"

namespace {

class MemoryLayout : public testing::Test {
 protected:
  ~MemoryLayout() override { memory_bpf__destroy(skeleton_); }

  /// Offsets of a struct's members in the object, its size under "".
  std::map<std::string, std::size_t> layout_of(const char* name) {
    std::map<std::string, std::size_t> layout;
    const btf* types = bpf_object__btf(skeleton_->obj);
    const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
    if (id < 0) return layout;
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
    layout[""] = type->size;
    for (__u32 index = 0; index < btf_vlen(type); ++index) {
      layout[btf__name_by_offset(types, btf_members(type)[index].name_off)] = btf_member_bit_offset(type, index) / 8;
    }
    return layout;
  }

  memory_bpf* skeleton_ = memory_bpf__open();
};

#define EXPECT_OFFSET(type, member) EXPECT_EQ(layout.at(#member), offsetof(type, member)) << #member

TEST_F(MemoryLayout, RecordsAreLaidOutTheSameOnBothSides) {
  auto layout = layout_of("kp_stall_record");
  ASSERT_EQ(layout[""], sizeof(kp_stall_record));
  EXPECT_OFFSET(kp_stall_record, begin);
  EXPECT_OFFSET(kp_stall_record, end);
  EXPECT_OFFSET(kp_stall_record, kind);
  EXPECT_OFFSET(kp_stall_record, task);
  layout = layout_of("kp_oom_record");
  ASSERT_EQ(layout[""], sizeof(kp_oom_record));
  EXPECT_OFFSET(kp_oom_record, time);
  EXPECT_OFFSET(kp_oom_record, total_pages);
  EXPECT_OFFSET(kp_oom_record, shmem_pages);
  EXPECT_OFFSET(kp_oom_record, victim);
  EXPECT_OFFSET(kp_oom_record, invoker);
}

TEST_F(MemoryLayout, TheMappedStructsAreLaidOutTheSameOnBothSides) {
  auto layout = layout_of("kp_fault_cpu");
  ASSERT_EQ(layout[""], sizeof(kp_fault_cpu));
  EXPECT_EQ(sizeof(kp_fault_cpu) % 64, 0U) << "CPUs share a cache line";
  EXPECT_OFFSET(kp_fault_cpu, until);
  EXPECT_OFFSET(kp_fault_cpu, dropped);
  EXPECT_OFFSET(kp_fault_cpu, slot);
  layout = layout_of("kp_fault_slot");
  EXPECT_OFFSET(kp_fault_slot, user);
  EXPECT_OFFSET(kp_fault_slot, kernel);
  layout = layout_of("kp_memory_slot");
  ASSERT_EQ(layout[""], sizeof(kp_memory_slot));
  EXPECT_OFFSET(kp_memory_slot, worst_ns);
  EXPECT_OFFSET(kp_memory_slot, ns);
  EXPECT_OFFSET(kp_memory_slot, direct_pages);
  EXPECT_OFFSET(kp_memory_slot, memcg_pages);
  EXPECT_OFFSET(kp_memory_slot, count);
  EXPECT_OFFSET(kp_memory_slot, fallbacks);
  layout = layout_of("kp_open_stall");
  ASSERT_EQ(layout[""], sizeof(kp_open_stall));
  EXPECT_OFFSET(kp_open_stall, begin);
  layout = layout_of("kp_memory_total");
  ASSERT_EQ(layout[""], sizeof(kp_memory_total));
  EXPECT_OFFSET(kp_memory_total, stall);
}

TEST_F(MemoryLayout, AllMapsOfAMachineWithFourCpusFitInto512KiB) {
  std::size_t bytes = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    const bool per_cpu = std::string(bpf_map__name(map)) == "kp_fault_cpus";
    const std::size_t entries = per_cpu ? 4 : bpf_map__max_entries(map);
    bytes += bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF ? entries
                                                        : entries * (bpf_map__key_size(map) + bpf_map__value_size(map));
  }
  EXPECT_LE(bytes, 512U << 10U);
  RecordProperty("bytes", static_cast<int>(bytes));
}

}  // namespace
