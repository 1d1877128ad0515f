#include "probes/sched/assembler.h"

#include <gmock/gmock.h>

#include <cstring>
#include <memory>

#include "model/ids.h"
#include "unit/probes/assembler_fixture.h"
#include "unit/probes/sched/windows.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace id = ids::sched;

constexpr std::uint64_t kLength = 1'000;
constexpr std::size_t kSlots = 512;

/// A CPU's side of the contract, made by hand: windows of 1000 ns, window n begins at n * 1000.
class SchedAssemblerTest : public AssemblerTest<SchedAssembler> {
 protected:
  SchedAssemblerTest() : AssemblerTest(2U) {
    assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = kLength, .epoch = 1});
  }

  static kp_sched_window window(std::uint64_t number, std::uint64_t previous, std::uint32_t switches = 2) {
    return made_window(kLength, number, previous, switches);
  }

  void snapshot(const kp_sched_window& open, std::uint64_t from) {
    auto cpu = std::make_unique<kp_sched_cpu>();
    cpu->open = open;
    cpu->from = from;
    cpu->wait.buckets[20] = waits_;
    assembler_.on_snapshot(0, *cpu);
  }

  std::uint64_t waits_ = 0;
};

TEST_F(SchedAssemblerTest, ADeliveredWindowIsTakenAsItIs) {
  kp_sched_window record = window(5, 4);
  record.busy_ns = 600;
  record.waits = 3;
  record.wait_ns = 90;
  record.wait_max_ns = 50;
  record.culprit_ns = 40;
  record.waits_partial = 2;
  record.waits_discarded = 1;
  record.discarded_ns = 70;
  record.voluntary = 1;
  record.involuntary = 1;
  record.victim.pid = 11;
  record.culprit.pid = 12;
  ASSERT_TRUE(assembler_.on_record(record));
  snapshot(window(6, 5), 6'000);
  const Series& series = collect(5, 1);
  EXPECT_THAT(values(series, id::kBusy), ElementsAre(600));
  EXPECT_THAT(values(series, id::kIdle), ElementsAre(400));
  EXPECT_THAT(values(series, id::kWait), ElementsAre(90));
  EXPECT_THAT(values(series, id::kWaitMax), ElementsAre(50));
  EXPECT_THAT(values(series, id::kCulpritTime), ElementsAre(40));
  EXPECT_THAT(values(series, id::kWaitsPartial), ElementsAre(2));
  EXPECT_THAT(values(series, id::kWaitsDiscarded), ElementsAre(1));
  EXPECT_THAT(values(series, id::kDiscarded), ElementsAre(70));
  EXPECT_THAT(values(series, id::kVictim), ElementsAre(1));
  EXPECT_THAT(values(series, id::kCulprit), ElementsAre(2));
  EXPECT_EQ(tasks_.at(0).pid, 11U);
  EXPECT_EQ(tasks_.at(1).pid, 12U);
}

TEST_F(SchedAssemblerTest, WhatCannotBeMeasuredIsNamed) {
  assembler_.set_unmeasured({id::kForks});
  assembler_.on_record(window(5, 4));
  snapshot(window(6, 5), 6'000);
  EXPECT_THAT(collect(5, 1).unmeasured, ElementsAre(id::kForks));
}

TEST_F(SchedAssemblerTest, WindowsWithoutEventsGoOnAsTheOneBeforeEnded) {
  kp_sched_window after_spin = window(8, 4);
  after_spin.carried = 77;
  after_spin.runnable_carried = 3;
  after_spin.runnable_max = 2;
  assembler_.on_record(window(4, 3));
  assembler_.on_record(after_spin);
  kp_sched_window open = window(11, 8);
  open.carried = 0;
  open.runnable_carried = 1;
  snapshot(open, 11'500);
  const Series& series = collect(4, 7);
  EXPECT_THAT(values(series, id::kBusy), ElementsAre(0, kLength, kLength, kLength, 0, 0, 0));
  EXPECT_THAT(values(series, id::kRunnableMax), ElementsAre(0, 3, 3, 3, 2, 1, 1));
  EXPECT_EQ(assembler_.windows_lost(), 0U);
}

TEST_F(SchedAssemblerTest, ACpuThatHasGoneQuietIsReadFromItsOpenWindow) {
  kp_sched_window open = window(4, 3);
  open.busy_ns = 100;
  open.running = 77;
  open.runnable = 4;
  open.runnable_max = 6;
  snapshot(open, 4'300);
  const Series& series = collect(4, 3);
  EXPECT_THAT(values(series, id::kBusy), ElementsAre(100 + 700, kLength, kLength));
  EXPECT_THAT(values(series, id::kRunnableMax), ElementsAre(6, 4, 4));
}

TEST_F(SchedAssemblerTest, AWindowThatWasReadAndIsThenDeliveredIsTheSameWindow) {
  snapshot(window(4, 3), 4'300);
  collect(4, 2);
  assembler_.on_record(window(4, 3));
  EXPECT_EQ(assembler_.windows_late(), 0U);
  EXPECT_FALSE(assembler_.late());
  assembler_.on_record(window(4, 3, 9));  // but it has more events than when it was read
  EXPECT_EQ(assembler_.windows_late(), 1U);
  assembler_.on_record(window(5, 4));
  EXPECT_EQ(assembler_.windows_late(), 2U);
}

TEST_F(SchedAssemblerTest, AWindowClosedAfterItWasReadCountsOnce) {
  kp_sched_window record = window(4, 3);
  record.running = 9;
  record.runnable = 5;
  assembler_.on_record(record);
  snapshot(window(4, 3), 4'300);
  const Series& series = collect(4, 3);
  EXPECT_THAT(values(series, id::kSwitches), ElementsAre(2, 0, 0));
  EXPECT_THAT(values(series, id::kRunnableMax), ElementsAre(0, 5, 5));
  EXPECT_THAT(values(collect(7, 2), id::kBusy), ElementsAre(kLength, kLength));
}

TEST_F(SchedAssemblerTest, AWindowWhoseRecordIsMissingIsAbsent) {
  assembler_.on_record(window(4, 3));
  assembler_.on_record(window(8, 6));  // 6 did not fit into the ring buffer; what came before it is unknown as well
  snapshot(window(9, 8), 9'100);
  const Series& series = collect(4, 5);
  EXPECT_THAT(series.absent, ElementsAre(1, 2));
  EXPECT_EQ(assembler_.windows_lost(), 0U) << "they may still come";
  collect(LateWindows::kPatienceNs / kLength + 5, 1);
  EXPECT_EQ(assembler_.windows_lost(), 1U);
  collect(LateWindows::kPatienceNs / kLength + 6, 1);
  EXPECT_EQ(assembler_.windows_lost(), 2U);
}

TEST_F(SchedAssemblerTest, ACpuThatWasNeverSeenHasNoSeries) {
  TaskTable table(tasks_);
  assembler_.collect({.first = 1, .count = 3}, table, series_);
  EXPECT_THAT(series_, IsEmpty());
}

TEST_F(SchedAssemblerTest, RecordsOfAnotherEpochAndOfUnknownCpusAreNotTaken) {
  kp_sched_window other = window(4, 3);
  other.epoch = 7;
  EXPECT_TRUE(assembler_.on_record(other));
  kp_sched_window stranger = window(4, 3);
  stranger.head.cpu = 2;
  EXPECT_FALSE(assembler_.on_record(stranger));
  snapshot(window(5, 4), 5'100);
  EXPECT_THAT(collect(5, 1).absent, IsEmpty());
}

TEST_F(SchedAssemblerTest, ANewEpochForgetsWindowsButNotWhatTheCpuIsDoing) {
  snapshot(window(900, 899), 900'100);
  collect(900, 1);
  assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = kLength, .epoch = 2});
  kp_sched_window open = window(901, 900);  // the kernel has not seen an event of the new epoch yet
  open.running = 5;
  snapshot(open, 901'100);
  EXPECT_THAT(values(collect(10, 2), id::kBusy), ElementsAre(kLength, kLength));
}

TEST_F(SchedAssemblerTest, RareEventsAreTakenFromTheSlotsOfTheirWindow) {
  std::vector<kp_sched_slot> slots(kSlots);
  slots[5] = {.life_window = 5, .moves_window = 5, .forks = 1, .execs = 2, .exits = 3, .migrations = 4};
  slots[6] = {.life_window = 5 - 1, .moves_window = 6, .forks = 9, .execs = 9, .exits = 9, .migrations = 8};
  snapshot(window(7, 4), 7'100);
  assembler_.on_slots(0, slots, 7);
  const Series& series = collect(5, 2);
  EXPECT_THAT(values(series, id::kForks), ElementsAre(1, 0));
  EXPECT_THAT(values(series, id::kExecs), ElementsAre(2, 0));
  EXPECT_THAT(values(series, id::kExits), ElementsAre(3, 0));
  EXPECT_THAT(values(series, id::kMigrations), ElementsAre(4, 8));
}

TEST_F(SchedAssemblerTest, ASlotTakenByALaterWindowMakesItsRowAbsent) {
  std::vector<kp_sched_slot> slots(kSlots);
  slots[5] = {.life_window = 5 + kSlots, .moves_window = 0, .forks = 1, .execs = 0, .exits = 0, .migrations = 0};
  snapshot(window(7, 4), 7'100);
  assembler_.on_slots(0, slots, 7);
  EXPECT_THAT(collect(5, 2).absent, ElementsAre(0));
}

TEST_F(SchedAssemblerTest, WindowsWhoseSlotsWereNotTakenInTimeAreAbsentAndLost) {
  const std::vector<kp_sched_slot> slots(16);
  snapshot(window(4, 3), 4'100);
  assembler_.on_slots(0, slots, 6);
  collect(4, 2);
  assembler_.on_slots(0, slots, 30);  // of 6 to 13 nobody knows
  EXPECT_THAT(collect(6, 10).absent, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(assembler_.windows_lost(), 8U);
}

TEST_F(SchedAssemblerTest, HistogramsAreDifferencesBetweenFrames) {
  waits_ = 100;  // before the stream
  snapshot(window(4, 3), 4'100);
  waits_ = 103;
  snapshot(window(5, 4), 5'100);
  collect(5, 1);
  ASSERT_EQ(series_.size(), 2U);
  EXPECT_EQ(series_[1].measurement, ids::kSchedWait);
  EXPECT_THAT(series_[1].columns.at(0).buckets, ElementsAre(Bucket{20, 3}));
  collect(6, 1);
  EXPECT_EQ(series_.size(), 1U) << "nothing was recorded";
}

}  // namespace
}  // namespace kpulse::probes
