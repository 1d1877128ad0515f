#include "base/pacer.h"

#include <gtest/gtest.h>

namespace kpulse {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Pacer, WhatIsCheapIsDoneOnceAnInterval) {
  Pacer pacer(kSecond);
  pacer.postpone(0);
  EXPECT_FALSE(pacer.due(kSecond - 1));
  EXPECT_TRUE(pacer.due(kSecond));
}

TEST(Pacer, OneThatIsLateDoesNotShiftTheRhythm) {
  Pacer pacer(kSecond);
  pacer.postpone(0);
  pacer.done(kSecond + 400, 100);
  EXPECT_FALSE(pacer.due(2 * kSecond - 1));
  EXPECT_TRUE(pacer.due(2 * kSecond));
}

TEST(Pacer, ManyIntervalsMissedAreNotMadeUpFor) {
  Pacer pacer(kSecond);
  pacer.postpone(0);
  pacer.done(100 * kSecond, 0);
  EXPECT_FALSE(pacer.due(100 * kSecond + kSecond / 2 - 1));
  EXPECT_TRUE(pacer.due(100 * kSecond + kSecond / 2));
}

TEST(Pacer, WhatCostsMuchIsDoneSoSeldomThatItCostsOnePercent) {
  Pacer pacer(kSecond);
  constexpr std::uint64_t kTime = 1'000 * kSecond, kCost = kSecond / 20;
  std::uint64_t count = 0;
  for (std::uint64_t now = 0; now < kTime; now += kSecond / 10) {
    if (!pacer.due(now)) continue;
    pacer.done(now, kCost);
    ++count;
  }
  EXPECT_LE(count * kCost, kTime / 100 + Pacer::kSavedNs + kCost);
  EXPECT_GE(count * kCost, kTime / 100);
}

TEST(Pacer, WhatCostMuchOnceOnlyIsNotDoneMoreSeldom) {
  Pacer pacer(kSecond);
  pacer.done(kSecond, Pacer::kSavedNs / 2);
  EXPECT_TRUE(pacer.due(2 * kSecond));
  pacer.done(2 * kSecond, Pacer::kSavedNs);
  // 60 ms were saved: 50 of the 100 and 10 of the second between the two.
  EXPECT_FALSE(pacer.due(6 * kSecond - 1));
  EXPECT_TRUE(pacer.due(6 * kSecond));
}

}  // namespace
}  // namespace kpulse
