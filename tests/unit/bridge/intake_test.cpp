#include "bridge/intake.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace kpulse::bridge {
namespace {

using namespace std::chrono_literals;

std::uint64_t rejected(const Intake& intake, Reject reason) {
  return intake.stats().rejected[static_cast<std::size_t>(reason)];
}

TEST(Intake, AGoodFrameComesThrough) {
  Intake intake(1U << 20U);
  intake.receive("kpulse/v1/vm1/frame", test::bytes_of(test::frame_of(1)));
  const auto received = intake.next(0ms);
  ASSERT_TRUE(received);
  const auto frame = intake.frame_of(*received);
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, test::frame_of(1));
  EXPECT_EQ(intake.stats().frames, 1U);
}

TEST(Intake, AMessageMadeOfTheMemoryOfAnotherOneHoldsNothingOfIt) {
  Intake intake(1U << 20U);
  intake.receive("kpulse/v1/a-long-host-name-of-before/state", std::string(5'000, 'x'));
  auto before = intake.next(0ms);
  ASSERT_TRUE(before);
  const char* memory = before->payload.data();
  intake.recycle(std::move(*before));
  intake.receive("kpulse/v1/vm1/frame", test::bytes_of(test::frame_of(1)));
  const auto received = intake.next(0ms);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->payload.data(), memory);
  EXPECT_EQ(received->payload, test::bytes_of(test::frame_of(1)));
  EXPECT_EQ(received->host, "vm1");
  EXPECT_FALSE(received->is_state);
}

TEST(Intake, TheMemoryOfAHugeMessageIsNotKept) {
  Intake intake(8U << 20U);
  intake.recycle({.host = "vm1", .payload = std::string(kMaxMessageBytes, 'x'), .is_state = false});
  intake.receive("kpulse/v1/vm1/frame", "x");
  const auto received = intake.next(0ms);
  ASSERT_TRUE(received);
  EXPECT_LT(received->payload.capacity(), kMaxMessageBytes);
}

TEST(Intake, RejectionsAreCountedByReason) {
  Intake intake(8U << 20U);
  intake.receive("kpulse/v1/vm2/frame", test::bytes_of(test::frame_of(1)));
  intake.receive("kpulse/v1/vm1/frame", "\xff\xff");
  intake.receive("kpulse/v1/vm1/state", "\xff\xff");
  for (int i = 0; i < 2; ++i) {
    const auto received = intake.next(0ms);
    ASSERT_TRUE(received);
    EXPECT_FALSE(intake.frame_of(*received));
  }
  const auto state = intake.next(0ms);
  ASSERT_TRUE(state && state->is_state);
  EXPECT_FALSE(intake.state_of(*state));
  EXPECT_EQ(rejected(intake, Reject::host_mismatch), 1U);
  EXPECT_EQ(rejected(intake, Reject::malformed), 2U);
}

TEST(Intake, AnOversizedPayloadIsNotEvenQueued) {
  Intake intake(8U << 20U);
  intake.receive("kpulse/v1/vm1/frame", std::string(kMaxMessageBytes + 1, 'x'));
  EXPECT_FALSE(intake.next(0ms));
  EXPECT_EQ(rejected(intake, Reject::oversized), 1U);
}

TEST(Intake, OtherTopicsAreCountedAndIgnored) {
  Intake intake(1U << 20U);
  for (const char* topic : {"kpulse/v1/vm1/cmd", "kpulse/v2/vm1/frame", "kpulse/v1//frame", "kpulse/v1/a/b/frame", ""})
    intake.receive(topic, "x");
  EXPECT_FALSE(intake.next(0ms));
  EXPECT_EQ(intake.stats().unknown_topic, 5U);
}

TEST(Intake, KeepsTheNewestWhenItIsFullAndCountsTheRest) {
  Intake intake(10'000);
  for (std::uint64_t i = 1; i <= 100; ++i)
    intake.receive("kpulse/v1/vm1/frame", test::bytes_of(test::frame_of(i)) + std::string(0, 'x'));
  std::uint64_t last = 0;
  std::uint64_t kept = 0;
  while (const auto received = intake.next(0ms)) {
    last = intake.frame_of(*received)->sequence;
    ++kept;
  }
  EXPECT_EQ(last, 100U);
  EXPECT_LT(kept, 100U);
  EXPECT_EQ(intake.discarded(), 100 - kept);
}

TEST(Intake, AnEmptyStateIsNoMistake) {
  Intake intake(1U << 20U);
  intake.receive("kpulse/v1/vm1/state", "");
  EXPECT_FALSE(intake.state_of(*intake.next(0ms)));
  EXPECT_EQ(rejected(intake, Reject::malformed), 0U);
}

}  // namespace
}  // namespace kpulse::bridge
