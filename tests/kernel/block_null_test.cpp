// Disks of the kernel's own (null_blk, device-mapper), whose every I/O is known: none may be missed. In guests
// (tests/vm).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <fstream>
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

namespace id = ids::block;

/// Reads so many blocks past the page cache; how often that failed.
int failed_reads(const std::string& path, int times) {
  alignas(4096) static std::array<char, 4096> block{};
  const FileDescriptor disk(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  int failed = 0;
  for (int time = 0; time < times; ++time) failed += pread(disk.get(), block.data(), block.size(), 4096L * time) < 0;
  return failed;
}

void expect_nothing_missed(const BlockWatch& watch) {
  const kp_block_losses& losses = watch.probe().losses();
  EXPECT_EQ(losses.unseen, 0U);
  EXPECT_EQ(losses.untimed, 0U);
  EXPECT_EQ(losses.unended, 0U);
  EXPECT_EQ(losses.uncounted, 0U);
  EXPECT_EQ(losses.overruns, 0U);
  EXPECT_EQ(losses.backwards, 0U);
}

class NullDiskCounts : public testing::TestWithParam<const char*> {};

TEST_P(NullDiskCounts, EveryIoOfThousandsIsSeenFromBeginningToEnd) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  constexpr std::uint64_t kIos = 6'000;
  const NullDisk disk(NullDisk::Attributes{{"completion_nsec", "100000"}});
  set_scheduler(disk.name(), GetParam());
  BlockWatch watch;
  const DiskStat before = disk_stat(disk.name());
  FioResult mixed;
  watch.during([&] {
    mixed = fio(disk.path(), {"--rw=randrw", "--number_ios=" + std::to_string(kIos), "--iodepth=16",
                              "--bssplit=4k/80:64k/20", "--size=512M"});
  });
  ASSERT_EQ(mixed.status, 0) << mixed.output;
  const DiskStat truth = disk_stat(disk.name()) - before;
  ASSERT_EQ(
      truth[DiskStat::kReads] + truth[DiskStat::kWrites] + truth[DiskStat::kReadMerges] + truth[DiskStat::kWriteMerges],
      kIos);
  expect_equal(watch, disk.name(), truth);
  expect_nothing_missed(watch);
  EXPECT_EQ(watch.times(ids::kBlockTotal, disk.name(), "read").count, truth[DiskStat::kReads]);
  EXPECT_EQ(watch.times(ids::kBlockTotal, disk.name(), "write").count, truth[DiskStat::kWrites]);
  EXPECT_EQ(watch.times(ids::kBlockQueue, disk.name(), "read").count, truth[DiskStat::kReads]);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, NullDiskCounts, testing::Values("none", "mq-deadline"), [](const auto& scheduler) {
  std::string name = scheduler.param;
  std::erase(name, '-');
  return name;
});

TEST(NullDisks, TheTimeAtTheDeviceIsWhatTheDiskTakes) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  constexpr std::uint64_t kTakes = 5'000'000, kReads = 100;
  const NullDisk disk(NullDisk::Attributes{{"completion_nsec", std::to_string(kTakes)}});
  BlockWatch watch;
  watch.during([&] { EXPECT_EQ(failed_reads(disk.path(), kReads), 0); });
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kIos), kReads);
  const std::uint64_t mean = watch.sum(disk.name(), "read", id::kDevice) / kReads;
  EXPECT_GE(mean, kTakes * 98 / 100);
  EXPECT_LE(mean, kTakes * 3);  // an emulated timer is late now and then
  expect_nothing_missed(watch);
}

TEST(NullDisks, ErrorsOfBadBlocksAreCountedOneByOne) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  const NullDisk disk(NullDisk::Attributes{{"badblocks", "+80-239"}});  // of the first 40 blocks of 4 KiB, 20
  BlockWatch watch;
  int failed = 0;
  watch.during([&] { failed = failed_reads(disk.path(), 40); });
  ASSERT_EQ(failed, 20);
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kErrorsIo), 20U);
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kIos), 40U);
  expect_nothing_missed(watch);
}

TEST(NullDisks, IosThatTimeOutAreCountedAsSuch) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  const NullDisk disk(NullDisk::Attributes{{"completion_nsec", "2500000000"}});  // the kernel looks once a second
  std::ofstream("/sys/block/" + disk.name() + "/queue/io_timeout") << 300 << std::flush;  // ms
  BlockWatch watch;
  std::array<int, 4> errors{};
  watch.during([&] {
    std::deque<std::thread> readers;
    for (int& error : errors) {
      readers.emplace_back([&] { error = failed_reads(disk.path(), 1) == 1 ? errno : 0; });
    }
    for (std::thread& reader : readers) reader.join();
  });
  for (const int error : errors) ASSERT_EQ(error, ETIMEDOUT);
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kErrorsTimeout), errors.size());
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kErrorsIo), 0U);
  EXPECT_EQ(watch.sum(disk.name(), "read", id::kIos), errors.size());
  expect_nothing_missed(watch);
}

class MappedDisks : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MappedDisks, AnIoIsCountedOnceAboveAndOnceBelow) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_mapped_disk());
  const NullDisk disk;
  const MappedDisk mapped(GetParam().first, disk.path(), GetParam().second);
  BlockWatch watch;
  const DiskStat above = disk_stat(mapped.name()), below = disk_stat(disk.name());
  FioResult mixed;
  watch.during([&] { mixed = fio(mapped.path(), {"--rw=randrw", "--number_ios=500", "--iodepth=8", "--size=512M"}); });
  ASSERT_EQ(mixed.status, 0) << mixed.output;
  ASSERT_EQ(mixed.reads + mixed.writes, 500U);
  expect_equal(watch, mapped.name(), disk_stat(mapped.name()) - above);
  expect_equal(watch, disk.name(), disk_stat(disk.name()) - below);
  for (const std::string& name : {mapped.name(), disk.name()}) {
    EXPECT_EQ(watch.sum(name, "read", id::kIos), mixed.reads) << name;
    EXPECT_EQ(watch.sum(name, "write", id::kIos), mixed.writes) << name;
  }
  EXPECT_GE(watch.sum(mapped.name(), "read", id::kDevice), watch.sum(disk.name(), "read", id::kDevice));
  expect_nothing_missed(watch);
}

INSTANTIATE_TEST_SUITE_P(Targets, MappedDisks,
                         testing::Values(std::pair{"linear", ""}, std::pair{"delay", " 2"}),  // ms
                         [](const auto& target) { return std::string(target.param.first); });

TEST(NullDisks, ThoseThatFindNoPlaceInTheTableAreCountedTogether) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_null_disk());
  constexpr int kDisks = 20, kReads = 10;
  std::deque<NullDisk> disks;
  for (int number = 0; number < kDisks; ++number) disks.emplace_back();
  BlockWatch watch;
  watch.during([&] {
    for (const NullDisk& disk : disks) EXPECT_EQ(failed_reads(disk.path(), kReads), 0);
  });
  std::uint64_t named = 0;
  for (const NullDisk& disk : disks) named += watch.sum(disk.name(), "read", id::kIos) == kReads ? 1 : 0;
  EXPECT_EQ(named, KP_BLOCK_DEVICES);
  EXPECT_EQ(watch.sum("other", "read", id::kIos), (kDisks - named) * kReads);
  EXPECT_EQ(watch.probe().losses().shared, (kDisks - named) * kReads);
  expect_nothing_missed(watch);
}

}  // namespace
}  // namespace kpulse::test
