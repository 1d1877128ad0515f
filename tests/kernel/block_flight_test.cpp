// I/Os while they go on, and those whose end the kernel does not show.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cgroups/hierarchy.h"
#include "kernel/block_device.h"
#include "kernel/block_truth.h"
#include "kernel/block_watch.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

namespace id = ids::in_flight;

/// Copies blocks past the page cache, one after the other.
std::string read_blocks(const std::string& from, int blocks) {
  return "exec dd if=" + from + " of=/dev/null bs=4k iflag=direct count=" + std::to_string(blocks);
}

/// A read that takes some seconds is in each frame while it does, and in one more.
void expect_seen_while_it_lasts(const std::string& device) {
  BlockWatch watch;
  watch.during([&] { ASSERT_EQ(run({"sh", "-c", read_blocks("/dev/" + device, 1)}), 0); });
  SCOPED_TRACE(losses_of(watch));
  const std::vector<FlightRow>& rows = watch.flights(device, "read");
  ASSERT_GT(rows.size(), 3U);
  for (std::size_t row = 0; row + 1 < rows.size(); ++row) {
    EXPECT_EQ(rows[row][id::kIos], 1U);
    EXPECT_TRUE(emulated() || rows[row].frame == rows[0].frame + row) << "a frame has none";
    EXPECT_EQ(watch.task(rows[row][id::kSubmitter]).comm, "dd");
    EXPECT_LE(rows[row][id::kOldestDevice], rows[row][id::kOldest]);
    EXPECT_TRUE(row == 0 || rows[row][id::kOldest] > rows[row - 1][id::kOldest]);
    EXPECT_LE(rows[row][id::kOldest], watch.max(device, "read", ids::block::kWorst));
  }
  EXPECT_EQ(rows.back()[id::kIos], 0U);
  EXPECT_EQ(rows.back()[id::kOldest], 0U);
  EXPECT_EQ(watch.sum(device, "read", ids::block::kIos), 1U);
}

TEST(InFlight, AnIoThatTakesLongIsSeenInEachFrameUntilItEndsAndOnceWhenItHas) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=2"});
  const LoopDevice loop(file.path());
  expect_seen_while_it_lasts(loop.name());
}

TEST(NullDisks, AnIoThatTakesLongIsSeenWhileItDoes) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  const NullDisk disk(NullDisk::Attributes{{"completion_nsec", "3000000000"}});
  expect_seen_while_it_lasts(disk.name());
}

TEST(InFlight, AnIoWhoseEndWasNotShownIsCountedAndNotTakenForOneThatGoesOn) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  KPULSE_NEED(missing_for_cgroups());
  constexpr int kBlocks = 20;
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=2ms"});
  const LoopDevice loop(file.path());
  const TestCgroup cgroup("kp_flight");
  BlockWatch watch;
  watch.probe().pause();
  const std::string procs = cgroups::this_hierarchy().mount + cgroup.path() + "/cgroup.procs";
  watch.during([&] {
    ASSERT_EQ(run({"sh", "-c", "echo $$ >" + procs + " && " + read_blocks(loop.path(), kBlocks)}), 0);
  });
  const bool again = watch.probe().resume().has_value();
  ASSERT_TRUE(again);
  EXPECT_GE(watch.probe().losses().unended, static_cast<std::uint64_t>(kBlocks));
  EXPECT_EQ(watch.sum(loop.name(), "read", ids::block::kIos), static_cast<std::uint64_t>(kBlocks));
  EXPECT_EQ(watch.sum(loop.name(), "read", ids::block::kBytes), 4096U * kBlocks);
  EXPECT_GE(watch.group(cgroup.path(), "read", ids::cgroup_io::kIos), static_cast<std::uint64_t>(kBlocks));
  for (const FlightRow& row : watch.flights(loop.name(), "read")) EXPECT_LE(row[id::kIos], 1U);
}

TEST(InFlight, OfAFlushWhoseEndWasNotShownBothTheRequestAndTheDevicesOwnAreCounted) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  // Slow: no request is used again before the agent has looked.
  const NbdFile file({"--filter=delay", "memory", "64M", "wdelay=80ms"});
  const LoopDevice loop(file.path());
  BlockWatch watch;
  const DiskStat before = disk_stat(loop.name());
  watch.probe().pause();
  watch.during([&] {
    EXPECT_EQ(run({"fio", "--name=kp", "--filename=" + loop.path(), "--direct=1", "--bs=4k", "--rw=write",
                   "--number_ios=6", "--fsync=1", "--output=/dev/null"}),
              0);
  });
  const bool again = watch.probe().resume().has_value();
  ASSERT_TRUE(again);
  const DiskStat truth = disk_stat(loop.name()) - before;
  EXPECT_GE(truth[DiskStat::kFlushes], 5U);
  EXPECT_EQ(watch.sum(loop.name(), "write", ids::block::kIos), truth[DiskStat::kWrites]) << losses_of(watch);
  EXPECT_EQ(watch.sum(loop.name(), "flush", ids::block::kIos), truth[DiskStat::kFlushes]);
}

}  // namespace
}  // namespace kpulse::test
