// What becomes known of windows after they were published is said again.
#include <gmock/gmock.h>

#include <memory>

#include "model/ids.h"
#include "probes/sched/assembler.h"
#include "unit/probes/assembler_fixture.h"
#include "unit/probes/sched/windows.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace id = ids::sched;

constexpr std::uint64_t kLength = 10'000'000;
constexpr std::uint64_t kPatience = LateWindows::kPatienceNs / kLength;

kp_sched_window window(std::uint64_t number, std::uint64_t previous) {
  return made_window(kLength, number, previous);
}

class LateTest : public AssemblerTest<SchedAssembler> {
 protected:
  LateTest() : AssemblerTest(2U) {
    assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = kLength, .epoch = 1});
  }

  void snapshot(const kp_sched_window& open, std::uint64_t from) {
    auto cpu = std::make_unique<kp_sched_cpu>();
    cpu->open = open;
    cpu->from = from;
    assembler_.on_snapshot(0, *cpu);
  }

  /// What the assembler has to say again, and of which windows.
  std::uint64_t collect_late() {
    series_.clear();
    tasks_.clear();
    const auto range = assembler_.late();
    if (!range) return 0;
    TaskTable table(tasks_);
    assembler_.collect_late(*range, table, series_);
    EXPECT_FALSE(assembler_.late()) << "it is said once";
    return range->first;
  }
};

TEST_F(LateTest, ARecordThatComesLateIsSaidUnderItsOwnNumberWithTheQuietOnesBeforeIt) {
  assembler_.on_record(window(4, 3));
  kp_sched_window last = window(9, 7);  // the record of 7 is not there yet, so neither is what lies before it
  assembler_.on_record(last);
  snapshot(window(10, 9), 10 * kLength);
  EXPECT_THAT(collect(4, 6).absent, ElementsAre(1, 2, 3));
  kp_sched_window late = window(7, 4);
  late.carried = 77;
  late.runnable_carried = 2;
  late.waits = 3;
  late.busy_ns = 600;
  assembler_.on_record(late);
  ASSERT_EQ(collect_late(), 5U);
  const Series& series = series_.at(0);
  // What came after it was known already, up to the events of 9, and stays as it is.
  EXPECT_THAT(values(series, id::kBusy), ElementsAre(kLength, kLength, 600));
  EXPECT_THAT(values(series, id::kRunnableMax), ElementsAre(2, 2, 0));
  EXPECT_THAT(values(series, id::kWaits), ElementsAre(0, 0, 3));
  EXPECT_THAT(series.absent, IsEmpty());
  collect(10 + 2 * kPatience, 1);
  EXPECT_EQ(assembler_.windows_lost(), 0U);
  EXPECT_EQ(assembler_.windows_late(), 1U);
}

TEST_F(LateTest, WhatWasTakenForQuietIsMendedWithAllThatFollows) {
  snapshot(window(4, 3), 4 * kLength + 5);
  EXPECT_THAT(values(collect(4, 6), id::kBusy), IsEmpty()) << "idle, as far as is known";
  kp_sched_window late = window(6, 4);
  late.busy_ns = 400;
  late.running = 9;  // and went on running
  late.runnable = 3;
  assembler_.on_record(window(4, 3));
  assembler_.on_record(late);
  ASSERT_EQ(collect_late(), 6U);
  EXPECT_THAT(values(series_.at(0), id::kBusy), ElementsAre(400, kLength, kLength, kLength));
  EXPECT_THAT(values(series_.at(0), id::kRunnableMax), ElementsAre(0, 3, 3, 3));
  EXPECT_THAT(values(collect(10, 1), id::kBusy), ElementsAre(kLength));
}

TEST_F(LateTest, AnOpenWindowThatEventsCameToAfterItWasPublishedIsSaidAtOnceAndNotTwice) {
  snapshot(window(4, 3), 4 * kLength + 5);
  collect(4, 3);
  kp_sched_window open = window(4, 3);
  open.switches = 3;
  open.running = 5;
  snapshot(open, 5 * kLength - 100);
  ASSERT_EQ(collect_late(), 4U);
  EXPECT_THAT(values(series_.at(0), id::kSwitches), ElementsAre(3, 0, 0));
  EXPECT_THAT(values(series_.at(0), id::kBusy), ElementsAre(100, kLength, kLength));
  open.busy_ns = 100;
  assembler_.on_record(open);
  EXPECT_EQ(collect_late(), 0U);
}

TEST_F(LateTest, SeveralInOneDrainAreEachSaidAndTheStretchesBetweenThem) {
  snapshot(window(4, 3), 4 * kLength + 5);
  collect(4, 8);
  kp_sched_window first = window(5, 4), second = window(8, 5);
  first.running = second.carried = 7;
  assembler_.on_record(first);
  assembler_.on_record(second);
  ASSERT_EQ(collect_late(), 5U);
  EXPECT_THAT(values(series_.at(0), id::kSwitches), ElementsAre(2, 0, 0, 2, 0, 0, 0));
  EXPECT_THAT(values(series_.at(0), id::kBusy), ElementsAre(0, kLength, kLength, 0, 0, 0, 0));
}

TEST_F(LateTest, ItsRareEventsAreSaidWithIt) {
  std::vector<kp_sched_slot> slots(512);
  slots[6] = {.life_window = 6, .moves_window = 0, .forks = 2, .execs = 0, .exits = 0, .migrations = 0};
  snapshot(window(4, 3), 4 * kLength + 5);
  assembler_.on_slots(0, slots, 10);
  EXPECT_THAT(values(collect(4, 6), id::kForks), ElementsAre(0, 0, 2, 0, 0, 0));
  assembler_.on_record(window(6, 4));
  ASSERT_EQ(collect_late(), 6U);
  EXPECT_THAT(values(series_.at(0), id::kForks), ElementsAre(2, 0, 0, 0));
}

TEST_F(LateTest, OtherCpusHaveNoRowsInIt) {
  snapshot(window(4, 3), 4 * kLength + 5);
  auto cpu = std::make_unique<kp_sched_cpu>();
  cpu->open = window(4, 3);
  cpu->from = 4 * kLength;
  assembler_.on_snapshot(1, *cpu);
  collect(4, 6);
  assembler_.on_record(window(6, 4));
  ASSERT_EQ(collect_late(), 6U);
  EXPECT_EQ(series_.size(), 1U);
  EXPECT_THAT(series_.at(0).tags, ElementsAre("0"));
}

TEST_F(LateTest, WhatComesLaterThanASecondIsLost) {
  snapshot(window(4, 3), 4 * kLength + 5);
  collect(4, static_cast<std::uint32_t>(kPatience) + 10);
  assembler_.on_record(window(5, 4));
  EXPECT_EQ(assembler_.windows_lost(), 1U);
  // What came after it is said all the same, as far back as there is patience.
  EXPECT_EQ(collect_late(), 4 + 10U);
}

TEST_F(LateTest, AWindowFromBeforeTheStreamIsNotLate) {
  kp_sched_window before = window(3, 2);
  snapshot(before, 3 * kLength + 5);
  collect(4, 4);
  assembler_.on_record(before);
  EXPECT_EQ(collect_late(), 0U);
  EXPECT_EQ(assembler_.windows_late(), 0U);
}

TEST_F(LateTest, ANewStreamForgetsWhatWasLateAndCountsWhatWasMissing) {
  assembler_.on_record(window(4, 3));
  assembler_.on_record(window(9, 7));
  snapshot(window(10, 9), 10 * kLength);
  collect(4, 6);
  assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = kLength, .epoch = 2});
  EXPECT_EQ(assembler_.windows_lost(), 3U);
  assembler_.on_record(window(7, 4));
  EXPECT_EQ(collect_late(), 0U);
}

}  // namespace
}  // namespace kpulse::probes
