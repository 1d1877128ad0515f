// What no task got of a CPU's time is shared out to its windows, each ns to one.
#include "probes/sched/lost.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>

#include "model/ids.h"
#include "probes/sched/assembler.h"
#include "unit/probes/assembler_fixture.h"
#include "unit/probes/sched/windows.h"

namespace kpulse::probes {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
namespace id = ids::sched;

constexpr std::uint64_t kLength = 1'000;

/// Closed at `closed`, its last event at `left`, with what was stolen until then.
kp_sched_window stretch(std::uint64_t left, std::uint64_t left_stolen, std::uint64_t closed,
                        std::uint64_t closed_stolen, bool running = true) {
  kp_sched_window window = made_window(kLength, left / kLength, 0);
  window.running = running ? 77 : 0;
  window.left_clock = left;
  window.left.stolen = left_stolen;
  window.closed_clock = closed;
  window.closed.stolen = closed_stolen;
  return window;
}

class LostTimeTest : public testing::Test {
 protected:
  std::uint64_t stolen(std::uint64_t window) {
    lost_.take(window, (window + 1) * kLength, kLength);
    return lost_.of(window).stolen;
  }

  std::vector<std::uint64_t> stolen(std::uint64_t first, std::uint64_t end) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t window = first; window < end; ++window) all.push_back(stolen(window));
    return all;
  }

  LostTime lost_;
};

TEST_F(LostTimeTest, WhatWasStolenFromATaskIsSpreadEvenlyBetweenTwoEvents) {
  lost_.on_record(stretch(10'000, 500, 14'000, 900));
  lost_.on_record(stretch(14'200, 901, 15'000, 901));
  EXPECT_THAT(stolen(10, 16), ElementsAre(100, 100, 100, 100, 1, 0));
}

TEST_F(LostTimeTest, AnIdleCpuIsStolenFromWhenItIsWokenUp) {
  lost_.on_record(stretch(10'000, 500, 14'400, 1'100, false));
  EXPECT_THAT(stolen(10, 15), ElementsAre(0, 0, 0, 200, 400));
}

TEST_F(LostTimeTest, WhatComesAboutOfAnOldWindowIsInTheNextOneWhenItIsLittle) {
  lost_.on_snapshot(10'500, true, {.stolen = 100, .irq = 0}, {});
  EXPECT_THAT(stolen(10, 12), ElementsAre(0, 0));
  lost_.on_record(stretch(10'500, 100, 13'000, 200));
  EXPECT_THAT(lost_.mend(10), IsEmpty());
  EXPECT_EQ(stolen(12), 100U) << "all of it";
}

TEST_F(LostTimeTest, WhatComesAboutOfAnOldWindowMendsItWhenItIsMuch) {
  lost_.on_snapshot(10'000, true, {.stolen = 100, .irq = 0}, {});
  EXPECT_THAT(stolen(10, 12), ElementsAre(0, 0));
  lost_.on_record(stretch(10'000, 100, 13'000, 1'600));
  EXPECT_THAT(lost_.mend(10), ElementsAre(10, 11));
  EXPECT_EQ(lost_.of(10).stolen, 500U);
  EXPECT_EQ(lost_.of(11).stolen, 500U);
  EXPECT_EQ(stolen(12), 500U) << "and is not in the next one, too";
  EXPECT_THAT(lost_.mend(10), IsEmpty());
}

TEST_F(LostTimeTest, ARunQueueThatIsLookedAtTellsWhatWasStolenFromATaskThatGoesOn) {
  kp_look look{.clock = 12'000, .lost = {.stolen = 300, .irq = 40}};
  lost_.on_snapshot(10'000, true, {.stolen = 100, .irq = 0}, look);
  EXPECT_THAT(stolen(10, 13), ElementsAre(100, 100, 0));
  EXPECT_EQ(lost_.of(10).irq, 20U);
  look.clock = 20'000;
  lost_.on_snapshot(10'000, false, {.stolen = 100, .irq = 0}, look);
  EXPECT_THAT(stolen(13, 15), ElementsAre(0, 0)) << "an idle CPU's clock stands still";
}

TEST_F(LostTimeTest, NothingBeforeTheFirstWindowAndNoMoreThanItsLengthIsInAWindow) {
  lost_.on_record(stretch(9'000, 0, 10'000, 900));
  lost_.on_record(stretch(10'100, 900, 10'200, 3'200));  // as of kernels that account for it at a tick
  EXPECT_THAT(stolen(10, 14), ElementsAre(1'000, 1'000, 300, 0));
  lost_.on_record(stretch(14'000, 3'200, 30'000, 4'800));
  EXPECT_EQ(stolen(20), 100U) << "those in between were never asked for";
}

/// Events, looks and mending in any order: what was last said of all windows adds up to what the sum grew by.
TEST_F(LostTimeTest, EachNsIsInOneWindowHoweverManyThereAre) {
  constexpr std::uint64_t kFirst = 10, kEnd = 3'000;
  std::map<std::uint64_t, std::uint64_t> said;
  std::uint64_t sum = 5'000, mended = 0;
  lost_.on_snapshot(kFirst * kLength, true, {.stolen = sum, .irq = 0}, {});
  for (std::uint64_t window = kFirst; window < kEnd; ++window) {
    const std::uint64_t before = sum;
    sum += window * 7919 % 700;
    const std::uint64_t left = window * kLength + window % 7;
    if (window % 3 == 0) lost_.on_record(stretch(left, before, left + kLength / 2, sum, window % 2 == 0));
    for (const std::uint64_t again : lost_.mend(std::max(kFirst, window - 5))) {
      said[again] = lost_.of(again).stolen;
      ++mended;
    }
    said[window] = stolen(window);
    lost_.forget_before(window > 100 ? window - 100 : 0);
  }
  const std::uint64_t end = kEnd * kLength;
  lost_.on_record(stretch(end, sum, end + 100, sum));
  for (const std::uint64_t again : lost_.mend(kEnd - 5)) said[again] = lost_.of(again).stolen;
  for (std::uint64_t window = kEnd; window < kEnd + 20; ++window) said[window] = stolen(window);
  std::uint64_t all = 0;
  for (const auto& [window, ns] : said) {
    EXPECT_LE(ns, kLength) << window;
    all += ns;
  }
  EXPECT_EQ(all, sum - 5'000);
  EXPECT_GT(mended, 100U) << "or this test is of little use";
}

class LostRowsTest : public AssemblerTest<SchedAssembler> {
 protected:
  LostRowsTest() : AssemblerTest(1U) {
    assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = kLength, .epoch = 1});
  }

  void snapshot(const kp_sched_window& open, std::uint64_t from, const kp_lost& lost) {
    auto cpu = std::make_unique<kp_sched_cpu>();
    cpu->open = open;
    cpu->from = from;
    cpu->lost = lost;
    assembler_.on_snapshot(0, *cpu);
  }

  Series late() {
    series_.clear();
    const auto range = assembler_.late();
    if (!range) return {};
    TaskTable table(tasks_);
    assembler_.collect_late(*range, table, series_);
    return series_.at(0);
  }
};

TEST_F(LostRowsTest, AWindowThatWasStolenUnseenIsSaidAgainWithAllThatIsKnownOfIt) {
  kp_sched_window open = made_window(kLength, 10, 9, 3);
  open.running = 77;
  open.runnable = open.runnable_max = 2;
  snapshot(open, 10'000, {.stolen = 50, .irq = 0});
  EXPECT_THAT(values(collect(10, 3), id::kStolen), IsEmpty()) << "nothing is known yet";
  open.left_clock = 10'000;
  open.left.stolen = 50;
  open.busy_ns = kLength;
  open.closed_clock = 13'500;
  open.closed.stolen = 3'550;
  assembler_.on_record(open);
  snapshot(made_window(kLength, 13, 10), 13'500, {.stolen = 3'550, .irq = 0});
  const Series again = late();
  EXPECT_THAT(again.absent, IsEmpty());
  EXPECT_THAT(values(again, id::kStolen), ElementsAre(1'000, 1'000, 1'000));
  EXPECT_THAT(values(again, id::kBusy), Each(kLength));
  EXPECT_THAT(values(again, id::kSwitches), ElementsAre(3, 0, 0));
  EXPECT_THAT(values(again, id::kRunnableMax), Each(2));
  EXPECT_FALSE(assembler_.late());
  EXPECT_THAT(values(collect(13, 1), id::kStolen), ElementsAre(500));
}

TEST_F(LostRowsTest, ATaskThatSpinsSinceBeforeTheStreamStaysBusyInWhatIsSaidAgain) {
  kp_sched_window open{};
  open.running = 77;
  open.runnable = 3;
  snapshot(open, 9'000, {.stolen = 50, .irq = 0});
  EXPECT_THAT(values(collect(10, 3), id::kBusy), Each(kLength));
  assembler_.on_look(0, {.clock = 13'000, .lost = {.stolen = 2'050, .irq = 0}});
  snapshot(open, 9'000, {.stolen = 50, .irq = 0});
  const Series again = late();
  EXPECT_THAT(values(again, id::kStolen), ElementsAre(500, 500, 500));
  EXPECT_THAT(values(again, id::kBusy), Each(kLength));
  EXPECT_THAT(values(again, id::kRunnableMax), Each(3));
}

TEST_F(LostRowsTest, ALateRowHasWhatWasSaidOfItsWindow) {
  kp_sched_window first = made_window(kLength, 10, 9);
  first.left_clock = 10'000;
  first.left.stolen = 50;
  first.closed_clock = 12'000;
  first.closed.stolen = 250;
  assembler_.on_record(first);
  snapshot(made_window(kLength, 12, 10), 12'000, {.stolen = 250, .irq = 0});
  EXPECT_THAT(values(collect(10, 3), id::kStolen), ElementsAre(0, 200, 0)) << "an idle CPU";
  kp_sched_window late_one = made_window(kLength, 12, 10, 5);
  late_one.left_clock = 12'000;
  late_one.left.stolen = 250;
  late_one.closed_clock = 13'000;
  late_one.closed.stolen = 250;
  assembler_.on_record(late_one);
  EXPECT_THAT(values(late(), id::kSwitches), ElementsAre(5));
}

}  // namespace
}  // namespace kpulse::probes
