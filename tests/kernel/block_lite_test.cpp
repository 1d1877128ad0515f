// block = lite: what the end of a request says by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "kernel/block_device.h"
#include "kernel/block_truth.h"
#include "kernel/block_watch.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::block;

constexpr std::array<std::string_view, 4> kOps{"read", "write", "discard", "flush"};

/// I/Os by operation, then bytes of the first three.
using Counts = std::array<std::uint64_t, 7>;

Counts counts_of(const DiskStat& truth) {
  return {truth[DiskStat::kReads],
          truth[DiskStat::kWrites],
          truth[DiskStat::kDiscards],
          truth[DiskStat::kFlushes],
          truth[DiskStat::kReadSectors] * 512,
          truth[DiskStat::kWriteSectors] * 512,
          truth[DiskStat::kDiscardSectors] * 512};
}

Counts counts_of(const BlockWatch& watch, const std::string& device) {
  Counts counts{};
  for (std::size_t op = 0; op < kOps.size(); ++op) {
    counts.at(op) = watch.sum(device, std::string(kOps.at(op)), id::kIos);
    if (op + 1 < kOps.size())
      counts.at(kOps.size() + op) = watch.sum(device, std::string(kOps.at(op)), id::kBytes);
  }
  return counts;
}

/// Each request is in the distribution once, for as long as the kernel says that requests took, which looks at the clock
/// a little later; it shows ms.
void expect_times_of(const BlockWatch& watch, const std::string& device, const DiskStat& truth) {
  const auto reads = watch.times(ids::kBlockTotal, device, "read"), writes = watch.times(ids::kBlockTotal, device, "write");
  EXPECT_EQ(reads.count, truth[DiskStat::kReads]);
  EXPECT_EQ(writes.count, truth[DiskStat::kWrites]);
  EXPECT_LE(reads.sum_ns, (truth[DiskStat::kReadMs] + 1) * 1'000'000);
  EXPECT_LE(writes.sum_ns, (truth[DiskStat::kWriteMs] + 1) * 1'000'000);
}

/// It says nothing of what it does not see.
void expect_nothing_else(const BlockWatch& watch, const std::string& device) {
  EXPECT_EQ(watch.times(ids::kBlockQueue, device, "read").count, 0U);
  EXPECT_EQ(watch.times(ids::kBlockDevice, device, "read").count, 0U);
  EXPECT_TRUE(watch.flights(device, "read").empty());
  EXPECT_EQ(watch.sum(device, "read", id::kDevice) + watch.sum(device, "read", id::kQueue), 0U);
  for (const BlockRow& row : watch.rows(device, "read")) {
    EXPECT_EQ(row[id::kSubmitter], 0U);
    EXPECT_EQ(row[id::kDepthMax], 0U);
    EXPECT_EQ(row.depth, 0);
  }
  EXPECT_EQ(watch.probe().losses().unseen, 0U);
}

/// Does some I/O. A sandbox hides the end of one now and then, and so the I/O: then anew.
void expect_all_of(const std::string& device, const std::function<void()>& work) {
  for (int attempt = 1;; ++attempt) {
    BlockWatch watch(10ms, {.block = "lite"});
    const DiskStat before = disk_stat(device);
    watch.during(work);
    const DiskStat truth = disk_stat(device) - before;
    const Counts counted = counts_of(watch, device), all = counts_of(truth);
    for (std::size_t index = 0; index < all.size(); ++index) EXPECT_LE(counted.at(index), all.at(index)) << index;
    if (counted != all && !emulated() && attempt < 10) continue;
    EXPECT_EQ(counted, all) << losses_of(watch);
    expect_times_of(watch, device, truth);
    expect_nothing_else(watch, device);
    return;
  }
}

void mixed_load(const std::string& path) {
  const FioResult mixed = fio(path, {"--rw=randrw", "--number_ios=600", "--iodepth=16", "--fsync=20",
                                     "--bssplit=4k/50:64k/40:1m/10"});
  EXPECT_EQ(mixed.status, 0) << mixed.output;
  EXPECT_EQ(fio(path, {"--rw=randwrite", "--number_ios=20", "--sync=1"}).status, 0);
}

class BlockLite : public testing::TestWithParam<const char*> {};

TEST_P(BlockLite, CountsAllRequestsAndAllOfTheirTime) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"memory", "64M"});
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam());
  expect_all_of(loop.name(), [&] {
    mixed_load(loop.path());
    EXPECT_EQ(fio(loop.path(), {"--rw=randtrim", "--number_ios=50"}).status, 0);
  });
}

INSTANTIATE_TEST_SUITE_P(Schedulers, BlockLite, testing::Values("none", "bfq"));

TEST(NullDisks, OfWhichOnlyTheEndsAreSeenAreCountedToo) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  const NullDisk disk(NullDisk::Attributes{{"completion_nsec", "100000"}});
  expect_all_of(disk.name(), [&] { mixed_load(disk.path()); });
}

TEST(BlockLiteTimes, AreThoseThatTheDiskTakesAndTheLongestIsItsWindows) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  constexpr std::uint64_t kDelayNs = 5'000'000;
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=5ms"});
  const LoopDevice loop(file.path());
  BlockWatch watch(10ms, {.block = "lite"});
  FioResult reads;
  watch.during([&] { reads = fio(loop.path(), {"--rw=randread", "--number_ios=100"}); });
  const auto times = watch.times(ids::kBlockTotal, loop.name(), "read");
  ASSERT_GT(times.count, 50U);
  EXPECT_GE(times.sum_ns, times.count * kDelayNs);
  EXPECT_LE(static_cast<double>(times.sum_ns), 100 * reads.read_latency_ns);
  std::uint64_t worst = 0;
  for (const BlockRow& row : watch.rows(loop.name(), "read")) {
    if (row[id::kIos] == 0) continue;
    EXPECT_GE(row[id::kWorst], kDelayNs);
    EXPECT_EQ(row[id::kWorstBytes], 4096U);
    EXPECT_LT(row[id::kWorstSector], 64U << 11U);
    worst = std::max(worst, row[id::kWorst]);
  }
  EXPECT_LE(worst, times.sum_ns);
}

}  // namespace
}  // namespace kpulse::test
