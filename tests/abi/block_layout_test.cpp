// The block probe's layouts as clang and as this compiler see them; see sched_layout_test.cpp.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>

#include "abi/block.h"
#include "block.skel.h"

namespace {

struct Layout {
  std::size_t size = 0;
  std::map<std::string, std::size_t> offsets;
};

Layout layout_of(const char* name) {
  Layout layout;
  block_bpf* skeleton = block_bpf__open();
  const btf* types = bpf_object__btf(skeleton->obj);
  if (const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT); id > 0) {
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
    layout.size = type->size;
    for (__u32 index = 0; index < btf_vlen(type); ++index) {
      layout.offsets[btf__name_by_offset(types, btf_members(type)[index].name_off)] =
          btf_member_bit_offset(type, index) / 8;
    }
  }
  block_bpf__destroy(skeleton);
  return layout;
}

#define EXPECT_OFFSET(layout, type, member) EXPECT_EQ((layout).offsets.at(#member), offsetof(type, member)) << #member

TEST(BlockLayout, SlotsAreLaidOutTheSameOnBothSides) {
  const Layout slot = layout_of("kp_block_slot");
  ASSERT_EQ(slot.size, sizeof(kp_block_slot));
  EXPECT_EQ(slot.offsets.size(), 10U) << "a member was added: add it here as well";
  EXPECT_OFFSET(slot, kp_block_slot, window);
  EXPECT_OFFSET(slot, kp_block_slot, ios_net);
  EXPECT_OFFSET(slot, kp_block_slot, bytes);
  EXPECT_OFFSET(slot, kp_block_slot, queue_ns);
  EXPECT_OFFSET(slot, kp_block_slot, device_ns);
  EXPECT_OFFSET(slot, kp_block_slot, depth_ns);
  EXPECT_OFFSET(slot, kp_block_slot, worst);
  EXPECT_OFFSET(slot, kp_block_slot, net_max);
  EXPECT_OFFSET(slot, kp_block_slot, merges);
  EXPECT_OFFSET(slot, kp_block_slot, requeues);
  const Layout errors = layout_of("kp_block_errors");
  ASSERT_EQ(errors.size, sizeof(kp_block_errors));
  EXPECT_OFFSET(errors, kp_block_errors, io);
  EXPECT_OFFSET(errors, kp_block_errors, other);
}

TEST(BlockLayout, RecordsAndTablesAreLaidOutTheSameOnBothSides) {
  const Layout worst = layout_of("kp_block_worst");
  ASSERT_EQ(worst.size, sizeof(kp_block_worst));
  EXPECT_OFFSET(worst, kp_block_worst, window);
  EXPECT_OFFSET(worst, kp_block_worst, sector);
  EXPECT_OFFSET(worst, kp_block_worst, series);
  EXPECT_OFFSET(worst, kp_block_worst, epoch);
  EXPECT_OFFSET(worst, kp_block_worst, submitter);
  const Layout times = layout_of("kp_block_times");
  ASSERT_EQ(times.size, sizeof(kp_block_times));
  EXPECT_OFFSET(times, kp_block_times, device);
  EXPECT_OFFSET(times, kp_block_times, total);
  EXPECT_EQ(layout_of("kp_block_series").size, sizeof(kp_block_series));
  EXPECT_EQ(layout_of("kp_block_device").size, sizeof(kp_block_device));
  EXPECT_EQ(layout_of("kp_block_losses").size, sizeof(kp_block_losses));
}

TEST(BlockLayout, AllMapsTogetherAreBelowOneMegabyte) {
  block_bpf* skeleton = block_bpf__open();
  std::size_t bytes = 0;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    const bool is_ring = bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF;
    bytes += is_ring ? bpf_map__max_entries(map) : std::size_t{bpf_map__max_entries(map)} * bpf_map__value_size(map);
  }
  block_bpf__destroy(skeleton);
  EXPECT_LE(bytes, 1U << 20U);
}

}  // namespace
