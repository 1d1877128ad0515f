// Each I/O counted once: against the kernel's own statistics, with injected errors, on devices without requests.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ostream>
#include <string>
#include <thread>

#include "base/handle.h"
#include "kernel/block_device.h"
#include "kernel/block_truth.h"
#include "kernel/block_watch.h"
#include "kernel/watch.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::block;

struct Setup {
  const char* scheduler;
  std::chrono::nanoseconds window;
};

std::ostream& operator<<(std::ostream& out, const Setup& setup) {
  return out << setup.scheduler << ", " << setup.window.count() / 1'000'000 << " ms";
}

class BlockCounts : public testing::TestWithParam<Setup> {};

/// I/Os of all kinds. Returns what the kernel counted.
DiskStat do_some_of_all(BlockWatch& watch, const LoopDevice& loop) {
  const DiskStat before = disk_stat(loop.name());
  FioResult mixed, forced;
  watch.during([&] {
    mixed = fio(loop.path(),
                {"--rw=randrw", "--number_ios=6000", "--iodepth=32", "--fsync=20", "--bssplit=4k/50:64k/40:1m/10"});
    forced = fio(loop.path(), {"--rw=randwrite", "--number_ios=100", "--sync=1"});  // data, then a flush: ends twice
    EXPECT_EQ(fio(loop.path(), {"--rw=randtrim", "--number_ios=200"}).status, 0);
    const FioResult merged = fio(loop.path(), {"--rw=write", "--direct=0", "--size=32M", "--end_fsync=1"});
    EXPECT_EQ(merged.status, 0) << merged.output;
  });
  EXPECT_EQ(mixed.status, 0) << mixed.output;
  EXPECT_EQ(forced.status, 0) << forced.output;
  return disk_stat(loop.name()) - before;
}

TEST_P(BlockCounts, IosBytesMergesDiscardsAndFlushesEqualTheKernelsStatistics) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"memory", "256M"});
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam().scheduler);
  BlockWatch watch(GetParam().window);
  const DiskStat truth = do_some_of_all(watch, loop);
  EXPECT_GT(truth[DiskStat::kReads], 2'000U);
  EXPECT_GT(truth[DiskStat::kFlushes], 150U);
  EXPECT_GT(truth[DiskStat::kReadMerges] + truth[DiskStat::kWriteMerges], 0U);
  expect_equal(watch, loop.name(), truth);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, BlockCounts,
                         testing::Values(Setup{"none", 10ms}, Setup{"mq-deadline", 10ms}, Setup{"kyber", 1ms},
                                         Setup{"bfq", 1ms}),
                         [](const auto& setup) {
                           std::string name = setup.param.scheduler;
                           std::erase(name, '-');
                           return name;
                         });

TEST(BlockErrors, InjectedErrorsAreCountedExactlyAndByClass) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"--filter=error", "memory", "64M", "error-pread-rate=10%", "error=EIO"});
  const LoopDevice loop(file.path());
  BlockWatch watch;
  FioResult result;
  watch.during([&] {
    result = fio(loop.path(), {"--rw=randread", "--number_ios=2000", "--iodepth=4", "--continue_on_error=io"});
  });
  ASSERT_GT(result.errors, 100U) << result.output;
  expect_but_unended(watch, watch.sum(loop.name(), "read", id::kErrorsIo), result.errors);
  EXPECT_EQ(watch.sum(loop.name(), "read", id::kErrorsOther), 0U);
  EXPECT_EQ(watch.sum(loop.name(), "read", id::kErrorsTimeout), 0U);
  EXPECT_EQ(watch.sum(loop.name(), "read", id::kErrorsNospc), 0U);
}

TEST(BlockPartitions, APartitionIsCountedForItselfAndForItsDisk) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=2ms"});
  const LoopDevice loop(file.path());
  const Partition partition(loop, 32U << 20U);
  const std::string part = partition.name();
  BlockWatch watch;
  const DiskStat disk_before = disk_stat(loop.name()), part_before = disk_stat(loop.name() + "/" + part);
  watch.during([&] {
    EXPECT_EQ(fio(partition.path(), {"--rw=randread", "--number_ios=400", "--iodepth=8", "--size=32M"}).status, 0);
    EXPECT_EQ(fio(loop.path(), {"--rw=randread", "--number_ios=100", "--iodepth=4", "--size=64M"}).status, 0);
  });
  const DiskStat disk = disk_stat(loop.name()) - disk_before,
                 of_part = disk_stat(loop.name() + "/" + part) - part_before;
  ASSERT_GE(of_part[DiskStat::kReads], 400U);
  ASSERT_GE(disk[DiskStat::kReads], of_part[DiskStat::kReads] + 100);
  expect_equal(watch, loop.name(), disk);
  expect_equal(watch, part, of_part);
  EXPECT_EQ(watch.max(part, "read", id::kDepthMax), 8U);
  EXPECT_EQ(watch.max(loop.name(), "read", id::kDepthMax), 8U);
  expect_but_unended(watch, watch.times(ids::kBlockTotal, part, "read").count, of_part[DiskStat::kReads]);
  expect_but_unended(watch, watch.times(ids::kBlockTotal, loop.name(), "read").count, disk[DiskStat::kReads]);
  for (const BlockRow& row : watch.rows(part, "read")) {
    if (row[id::kWorst] == 0) continue;
    ASSERT_NE(row[id::kSubmitter], 0U);
    EXPECT_EQ(watch.task(row[id::kSubmitter]).comm, "fio");
  }
}

/// Writes a block past the page cache so many times; how often that failed with `error`.
std::uint64_t failed_writes(const std::string& path, int times, int error) {
  alignas(4096) static std::array<char, 4096> block{};
  const FileDescriptor disk(open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  std::uint64_t failed = 0;
  for (int time = 0; time < times; ++time) {
    if (pwrite(disk.get(), block.data(), block.size(), 4096L * time) < 0 && errno == error) ++failed;
  }
  return failed;
}

TEST(BlockErrors, ADiskThatIsFullIsAClassOfItsOwn) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file({"--filter=error", "memory", "64M", "error-pwrite-rate=50%", "error=ENOSPC"});
  const LoopDevice loop(file.path());
  BlockWatch watch;
  std::uint64_t failed = 0;
  watch.during([&] { failed = failed_writes(loop.path(), 200, ENOSPC); });
  ASSERT_GT(failed, 50U);
  expect_but_unended(watch, watch.sum(loop.name(), "write", id::kErrorsNospc), failed);
  EXPECT_EQ(watch.sum(loop.name(), "write", id::kErrorsIo), 0U);
  EXPECT_EQ(watch.sum(loop.name(), "write", id::kIos), 200U);
}

TEST(BlockBios, ADeviceWithoutRequestsIsSeenAndEqualsTheKernelsStatistics) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_zram());
  const ZramDevice zram("64M");
  BlockWatch watch;
  const DiskStat before = disk_stat(zram.name());
  FioResult mixed, buffered;
  watch.during([&] {
    mixed = fio(zram.path(), {"--rw=randrw", "--number_ios=5000", "--iodepth=4", "--bssplit=4k/80:32k/20"});
    buffered = fio(zram.path(), {"--rw=write", "--direct=0", "--size=16M", "--end_fsync=1"});
  });
  ASSERT_EQ(mixed.status, 0) << mixed.output;
  const DiskStat truth = disk_stat(zram.name()) - before;
  ASSERT_GT(truth[DiskStat::kReads], 2'000U);
  EXPECT_EQ(watch.sum(zram.name(), "read", id::kIos), truth[DiskStat::kReads]);
  EXPECT_EQ(watch.sum(zram.name(), "read", id::kBytes), truth[DiskStat::kReadSectors] * 512);
  EXPECT_EQ(watch.sum(zram.name(), "write", id::kIos), truth[DiskStat::kWrites]);
  EXPECT_EQ(watch.sum(zram.name(), "write", id::kBytes), truth[DiskStat::kWriteSectors] * 512);
  EXPECT_EQ(watch.sum(zram.name(), "read", id::kQueue), 0U);
  EXPECT_EQ(watch.times(ids::kBlockQueue, zram.name(), "read").count, 0U);
  EXPECT_EQ(watch.times(ids::kBlockTotal, zram.name(), "read").count, truth[DiskStat::kReads]);
  EXPECT_GT(watch.sum(zram.name(), "read", id::kDevice), 0U);
}

TEST(BlockDevices, ADeviceThatIsRemovedIsNoLongerSentAndItsNumberCanBeAnother) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_zram());
  BlockWatch watch;
  std::string name;
  {
    const ZramDevice zram("16M");
    name = zram.name();
    watch.during([&] { static_cast<void>(fio(zram.path(), {"--rw=randread", "--number_ios=10"})); });
    ASSERT_EQ(watch.sum(name, "read", id::kIos), 10U);
  }
  watch.during([] { std::this_thread::sleep_for(1500ms); });  // it is looked for once a second
  ASSERT_FALSE(watch.last_frame_has(name));
  const ZramDevice again("16M");
  ASSERT_EQ(again.name(), name);
  watch.during([&] { static_cast<void>(fio(again.path(), {"--rw=randread", "--number_ios=7"})); });
  EXPECT_EQ(watch.sum(name, "read", id::kIos), 17U);
  EXPECT_EQ(watch.times(ids::kBlockTotal, name, "read").count, 17U);
  EXPECT_TRUE(watch.last_frame_has(name));
}

}  // namespace
}  // namespace kpulse::test
