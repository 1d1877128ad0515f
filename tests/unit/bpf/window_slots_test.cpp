#include "bpf/window_slots.h"

#include <gmock/gmock.h>
#include <linux/types.h>

#include <array>
#include <utility>
#include <vector>

namespace kpulse::bpf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

struct Slot {
  __u64 window;
  __u64 count;
};

class WindowSlotsTest : public testing::Test {
 protected:
  /// As a program does it.
  bool count(std::uint64_t window) {
    Slot& slot = ring_[window % ring_.size()];
    if (slot.window != 0 && slot.window != window) return false;
    slot.window = window;
    ++slot.count;
    return true;
  }

  std::vector<std::pair<std::uint64_t, std::uint64_t>> take(std::uint64_t end) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    slots_.take(end, [&](std::uint64_t window, const Slot& slot) { taken.emplace_back(window, slot.count); });
    return taken;
  }

  std::array<Slot, 128> ring_{};
  WindowSlots<Slot> slots_{ring_};
};

TEST_F(WindowSlotsTest, HandsOutEachWindowThatHasCountsOnceAndFreesItsSlot) {
  ASSERT_TRUE(count(1'000) && count(1'000) && count(1'003));
  EXPECT_THAT(take(1'002), ElementsAre(Pair(1'000, 2)));
  EXPECT_THAT(take(1'004), ElementsAre(Pair(1'003, 1)));
  EXPECT_THAT(take(1'004), IsEmpty());
  EXPECT_TRUE(count(1'000 + ring_.size()));
  EXPECT_EQ(slots_.late(), 0U);
}

TEST_F(WindowSlotsTest, LeavesTheWindowsThatAreNotOverAlone) {
  ASSERT_TRUE(count(1'005));
  EXPECT_THAT(take(1'005), IsEmpty());
  EXPECT_THAT(take(1'006), ElementsAre(Pair(1'005, 1)));
}

TEST_F(WindowSlotsTest, AnEventThatComesAfterItsWindowWasTakenIsCountedAndDoesNotBlockTheSlot) {
  EXPECT_THAT(take(1'001), IsEmpty());
  ASSERT_TRUE(count(1'000));
  EXPECT_THAT(take(1'065), IsEmpty());
  EXPECT_EQ(slots_.late(), 1U);
  EXPECT_TRUE(count(1'000 + ring_.size()));
  EXPECT_THAT(take(1'001 + ring_.size()), ElementsAre(Pair(1'000 + ring_.size(), 1)));
}

TEST_F(WindowSlotsTest, WhatIsNotTakenForMoreThanARoundIsNotTakenForAnother) {
  take(1'000);
  ASSERT_TRUE(count(1'001) && count(1'000));
  EXPECT_FALSE(count(1'000 + ring_.size()));
  ASSERT_TRUE(count(1'002 + 2 * ring_.size()));
  EXPECT_THAT(take(1'003 + 2 * ring_.size()),
              ElementsAre(Pair(1'000, 1), Pair(1'001, 1), Pair(1'002 + 2 * ring_.size(), 1)));
  EXPECT_EQ(slots_.late(), 0U);
  EXPECT_TRUE(count(1'000 + 3 * ring_.size()));
}

TEST_F(WindowSlotsTest, HaveRoomForThreeSecondsOfWindows) {
  EXPECT_EQ(window_slots(10'000'000), 512U);
  EXPECT_EQ(window_slots(1'000'000), 4'096U);
  EXPECT_EQ(window_slots(1'000'000'000), 512U);
}

TEST_F(WindowSlotsTest, ANewNumberingBeginsWithEmptySlots) {
  ASSERT_TRUE(count(1'000));
  slots_.reset();
  EXPECT_TRUE(count(1'000 - 1));
  EXPECT_THAT(take(1'001), ElementsAre(Pair(999, 1)));
}

}  // namespace
}  // namespace kpulse::bpf
