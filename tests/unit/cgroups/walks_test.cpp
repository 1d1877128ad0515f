#include "cgroups/walks.h"

#include <gtest/gtest.h>

#include <vector>

namespace kpulse::cgroups {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

class WalksTest : public testing::Test {
 protected:
  /// What the agent does once a tick, for `seconds`; how many walks that made. Each takes `cost` and brings no name.
  int walks_in(std::uint64_t seconds, std::uint64_t cost = kMs) {
    int count = 0;
    for (const std::uint64_t end = now_ + seconds * kSecond; now_ < end; now_ += 100 * kMs) {
      if (!walks_.due(now_) || !walks_.wanted(now_, nameless_, lost_)) continue;
      ++count;
      walks_.done(now_, cost, nameless_, lost_, {});
    }
    return count;
  }

  Walks walks_;
  std::uint64_t now_ = kSecond;
  std::vector<std::uint64_t> nameless_;
  std::uint64_t lost_ = 0;
};

TEST_F(WalksTest, NothingToFindIsNoReasonToWalk) {
  EXPECT_EQ(walks_in(100), 0);
}

TEST_F(WalksTest, ALostEventIsAReasonOnce) {
  lost_ = 1;
  EXPECT_EQ(walks_in(100), 1);
}

TEST_F(WalksTest, ACgroupThatCannotBeNamedIsLookedForEverMoreSeldom) {
  nameless_ = {7};
  EXPECT_EQ(walks_in(10), 3);  // at 0 s, 2 s and 6 s
  walks_in(1000);
  EXPECT_LE(walks_in(640), 10);
  EXPECT_GE(walks_in(640), 9);
}

TEST_F(WalksTest, AnotherOneIsLookedForAtOnce) {
  nameless_ = {7};
  walks_in(1000);
  nameless_ = {7, 8};
  EXPECT_EQ(walks_in(2), 1);
}

TEST_F(WalksTest, TheyCostOnePercentOfACpuEvenWhenEachHasAReason) {
  int count = 0;
  for (int second = 0; second < 1000; ++second) {
    ++lost_;
    count += walks_in(1, 200 * kMs);
  }
  EXPECT_GE(count, 48);
  EXPECT_LE(count, 51);
}

TEST_F(WalksTest, AWalkFromTheRootShowsWhatIsGone) {
  const Walk walk{.ids = {1, 7}, .complete = true, .from_root = true};
  EXPECT_TRUE(walks_.gone(8, walk));
  EXPECT_FALSE(walks_.gone(7, walk));
}

TEST_F(WalksTest, ACgroupThatThisMountNeverShowedIsNotGone) {
  const Walk part{.ids = {5, 7}, .complete = true, .from_root = false};
  EXPECT_FALSE(walks_.gone(8, part));
  walks_.done(0, 0, {}, 0, {.ids = {5, 7, 8}, .complete = true, .from_root = false});
  EXPECT_TRUE(walks_.gone(8, part));
  EXPECT_FALSE(walks_.gone(9, part));
}

TEST_F(WalksTest, AWalkThatCouldNotReadEverythingShowsNothingToBeGone) {
  EXPECT_FALSE(walks_.gone(8, {.ids = {1}, .complete = false, .from_root = true}));
}

}  // namespace
}  // namespace kpulse::cgroups
