// The block probe's layouts as clang and as this compiler see them; see sched_layout_test.cpp.
#include <gtest/gtest.h>

#include <cstddef>

#include "abi/block.h"
#include "block.skel.h"
#include "layout.h"

namespace {

using kpulse::test::Layout;

Layout layout_of(const char* name) {
  block_bpf* skeleton = block_bpf__open();
  Layout layout = kpulse::test::layout_in(skeleton->obj, name);
  block_bpf__destroy(skeleton);
  return layout;
}

TEST(BlockLayout, SlotsAreLaidOutTheSameOnBothSides) {
  const Layout entry = layout_of("kp_block_entry");
  ASSERT_EQ(entry.size, sizeof(kp_block_entry));
  EXPECT_EQ(entry.offsets.size(), 6U) << "a member was added: add it here as well";
  EXPECT_OFFSET(entry, kp_block_entry, window);
  EXPECT_OFFSET(entry, kp_block_entry, depth_ns);
  EXPECT_OFFSET(entry, kp_block_entry, entered);
  EXPECT_OFFSET(entry, kp_block_entry, net_max);
  EXPECT_OFFSET(entry, kp_block_entry, merges);
  EXPECT_OFFSET(entry, kp_block_entry, requeues);
  const Layout exit = layout_of("kp_block_exit");
  ASSERT_EQ(exit.size, sizeof(kp_block_exit));
  EXPECT_EQ(exit.offsets.size(), 11U) << "a member was added: add it here as well";
  EXPECT_OFFSET(exit, kp_block_exit, window);
  EXPECT_OFFSET(exit, kp_block_exit, bytes);
  EXPECT_OFFSET(exit, kp_block_exit, queue_ns);
  EXPECT_OFFSET(exit, kp_block_exit, device_ns);
  EXPECT_OFFSET(exit, kp_block_exit, depth_ns);
  EXPECT_OFFSET(exit, kp_block_exit, ios);
  EXPECT_OFFSET(exit, kp_block_exit, worst);
  EXPECT_OFFSET(exit, kp_block_exit, errors_io);
  EXPECT_OFFSET(exit, kp_block_exit, errors_timeout);
  EXPECT_OFFSET(exit, kp_block_exit, errors_nospc);
  EXPECT_OFFSET(exit, kp_block_exit, errors_other);
}

TEST(BlockLayout, RecordsAndTablesAreLaidOutTheSameOnBothSides) {
  const Layout worst = layout_of("kp_block_worst");
  ASSERT_EQ(worst.size, sizeof(kp_block_worst));
  EXPECT_OFFSET(worst, kp_block_worst, window);
  EXPECT_OFFSET(worst, kp_block_worst, sector);
  EXPECT_OFFSET(worst, kp_block_worst, series);
  EXPECT_OFFSET(worst, kp_block_worst, epoch);
  EXPECT_OFFSET(worst, kp_block_worst, submitter);
  const Layout flight = layout_of("kp_block_flight");
  ASSERT_EQ(flight.size, sizeof(kp_block_flight));
  EXPECT_OFFSET(flight, kp_block_flight, issued);
  EXPECT_OFFSET(flight, kp_block_flight, ios);
  EXPECT_OFFSET(flight, kp_block_flight, bios);
  EXPECT_OFFSET(flight, kp_block_flight, submitter);
  const Layout times = layout_of("kp_block_times");
  ASSERT_EQ(times.size, sizeof(kp_block_times));
  EXPECT_OFFSET(times, kp_block_times, device);
  EXPECT_OFFSET(times, kp_block_times, total);
  const Layout cpu = layout_of("kp_block_cpu");
  ASSERT_EQ(cpu.size, sizeof(kp_block_cpu));
  EXPECT_OFFSET(cpu, kp_block_cpu, requests);
  const Layout group = layout_of("kp_block_group");
  ASSERT_EQ(group.size, sizeof(kp_block_group));
  EXPECT_OFFSET(group, kp_block_group, bytes);
  EXPECT_OFFSET(group, kp_block_group, ns);
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
