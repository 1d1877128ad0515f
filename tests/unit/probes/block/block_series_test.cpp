#include "probes/block/block_series.h"

#include <gmock/gmock.h>

#include <vector>

#include "model/ids.h"
#include "unit/probes/assembler_fixture.h"

namespace kpulse::probes {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
namespace id = ids::block;

constexpr std::uint64_t kLength = 1'000;

/// I/Os that went to the device in a window, at these times before its end.
kp_block_entry entry(std::uint64_t window, std::uint32_t entered, std::uint64_t left_ns = 0) {
  kp_block_entry entry{};
  entry.window = window;
  entry.entered = entered;
  entry.depth_ns = left_ns;
  return entry;
}

/// I/Os that ended.
kp_block_exit ends(std::uint64_t window, std::uint32_t ios, std::uint64_t left_ns = 0) {
  kp_block_exit exit{};
  exit.window = window;
  exit.ios = ios;
  exit.depth_ns = left_ns;
  return exit;
}

kp_block_worst worst(std::uint64_t window, std::uint64_t queue_ns, std::uint64_t device_ns, std::uint32_t pid) {
  kp_block_worst worst{};
  worst.window = window;
  worst.queue_ns = queue_ns;
  worst.device_ns = device_ns;
  worst.sector = 2'048;
  worst.bytes = 4'096;
  worst.submitter.pid = pid;
  worst.submitter.tgid = pid;
  worst.submitter.cgroup = 77;
  return worst;
}

class BlockSeriesTest : public testing::Test {
 protected:
  const Series& collect(std::uint64_t first, std::uint32_t count) {
    output_.clear();
    tasks_.clear();
    TaskTable table(tasks_);
    absent_ = series_.collect({.first = first, .count = count}, kLength, table, output_);
    static const Series kNone;
    return output_.empty() ? kNone : output_.front();
  }

  static std::vector<double> depths(const Series& series) {
    for (const Column& column : series.columns) {
      if (column.field == id::kDepth) return column.reals;
    }
    return {};
  }

  BlockSeries series_{"vda", KP_BLOCK_WRITE};
  std::vector<Series> output_;
  std::vector<Task> tasks_;
  std::uint64_t absent_ = 0;
};

TEST_F(BlockSeriesTest, NothingIsSentBeforeTheFirstIoAndRowsOfZeroesAfterwards) {
  collect(10, 2);
  EXPECT_THAT(output_, IsEmpty());
  series_.on_slot(ends(12, 1));
  const Series& rows = collect(12, 2);
  EXPECT_EQ(rows.measurement, ids::kBlock);
  EXPECT_THAT(rows.tags, ElementsAre("vda", "write"));
  EXPECT_THAT(values(rows, id::kIos), ElementsAre(1, 0));
  collect(14, 2);
  ASSERT_THAT(output_, SizeIs(1));
  EXPECT_THAT(output_.front().columns, IsEmpty());
}

TEST_F(BlockSeriesTest, CountersOfASlotStandInItsWindow) {
  kp_block_exit ended = ends(11, 3);
  ended.bytes = 12'288;
  ended.queue_ns = 30;
  ended.device_ns = 600;
  ended.errors_io = 4;
  ended.errors_timeout = 5;
  ended.errors_nospc = 6;
  ended.errors_other = 7;
  kp_block_entry entered = entry(11, 4);
  entered.merges = 2;
  entered.requeues = 1;
  series_.on_slot(entered);
  series_.on_slot(ended);
  const Series& rows = collect(10, 3);
  EXPECT_THAT(values(rows, id::kIos), ElementsAre(0, 3, 0));
  EXPECT_THAT(values(rows, id::kBytes), ElementsAre(0, 12'288, 0));
  EXPECT_THAT(values(rows, id::kQueue), ElementsAre(0, 30, 0));
  EXPECT_THAT(values(rows, id::kDevice), ElementsAre(0, 600, 0));
  EXPECT_THAT(values(rows, id::kMerges), ElementsAre(0, 2, 0));
  EXPECT_THAT(values(rows, id::kRequeues), ElementsAre(0, 1, 0));
  EXPECT_THAT(values(rows, id::kErrorsIo), ElementsAre(0, 4, 0));
  EXPECT_THAT(values(rows, id::kErrorsTimeout), ElementsAre(0, 5, 0));
  EXPECT_THAT(values(rows, id::kErrorsNospc), ElementsAre(0, 6, 0));
  EXPECT_THAT(values(rows, id::kErrorsOther), ElementsAre(0, 7, 0));
}

TEST_F(BlockSeriesTest, AnIoAtTheDeviceCountsInEveryWindowUntilItEnds) {
  // Goes to the device with 400 ns of window 10 left, ends with 900 ns of window 13 left.
  kp_block_entry begun = entry(10, 1, 400);
  begun.net_max = 1;
  series_.on_slot(begun);
  series_.on_slot(ends(13, 1, 900));
  const Series& rows = collect(10, 5);
  EXPECT_THAT(depths(rows), ElementsAre(DoubleEq(0.4), DoubleEq(1), DoubleEq(1), DoubleEq(0.1), DoubleEq(0)));
  EXPECT_THAT(values(rows, id::kDepthMax), ElementsAre(1, 1, 1, 1, 0));
  EXPECT_THAT(values(rows, id::kIos), ElementsAre(0, 0, 0, 1, 0));
}

TEST_F(BlockSeriesTest, TheDepthGoesOnFromFrameToFrame) {
  kp_block_entry begun = entry(10, 2, 1'000);
  begun.net_max = 2;
  series_.on_slot(begun);
  collect(10, 1);
  EXPECT_EQ(series_.depth(), 2);
  kp_block_entry more = entry(11, 1, 500);
  more.net_max = 1;  // one more came, then one ended
  series_.on_slot(more);
  series_.on_slot(ends(11, 1, 500));
  const Series& rows = collect(11, 1);
  EXPECT_THAT(depths(rows), ElementsAre(DoubleEq(2)));
  EXPECT_THAT(values(rows, id::kDepthMax), ElementsAre(3));
  series_.on_idle();
  EXPECT_THAT(depths(collect(12, 1)), IsEmpty());
}

TEST_F(BlockSeriesTest, ADepthThatLostItsBeginningDoesNotGoBelowZero) {
  series_.on_slot(ends(10, 1, 500));
  EXPECT_THAT(depths(collect(10, 1)), IsEmpty());
  EXPECT_EQ(series_.depth(), 0);
}

TEST_F(BlockSeriesTest, TheLongestOfAWindowsCandidatesIsTheWorst) {
  kp_block_exit counted = ends(10, 9);
  counted.worst = (700 >> KP_BLOCK_WORST_SHIFT) + 1;
  series_.on_slot(counted);
  series_.on_worst(worst(10, 100, 300, 1));
  series_.on_worst(worst(10, 200, 500, 2));
  series_.on_worst(worst(10, 100, 400, 3));
  const Series& rows = collect(10, 1);
  EXPECT_THAT(values(rows, id::kWorst), ElementsAre(700));
  EXPECT_THAT(values(rows, id::kWorstQueue), ElementsAre(200));
  EXPECT_THAT(values(rows, id::kWorstBytes), ElementsAre(4'096));
  EXPECT_THAT(values(rows, id::kWorstSector), ElementsAre(2'048));
  ASSERT_THAT(values(rows, id::kSubmitter), ElementsAre(1));
  EXPECT_EQ(tasks_.at(0).pid, 2U);
  EXPECT_EQ(tasks_.at(0).cgroup, 77U);
}

TEST_F(BlockSeriesTest, WithoutItsRecordTheWorstHasATimeAndNobodysName) {
  kp_block_exit counted = ends(10, 1);
  counted.worst = (1'600 >> KP_BLOCK_WORST_SHIFT) + 1;
  series_.on_slot(counted);
  const Series& rows = collect(10, 1);
  EXPECT_THAT(values(rows, id::kWorst), ElementsAre(1'600));
  EXPECT_THAT(values(rows, id::kSubmitter), IsEmpty());
  EXPECT_THAT(tasks_, IsEmpty());
}

TEST_F(BlockSeriesTest, WindowsThatCannotBeTrustedAreAbsent) {
  series_.on_slot(ends(10, 1));
  series_.on_slot(ends(11, 5));
  series_.lose(11, 13);
  const Series& rows = collect(10, 4);
  EXPECT_THAT(rows.absent, ElementsAre(1, 2));
  EXPECT_EQ(absent_, 2U);
  EXPECT_THAT(values(rows, id::kIos), ElementsAre(1, 0, 0, 0));
}

TEST_F(BlockSeriesTest, HistogramsHaveWhatCameSinceTheLastFrame) {
  series_.on_slot(ends(10, 1));
  kp_block_times times{};
  times.queue_sum = 5;
  times.device_sum = 30;
  times.device[7] = 1;
  times.total[9] = 1;
  series_.on_times(times);
  series_.on_times(times);
  collect(10, 1);
  ASSERT_THAT(output_, SizeIs(3));  // nothing was queued
  EXPECT_EQ(output_[1].measurement, ids::kBlockDevice);
  EXPECT_THAT(output_[1].columns.at(0).buckets, ElementsAre(Bucket{.index = KP_BLOCK_FIRST + 7, .count = 2}));
  EXPECT_EQ(output_[1].columns.at(0).sum, 60U);
  EXPECT_EQ(output_[2].measurement, ids::kBlockTotal);
  EXPECT_EQ(output_[2].columns.at(0).sum, 70U);
  collect(11, 1);
  EXPECT_THAT(output_, SizeIs(1));
}

TEST_F(BlockSeriesTest, ARequestThatIsRequeuedIsNotAtTheDeviceUntilItIsIssuedAgain) {
  kp_block_entry tried = entry(10, 2, 1'000);
  tried.requeues = 1;
  tried.net_max = 1;
  series_.on_slot(tried);
  series_.on_slot(ends(10, 0, 300));
  const Series& rows = collect(10, 1);
  EXPECT_THAT(depths(rows), ElementsAre(DoubleEq(0.7)));
  EXPECT_THAT(values(rows, id::kDepthMax), ElementsAre(1));
  EXPECT_EQ(series_.depth(), 1);
}

TEST_F(BlockSeriesTest, ADiskHasWhatItsPartitionsCountedButKnowsItselfWhatEntersAndLeaves) {
  kp_block_entry through = entry(10, 4, 1'500);  // also what went to the partition
  through.net_max = 3;
  series_.on_slot(through);
  series_.on_slot(ends(10, 2, 800));
  kp_block_entry entered = entry(10, 3, 900);
  entered.net_max = 9;
  entered.merges = 1;
  kp_block_exit ended = ends(10, 1, 300);
  ended.bytes = 512;
  ended.errors_io = 1;
  series_.on_part(entered);
  series_.on_part(ended);
  series_.on_part(ended);
  const Series& rows = collect(10, 2);
  EXPECT_THAT(values(rows, id::kIos), ElementsAre(2, 0));
  EXPECT_THAT(values(rows, id::kBytes), ElementsAre(1'024, 0));
  EXPECT_THAT(values(rows, id::kMerges), ElementsAre(1, 0));
  EXPECT_THAT(values(rows, id::kErrorsIo), ElementsAre(2, 0));
  EXPECT_THAT(values(rows, id::kDepthMax), ElementsAre(3, 2));
  EXPECT_THAT(depths(rows), ElementsAre(DoubleEq(0.7), DoubleEq(2)));
}

}  // namespace
}  // namespace kpulse::probes
