// I/Os while they go on, and those whose end the kernel does not show.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/pacer.h"
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

using namespace std::chrono_literals;
namespace id = ids::in_flight;

/// Copies blocks past the page cache, one after the other.
std::string read_blocks(const std::string& from, int blocks) {
  return "exec dd if=" + from + " of=/dev/null bs=4k iflag=direct count=" + std::to_string(blocks);
}

/// What is in flight is looked at each time that the agent comes, but not again before this time has passed.
constexpr std::uint64_t kApartNs = 25'000'000;

/// Reads a block of the disk. Its rows, up to the one that says that nothing is in flight any more.
std::span<const FlightRow> rows_of_a_read(BlockWatch& watch, const std::string& device) {
  const std::size_t before = watch.flights(device, "read").size();
  watch.during([&] { ASSERT_EQ(run({"sh", "-c", read_blocks("/dev/" + device, 1)}), 0); });
  const auto rows = [&] { return std::span(watch.flights(device, "read")).subspan(before); };
  // After a look that cost 100 ms, maybe because the CPU was taken away in it, the next one is 10 s later.
  EXPECT_TRUE(watch.run_until([&] { return rows().empty() || rows().back()[id::kIos] == 0; }));
  return rows();
}

/// Whether it was time to look when the agent came, some time between these two visits.
bool was_due_between(const BlockWatch& watch, std::size_t first, std::size_t next) {
  const auto& visits = watch.visits();
  for (std::size_t visit = first + 1; visit < next; ++visit) {
    if (visits[visit].begin >= visits[first].end + kApartNs) return true;
  }
  return false;
}

/// The first visit after the I/O of this row had begun.
std::size_t first_visit_after_its_begin(const BlockWatch& watch, const FlightRow& row) {
  const std::uint64_t begun = watch.visits()[row.visit].end - row[id::kOldest];
  return static_cast<std::size_t>(std::ranges::lower_bound(watch.visits(), begun, {}, &Visit::begin) -
                                  watch.visits().begin());
}

/// A read that takes some seconds is in each frame while it does, and in one more.
void expect_seen_while_it_lasts(const std::string& device) {
  BlockWatch watch;
  // To look may cost 1 % of a CPU, of which some is saved. When that is used up, as it is on an emulated machine or
  // when the CPU was taken away in the middle of it, the next look comes so much later, maybe when the read is over.
  const std::size_t least = emulated() ? 2 : 3;
  std::span<const FlightRow> rows;
  std::uint64_t reads = 0;
  for (; reads < 10 && rows.size() <= least; ++reads) rows = rows_of_a_read(watch, device);
  SCOPED_TRACE(losses_of(watch));
  ASSERT_GT(rows.size(), least);
  const bool each_time = watch.reading_cpu_ns() < static_cast<std::uint64_t>(Pacer::kSavedNs);
  EXPECT_FALSE(each_time && was_due_between(watch, first_visit_after_its_begin(watch, rows[0]), rows[0].visit))
      << "it was not seen at once";
  for (std::size_t row = 0; row + 1 < rows.size(); ++row) {
    EXPECT_EQ(rows[row][id::kIos], 1U);
    EXPECT_FALSE(each_time && was_due_between(watch, rows[row].visit, rows[row + 1].visit)) << "a frame has none";
    EXPECT_EQ(watch.task(rows[row][id::kSubmitter]).comm, "dd");
    EXPECT_LE(rows[row][id::kOldestDevice], rows[row][id::kOldest]);
    EXPECT_TRUE(row == 0 || rows[row][id::kOldest] > rows[row - 1][id::kOldest]);
    EXPECT_LE(rows[row][id::kOldest], watch.max(device, "read", ids::block::kWorst));
  }
  EXPECT_EQ(rows.back()[id::kIos], 0U);
  EXPECT_EQ(rows.back()[id::kOldest], 0U);
  EXPECT_EQ(watch.sum(device, "read", ids::block::kIos), reads);
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
  // That the last one has ended is found by a look.
  EXPECT_TRUE(
      watch.run_until([&] { return watch.sum(loop.name(), "read", ids::block::kIos) >= std::uint64_t{kBlocks}; }));
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
  // Slow: no request is used again before the agent has looked, though the CPU may be taken away from it for 100 ms.
  const NbdFile file({"--filter=delay", "memory", "64M", "wdelay=400ms"});
  const LoopDevice loop(file.path());
  BlockWatch watch;
  const DiskStat before = disk_stat(loop.name());
  watch.probe().pause();
  watch.during([&] {
    EXPECT_EQ(run({"fio", "--name=kp", "--filename=" + loop.path(), "--direct=1", "--bs=4k", "--rw=write",
                   "--number_ios=6", "--fsync=1", "--output=/dev/null"}),
              0);
  });
  const DiskStat truth = disk_stat(loop.name()) - before;
  const auto all_found = [&] {
    return watch.sum(loop.name(), "write", ids::block::kIos) >= truth[DiskStat::kWrites] &&
           watch.sum(loop.name(), "flush", ids::block::kIos) >= truth[DiskStat::kFlushes];
  };
  EXPECT_TRUE(watch.run_until(all_found));
  const bool again = watch.probe().resume().has_value();
  ASSERT_TRUE(again);
  EXPECT_GE(truth[DiskStat::kFlushes], 5U);
  EXPECT_EQ(watch.sum(loop.name(), "write", ids::block::kIos), truth[DiskStat::kWrites]) << losses_of(watch);
  EXPECT_EQ(watch.sum(loop.name(), "flush", ids::block::kIos), truth[DiskStat::kFlushes]);
}

}  // namespace
}  // namespace kpulse::test
