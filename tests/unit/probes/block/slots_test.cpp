#include "probes/block/slots.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class BlockSlotsTest : public testing::Test {
 protected:
  BlockSlotsTest() { slots_.reset(KP_BLOCK_RING_BITS_MIN); }

  /// As the programs do it.
  void count(std::uint32_t series, std::uint64_t window, std::uint32_t ios = 0) {
    slots_.use(series);
    put(series, window, ios);
  }

  void put(std::uint32_t series, std::uint64_t window, std::uint32_t ios) {
    const std::size_t index = (series << KP_BLOCK_RING_BITS_MIN) | (window % (1U << KP_BLOCK_RING_BITS_MIN));
    if (entries_[index].window == 0) entries_[index].window = window;
    if (entries_[index].window == window) ++entries_[index].entered;
    if (ios == 0) return;
    exits_[index].window = window;
    exits_[index].ios += ios;
  }

  std::pair<std::uint64_t, std::uint64_t> take(std::uint64_t end) {
    taken_.clear();
    ended_.clear();
    return slots_.take(
        end, [this](std::uint32_t series, const kp_block_entry& slot) { taken_.emplace_back(series, slot.window); },
        [this](std::uint32_t series, const kp_block_exit& slot) { ended_.emplace_back(series, slot.ios); });
  }

  std::vector<kp_block_entry> entries_{KP_BLOCK_SLOTS};
  std::vector<kp_block_exit> exits_{KP_BLOCK_SLOTS};
  BlockSlots slots_{entries_, exits_};
  std::vector<std::pair<std::uint32_t, std::uint64_t>> taken_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ended_;
};

TEST_F(BlockSlotsTest, EverySeriesHasARingOfItsOwn) {
  take(1'000);
  count(3, 1'001);
  count(4, 1'001, 2);
  count(47, 1'002);
  EXPECT_THAT(take(1'003), Pair(1'003, 1'003));
  EXPECT_THAT(taken_, ElementsAre(Pair(3, 1'001), Pair(4, 1'001), Pair(47, 1'002)));
  EXPECT_THAT(ended_, ElementsAre(Pair(4, 2)));
  take(1'004);
  EXPECT_THAT(taken_, IsEmpty());
}

TEST_F(BlockSlotsTest, TooLateAVisitNamesTheWindowsThatCannotBeTrustedAndLosesNoneOfTheOthers) {
  take(1'000);
  EXPECT_THAT(take(1'128), Pair(1'128, 1'128));
  count(3, 1'128, 5);
  count(3, 1'129);
  EXPECT_THAT(take(1'128 + 130), Pair(1'256, 1'258));
  EXPECT_THAT(taken_, ElementsAre(Pair(3, 1'128), Pair(3, 1'129)));
  EXPECT_THAT(ended_, ElementsAre(Pair(3, 5)));
}

TEST_F(BlockSlotsTest, ShortWindowsHaveMoreSlotsEachAndTheFewerSeries) {
  EXPECT_EQ(BlockSlots::ring_bits(10'000'000), 7U);
  EXPECT_EQ(BlockSlots::ring_bits(1'000'000), 8U);
  EXPECT_EQ(KP_BLOCK_SLOTS >> 7, KP_BLOCK_SERIES);
}

/// The agent hears of a new series after its first I/O.
TEST_F(BlockSlotsTest, ASeriesThatComesIntoUseIsTakenFromItsFirstWindowOn) {
  count(3, 1'001, 1);
  take(1'002);
  put(4, 1'001, 1);
  put(4, 1'002, 1);
  take(1'003);
  EXPECT_THAT(taken_, IsEmpty());
  slots_.use(4);
  take(1'004);
  EXPECT_THAT(taken_, ElementsAre(Pair(4, 1'001), Pair(4, 1'002)));
}

TEST_F(BlockSlotsTest, ANewNumberingBeginsEmpty) {
  count(3, 1'001, 1);
  slots_.reset(KP_BLOCK_RING_BITS_MAX);
  take(1'002);
  EXPECT_THAT(taken_, IsEmpty());
  EXPECT_THAT(ended_, IsEmpty());
}

}  // namespace
}  // namespace kpulse::probes
