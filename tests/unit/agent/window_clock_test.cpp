#include "agent/window_clock.h"

#include <gtest/gtest.h>

namespace kpulse::agent {
namespace {

constexpr std::uint64_t kWindow = 10'000'000;
constexpr std::uint64_t kMonoStart = 5'000'000'000;
constexpr std::uint64_t kClockLag = 123'456'789;  // CLOCK_MONOTONIC minus run-queue clock
constexpr std::uint64_t kWallStart = 1'700'000'000'003'000'000;

WallReading at(std::uint64_t elapsed, std::uint64_t wall_error = 0) {
  return {.wall_ns = kWallStart + elapsed + wall_error, .mono_ns = kMonoStart + elapsed};
}

probes::ClockReading event(std::uint64_t elapsed, std::uint64_t delay = 0) {
  return {.clock_ns = kMonoStart + elapsed - kClockLag - delay, .mono_ns = kMonoStart + elapsed};
}

/// Wall clock time at which the kernel begins window `number` under `config`, in the world of these tests.
std::uint64_t wall_start(const kp_window_config& config, std::uint64_t number) {
  const std::uint64_t clock = config.base_clock + (number - config.base_window) * config.length;
  return clock + kClockLag - kMonoStart + kWallStart;
}

TEST(WindowClock, WindowsBeginAtMultiplesOfTheirLengthOnTheWallClock) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  const auto config = clock.update(at(1'000));
  ASSERT_TRUE(config);
  const std::uint64_t number = kWallStart / kWindow;
  EXPECT_EQ(wall_start(*config, number), number * kWindow);
  EXPECT_EQ(config->mono_offset, kClockLag);
  EXPECT_EQ(config->epoch, 1U);
}

TEST(WindowClock, TheBaseIsNotBeforeTheClocksZeroOnAMachineThatHasJustStarted) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  const auto config = clock.update(at(0));
  ASSERT_TRUE(config);
  ASSERT_LT(config->base_clock, event(0).clock_ns);  // the kernel compares them
  EXPECT_EQ(config->base_window + (event(0).clock_ns - config->base_clock) / kWindow, kWallStart / kWindow);
}

TEST(WindowClock, TheBaseIsOlderThanAnyEventThatMayStillCome) {
  constexpr std::uint64_t kUp = 3'600'000'000'000;
  WindowClock clock(kWindow);
  clock.add(event(kUp));
  const auto config = clock.update(at(kUp));
  ASSERT_TRUE(config);
  EXPECT_LT(config->base_clock, event(kUp).clock_ns - 60'000'000'000);
}

TEST(WindowClock, SaysNothingBeforeTheFirstReading) {
  WindowClock clock(kWindow);
  EXPECT_FALSE(clock.update(at(0)));
}

TEST(WindowClock, TrustsTheEventThatWasDelayedLeast) {
  WindowClock clock(kWindow);
  clock.add(event(0, 40'000));
  clock.add(event(1'000'000, 500));
  clock.add(event(2'000'000, 900'000));
  const auto config = clock.update(at(3'000'000));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->mono_offset, kClockLag + 500);
}

TEST(WindowClock, LeavesTheBoundsAloneWhileTheyFit) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  ASSERT_TRUE(clock.update(at(0)));
  clock.add(event(100'000'000));
  EXPECT_FALSE(clock.update(at(100'000'000, WindowClock::kToleranceNs)));
}

TEST(WindowClock, FollowsSlowDriftWithinTheSameEpoch) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  ASSERT_TRUE(clock.update(at(0)));
  clock.add(event(100'000'000));
  const auto moved = clock.update(at(100'000'000, WindowClock::kToleranceNs + 1));
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->epoch, 1U);
  EXPECT_EQ(clock.steps(), 0U);
}

TEST(WindowClock, AStepOfTheWallClockBeginsANewEpoch) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  ASSERT_TRUE(clock.update(at(0)));
  for (const std::uint64_t hour : {std::uint64_t{3'600'000'000'000}, std::uint64_t{0} - 3'600'000'000'000}) {
    clock.add(event(200'000'000));
    const std::uint32_t before = clock.config().epoch;
    const auto stepped = clock.update(at(200'000'000, hour));
    ASSERT_TRUE(stepped);
    EXPECT_EQ(stepped->epoch, before + 1);
    EXPECT_EQ(clock.last_step_ns(), static_cast<std::int64_t>(hour));
    EXPECT_EQ(stepped->base_window / 1'000'000, (kWallStart + hour) / kWindow / 1'000'000);
    ASSERT_TRUE(clock.update(at(300'000'000)));  // and back
  }
  EXPECT_EQ(clock.steps(), 4U);
}

TEST(WindowClock, ForgetsOldReadings) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  ASSERT_TRUE(clock.update(at(0)));
  for (std::uint64_t reading = 0; reading < 32; ++reading) {
    clock.add(event(2'000'000'000 + reading, 30'000));  // the clocks drifted apart by 30 us in 2 s
  }
  const auto config = clock.update(at(2'000'000'000));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->mono_offset, kClockLag + 30'000);
}

TEST(WindowClock, AnEventThatIsLateAfterAPauseIsNoStep) {
  WindowClock clock(kWindow);
  for (std::uint64_t reading = 0; reading < 32; ++reading) clock.add(event(reading));
  ASSERT_TRUE(clock.update(at(0)));
  clock.add(event(3'000'000'000, kWindow * 2 / 3));  // the agent did not run for 3 s, the processor for most of a window
  EXPECT_FALSE(clock.update(at(3'000'000'000)));
  EXPECT_EQ(clock.steps(), 0U);
}

TEST(WindowClock, AReadingThatWasTornApartSaysNoMoreThanItCan) {
  WindowClock clock(kWindow);
  clock.add(event(0));
  ASSERT_TRUE(clock.update(at(0)));
  const auto torn = [](std::uint64_t elapsed, std::uint64_t wall_error, std::uint64_t off) {
    WallReading reading = at(elapsed, wall_error);
    reading.off_ns = off;
    return reading;
  };
  EXPECT_FALSE(clock.update(torn(1'000'000, kWindow * 3 / 4, kWindow * 3 / 4)));  // all of it may be the reading's fault
  const auto moved = clock.update(torn(1'000'000, kWindow * 3 / 4, kWindow / 2));  // not all, but it may be no step
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->epoch, 1U);
  EXPECT_TRUE(clock.update(torn(1'000'000, 100 * kWindow, kWindow)));
  EXPECT_EQ(clock.steps(), 1U);
}

TEST(WindowClock, ReadsBothClocksAsOne) {
  const WallReading first = read_wall();
  const WallReading second = read_wall();
  EXPECT_GE(second.mono_ns, first.mono_ns);
  EXPECT_NEAR(static_cast<double>(second.wall_ns - first.wall_ns), static_cast<double>(second.mono_ns - first.mono_ns),
              1e6);
}

}  // namespace
}  // namespace kpulse::agent
