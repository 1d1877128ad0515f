// Counts, times and names of I/O against devices of known latency, and against what fio saw.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>

#include "base/clock.h"
#include "kernel/block_device.h"
#include "kernel/block_truth.h"
#include "kernel/block_watch.h"
#include "kernel/watch.h"
#include "model/histogram.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

namespace id = ids::block;

constexpr double kReadDelayNs = 5e6;
constexpr double kWriteDelayNs = 20e6;

const std::vector<std::string> kDelayed{"--filter=delay", "memory", "64M", "rdelay=5ms", "wdelay=20ms"};

class BlockLatency : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    KPULSE_NEED(missing_for_nbd());
  }
};

double mean(std::uint64_t sum, std::uint64_t count) {
  return static_cast<double>(sum) / static_cast<double>(count);
}

/// Where the mean is no good, because one that was held up for long changes it by much.
std::uint64_t median(BlockWatch::Times times) {
  std::ranges::sort(times.buckets, {}, &Bucket::index);  // they are those of one frame after the other
  return quantile(times.buckets, 0.5);
}

/// kpulse's time of an I/O lies inside of fio's, which begins before it and ends after it: on a busy machine fio waits
/// for a CPU to say that it has begun, and to see that it has ended. So all of kpulse's take no longer than all of
/// fio's.
void expect_inside(std::uint64_t queue_ns, std::uint64_t device_ns, std::uint64_t ios, double fios_mean_ns) {
  EXPECT_LE(static_cast<double>(queue_ns + device_ns), static_cast<double>(ios) * fios_mean_ns);
}

TEST_P(BlockLatency, CountOperationTimeAndSubmitterAreThoseOfFio) {
  const NbdFile file(kDelayed);
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam());
  BlockWatch watch;
  FioResult reads, writes;
  watch.during([&] { reads = fio(loop.path(), {"--rw=randread", "--number_ios=200"}); });
  watch.during([&] { writes = fio(loop.path(), {"--rw=randwrite", "--number_ios=50"}); });
  ASSERT_EQ(reads.status, 0) << reads.output;
  ASSERT_EQ(reads.reads, 200U);
  EXPECT_EQ(watch.sum(loop.name(), "read", id::kIos), reads.reads);
  EXPECT_EQ(watch.sum(loop.name(), "read", id::kBytes), reads.reads * 4096);
  EXPECT_EQ(watch.sum(loop.name(), "write", id::kIos), writes.writes);
  EXPECT_EQ(watch.sum(loop.name(), "write", id::kBytes), writes.writes * 4096);
  const double read =
      mean(watch.sum(loop.name(), "read", id::kDevice), watch.times(ids::kBlockDevice, loop.name(), "read").count);
  const double write =
      mean(watch.sum(loop.name(), "write", id::kDevice), watch.times(ids::kBlockDevice, loop.name(), "write").count);
  expect_inside(watch.sum(loop.name(), "read", id::kQueue), watch.sum(loop.name(), "read", id::kDevice), reads.reads,
                reads.read_latency_ns);
  expect_inside(watch.sum(loop.name(), "write", id::kQueue), watch.sum(loop.name(), "write", id::kDevice),
                writes.writes, writes.write_latency_ns);
  EXPECT_LT(median(watch.times(ids::kBlockQueue, loop.name(), "read")), 1'000'000U) << "one at a time waits for nobody";
  EXPECT_GE(read, kReadDelayNs);
  EXPECT_GE(write, kWriteDelayNs);
  // Each I/O is in each distribution once.
  for (const std::uint32_t measurement : {ids::kBlockQueue, ids::kBlockDevice, ids::kBlockTotal}) {
    expect_but_unended(watch, watch.times(measurement, loop.name(), "read").count, reads.reads);
  }
  EXPECT_EQ(watch.times(ids::kBlockDevice, loop.name(), "read").sum_ns, watch.sum(loop.name(), "read", id::kDevice));
  // With one I/O at a time each of them is its window's worst.
  int named = 0;
  for (const BlockRow& row : watch.rows(loop.name(), "read")) {
    if (row[id::kWorst] == 0) continue;
    ASSERT_NE(row[id::kSubmitter], 0U) << row.window;
    EXPECT_EQ(watch.task(row[id::kSubmitter]).comm, "fio");
    EXPECT_EQ(row[id::kWorstBytes], 4096U);
    EXPECT_LT(row[id::kWorstSector], 64U << 11U);
    EXPECT_GE(row[id::kWorst], row[id::kDevice] / row[id::kIos]);
    ++named;
  }
  EXPECT_GT(named, 50);
  EXPECT_EQ(watch.absent(), 0U);
}

TEST_P(BlockLatency, TheLargestDepthOfAWindowThatBeganWithNoneIsExact) {
  constexpr std::chrono::seconds kWindow(1);
  const NbdFile file(kDelayed);
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam());
  BlockWatch watch(kWindow);
  constexpr std::uint64_t kLength = std::chrono::nanoseconds(kWindow).count();
  for (const unsigned depth : {7U, 3U, 5U}) {
    std::vector<BlockRow> rows;  // fio may take its time to begin; then its I/Os are in two windows
    for (int attempt = 0; attempt < 10 && rows.size() != 1; ++attempt) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(kLength - wall_ns() % kLength) +
                                  std::chrono::milliseconds(50));
      const std::uint64_t window = wall_ns() / kLength;
      watch.during([&] {
        EXPECT_EQ(fio(loop.path(), {"--rw=randread", "--number_ios=40", "--iodepth=" + std::to_string(depth)}).reads,
                  40U);
      });
      rows.clear();
      std::ranges::copy_if(watch.rows(loop.name(), "read"), std::back_inserter(rows),
                           [&](const BlockRow& row) { return row.window >= window; });
    }
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.front()[id::kDepthMax], depth);
  }
}

TEST_P(BlockLatency, DepthIsHowManyTheDeviceHas) {
  const NbdFile file(kDelayed);
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam());
  for (int attempt = 0; attempt < 5; ++attempt) {
    BlockWatch watch;
    FioResult reads;
    watch.during([&] { reads = fio(loop.path(), {"--rw=randread", "--number_ios=3200", "--iodepth=8"}); });
    // A sandbox may hide the end of an I/O; it is then at the device for longer than it was.
    if (watch.probe().losses().unended > 0 || watch.sum(loop.name(), "read", id::kIos) != reads.reads) continue;
    const auto& rows = watch.rows(loop.name(), "read");
    // However slow fio is: each I/O is at the device for 5 ms at least, so no more than 8 * 10 / 5 fit into a window.
    ASSERT_GT(rows.size(), 150U);
    double depth = 0;
    for (std::size_t row = 20; row < rows.size() - 20; ++row) depth += rows[row].depth;
    EXPECT_LE(depth / static_cast<double>(rows.size() - 40), 8);
    // By Little's law: the sum of the times that I/Os were at the device is the depth over time.
    double all = 0;
    for (const BlockRow& row : rows) all += row.depth * 10e6;
    const auto device = static_cast<double>(watch.sum(loop.name(), "read", id::kDevice));
    EXPECT_NEAR(all, device, device * 1e-4);  // equal, unless windows were moved to follow the wall clock
    EXPECT_EQ(watch.max(loop.name(), "read", id::kDepthMax), 8U);
    return;
  }
  FAIL() << "in none of five attempts every I/O was counted";
}

TEST_P(BlockLatency, AnIoThatTakesLongerThanManyWindowsIsAtTheDeviceInAllOfThem) {
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=300ms"});
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), GetParam());
  BlockWatch watch;
  watch.during([&] { static_cast<void>(fio(loop.path(), {"--rw=randread", "--number_ios=1"})); });
  const auto& rows = watch.rows(loop.name(), "read");
  ASSERT_GE(rows.size(), 30U);
  EXPECT_LE(rows.size(), rows.back()[id::kWorst] / 10'000'000 + 2);
  for (std::size_t row = 1; row + 1 < rows.size(); ++row) EXPECT_DOUBLE_EQ(rows[row].depth, 1) << row;
  EXPECT_EQ(rows.back()[id::kIos], 1U);
  EXPECT_GE(rows.back()[id::kWorst], 300'000'000U);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, BlockLatency, testing::Values("none", "mq-deadline"), [](const auto& scheduler) {
  return scheduler.param == std::string("none") ? "None" : "MqDeadline";
});

TEST(BlockQueue, TimeInTheQueueAppearsWhenTheQueueIsDeep) {
  KPULSE_NEED_BPF();
  KPULSE_NEED(missing_for_nbd());
  const NbdFile file(kDelayed);
  const LoopDevice loop(file.path());
  set_scheduler(loop.name(), "mq-deadline");  // the driver takes 128; the rest waits in the scheduler
  BlockWatch watch;
  FioResult shallow, deep;
  watch.during([&] { shallow = fio(loop.path(), {"--rw=randread", "--number_ios=100"}); });
  const std::uint64_t before = median(watch.times(ids::kBlockQueue, loop.name(), "read"));
  const std::uint64_t timed_before = watch.times(ids::kBlockDevice, loop.name(), "read").count;
  const std::uint64_t queued_before = watch.sum(loop.name(), "read", id::kQueue);
  const std::uint64_t device_before = watch.sum(loop.name(), "read", id::kDevice);
  watch.during([&] { deep = fio(loop.path(), {"--rw=randread", "--number_ios=4000", "--iodepth=256"}); });
  const std::uint64_t queue = watch.sum(loop.name(), "read", id::kQueue) - queued_before;
  const std::uint64_t device = watch.sum(loop.name(), "read", id::kDevice) - device_before;
  const std::uint64_t timed = watch.times(ids::kBlockDevice, loop.name(), "read").count - timed_before;
  EXPECT_LT(before, 1'000'000U);
  EXPECT_GT(mean(queue, deep.reads), 5e6);
  EXPECT_GE(mean(device, timed), kReadDelayNs);
  expect_inside(queue, device, deep.reads, deep.read_latency_ns);
  // With that many in the queue some are next to each other and become one. What a sandbox hides counts when its
  // request is used again.
  const auto hidden = static_cast<double>(watch.probe().losses().unended + 2);
  EXPECT_NEAR(
      static_cast<double>(watch.sum(loop.name(), "read", id::kIos) + watch.sum(loop.name(), "read", id::kMerges)),
      static_cast<double>(shallow.reads + deep.reads), hidden);
  EXPECT_NEAR(static_cast<double>(watch.max(loop.name(), "read", id::kDepthMax)), 128, hidden);
  EXPECT_EQ(watch.absent(), 0U);
}

}  // namespace
}  // namespace kpulse::test
