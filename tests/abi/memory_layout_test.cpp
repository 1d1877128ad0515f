// The layout that clang gave the memory programs is the one that this compiler sees, and the probe's memory is bounded.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "abi/memory.h"
#include "layout.h"
#include "memory.skel.h"

namespace {

using kpulse::test::Layout;

class MemoryLayout : public testing::Test {
 protected:
  ~MemoryLayout() override { memory_bpf__destroy(skeleton_); }

  Layout layout_of(const char* name) { return kpulse::test::layout_in(skeleton_->obj, name); }

  memory_bpf* skeleton_ = memory_bpf__open();
};

TEST_F(MemoryLayout, RecordsAreLaidOutTheSameOnBothSides) {
  Layout layout = layout_of("kp_stall_record");
  ASSERT_EQ(layout.size, sizeof(kp_stall_record));
  EXPECT_OFFSET(layout, kp_stall_record, begin);
  EXPECT_OFFSET(layout, kp_stall_record, end);
  EXPECT_OFFSET(layout, kp_stall_record, kind);
  EXPECT_OFFSET(layout, kp_stall_record, task);
  layout = layout_of("kp_oom_record");
  ASSERT_EQ(layout.size, sizeof(kp_oom_record));
  EXPECT_OFFSET(layout, kp_oom_record, time);
  EXPECT_OFFSET(layout, kp_oom_record, total_pages);
  EXPECT_OFFSET(layout, kp_oom_record, shmem_pages);
  EXPECT_OFFSET(layout, kp_oom_record, victim);
  EXPECT_OFFSET(layout, kp_oom_record, invoker);
}

TEST_F(MemoryLayout, TheMappedStructsAreLaidOutTheSameOnBothSides) {
  Layout layout = layout_of("kp_fault_cpu");
  ASSERT_EQ(layout.size, sizeof(kp_fault_cpu));
  EXPECT_EQ(sizeof(kp_fault_cpu) % 64, 0U) << "CPUs share a cache line";
  EXPECT_OFFSET(layout, kp_fault_cpu, until);
  EXPECT_OFFSET(layout, kp_fault_cpu, dropped);
  layout = layout_of("kp_fault_slot");
  EXPECT_OFFSET(layout, kp_fault_slot, user);
  EXPECT_OFFSET(layout, kp_fault_slot, kernel);
  layout = layout_of("kp_memory_slot");
  ASSERT_EQ(layout.size, sizeof(kp_memory_slot));
  EXPECT_OFFSET(layout, kp_memory_slot, worst_ns);
  EXPECT_OFFSET(layout, kp_memory_slot, ns);
  EXPECT_OFFSET(layout, kp_memory_slot, direct_pages);
  EXPECT_OFFSET(layout, kp_memory_slot, memcg_pages);
  EXPECT_OFFSET(layout, kp_memory_slot, count);
  EXPECT_OFFSET(layout, kp_memory_slot, fallbacks);
  layout = layout_of("kp_open_stall");
  ASSERT_EQ(layout.size, sizeof(kp_open_stall));
  EXPECT_OFFSET(layout, kp_open_stall, begin);
  layout = layout_of("kp_memory_total");
  ASSERT_EQ(layout.size, sizeof(kp_memory_total));
  EXPECT_OFFSET(layout, kp_memory_total, stall);
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
