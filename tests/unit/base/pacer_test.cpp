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
  pacer.done(kSecond + 400, kSecond + 500);
  EXPECT_FALSE(pacer.due(2 * kSecond - 1));
  EXPECT_TRUE(pacer.due(2 * kSecond));
}

TEST(Pacer, ManyIntervalsMissedAreNotMadeUpFor) {
  Pacer pacer(kSecond);
  pacer.postpone(0);
  pacer.done(100 * kSecond, 100 * kSecond);
  EXPECT_FALSE(pacer.due(100 * kSecond + kSecond / 2 - 1));
  EXPECT_TRUE(pacer.due(100 * kSecond + kSecond / 2));
}

TEST(Pacer, WhatTakesLongIsDoneSoSeldomThatItCostsOnePercent) {
  Pacer pacer(kSecond);
  pacer.postpone(0);
  pacer.done(kSecond, kSecond + kSecond / 10);
  EXPECT_FALSE(pacer.due(11 * kSecond - 1));
  EXPECT_TRUE(pacer.due(11 * kSecond));
}

}  // namespace
}  // namespace kpulse
