#include "bridge/gaps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace kpulse::bridge {
namespace {

constexpr std::uint64_t kStart = 1'000;
constexpr std::uint64_t kNew = 2'000;
constexpr std::uint64_t kOld = 500;

TEST(Gaps, AStreamThatBeganAfterTheBridgeIsExpectedFromItsFirstFrame) {
  GapTracker gaps(kStart);
  EXPECT_TRUE(gaps.see("a", kNew, 4));
  EXPECT_EQ(gaps.stats().missing, 3U);
}

TEST(Gaps, AStreamThatWasThereBeforeTheBridgeIsExpectedFromTheFirstSeen) {
  GapTracker gaps(kStart);
  gaps.see("a", kOld, 1'000'000);
  gaps.see("a", kOld, 1'000'002);
  EXPECT_EQ(gaps.stats().missing, 1U);
  gaps.see("a", kOld, 5);
  EXPECT_EQ(gaps.stats().missing, 1U);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
}

TEST(Gaps, AFrameThatComesLateIsNotMissingAnyMore) {
  GapTracker gaps(kStart);
  for (const std::uint64_t sequence : {1U, 2U, 5U, 3U}) gaps.see("a", kNew, sequence);
  EXPECT_EQ(gaps.stats().missing, 1U);
  gaps.see("a", kNew, 4);
  EXPECT_EQ(gaps.stats().missing, 0U);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
}

TEST(Gaps, EveryRepetitionIsADuplicate) {
  GapTracker gaps(kStart);
  for (const std::uint64_t sequence : {1U, 2U, 2U, 1U, 3U, 3U, 3U}) gaps.see("a", kNew, sequence);
  EXPECT_EQ(gaps.stats().duplicate, 4U);
  EXPECT_EQ(gaps.stats().missing, 0U);
}

TEST(Gaps, CountsAreExactInAnyOrderWithinReach) {
  std::minstd_rand random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> order(900);
    std::iota(order.begin(), order.end(), 1);
    std::ranges::shuffle(order, random);
    const std::vector<std::uint64_t> lost(order.begin(), order.begin() + 37);
    order.erase(order.begin(), order.begin() + 37);
    order.insert(order.end(), order.begin(), order.begin() + 11);
    const std::uint64_t highest = *std::ranges::max_element(order);
    const auto expected = std::ranges::count_if(lost, [highest](std::uint64_t sequence) { return sequence < highest; });
    GapTracker gaps(kStart);
    for (const std::uint64_t sequence : order) gaps.see("a", kNew, sequence);
    EXPECT_EQ(gaps.stats().missing, static_cast<std::uint64_t>(expected));
    EXPECT_EQ(gaps.stats().duplicate, 11U);
  }
}

TEST(Gaps, JumpsPastTheReachAreCountedAndOldOnesFillThem) {
  GapTracker gaps(kStart);
  gaps.see("a", kNew, 1);
  gaps.see("a", kNew, 100'000);
  EXPECT_EQ(gaps.stats().missing, 99'998U);
  gaps.see("a", kNew, 7);
  EXPECT_EQ(gaps.stats().missing, 99'997U);
  gaps.see("a", kNew, 99'999);
  EXPECT_EQ(gaps.stats().missing, 99'996U);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
}

TEST(Gaps, WhatLeavesTheReachUnseenStaysMissingAndWhatWasSeenStaysSeen) {
  GapTracker gaps(kStart);
  for (std::uint64_t sequence = 1; sequence <= 5'000; ++sequence) {
    if (sequence % 100 != 0) gaps.see("a", kNew, sequence);
  }
  EXPECT_EQ(gaps.stats().missing, 49U);
  gaps.see("a", kNew, 100);
  EXPECT_EQ(gaps.stats().missing, 48U);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
  GapTracker whole(kStart);
  for (std::uint64_t sequence = 1; sequence <= 5'000; ++sequence) whole.see("a", kNew, sequence);
  whole.see("a", kNew, 3);
  EXPECT_EQ(whole.stats().duplicate, 1U);
  EXPECT_EQ(whole.stats().missing, 0U);
}

TEST(Gaps, HostsAndStreamsAreKeptApart) {
  GapTracker gaps(kStart);
  gaps.see("a", kNew, 1);
  gaps.see("b", kNew, 1);
  gaps.see("a", kNew + 1, 1);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
  EXPECT_EQ(gaps.stats().missing, 0U);
}

TEST(Gaps, HostsAndStreamsAreBounded) {
  GapTracker gaps(kStart);
  for (std::size_t i = 0; i < GapTracker::kMaxHosts; ++i) gaps.see(std::to_string(i), kNew, 1);
  EXPECT_TRUE(gaps.see("one too many", kNew, 5));
  EXPECT_EQ(gaps.stats().untracked, 1U);
  EXPECT_EQ(gaps.stats().missing, 0U);
  for (std::uint64_t stream = 0; stream < 100; ++stream) gaps.see("0", kNew + 1 + stream, 1);
  EXPECT_EQ(gaps.stats().duplicate, 0U);
}

}  // namespace
}  // namespace kpulse::bridge
