#include "agent/schedule.h"

#include <gtest/gtest.h>

namespace kpulse::agent {
namespace {

constexpr std::uint64_t kWindow = 10'000'000;

TEST(Schedule, TheFirstFrameBeginsWithTheNextWholeWindowAndEndsAtAMultiple) {
  Schedule schedule(kWindow, 10);
  schedule.begin(1'004 * kWindow + 5);
  EXPECT_FALSE(schedule.next_frame(1'010 * kWindow));
  const auto frame = schedule.next_frame(1'010 * kWindow + Schedule::kGraceNs);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->first, 1'005U);
  EXPECT_EQ(frame->end(), 1'010U);
}

TEST(Schedule, AFrameThatCannotWaitTakesWhatIsOverAndTheNextOneGoesOnFromThere) {
  Schedule schedule(kWindow, 10);
  schedule.begin(1'000 * kWindow);
  EXPECT_EQ(schedule.so_far(1'001 * kWindow).count, 0U);
  EXPECT_EQ(schedule.so_far(1'001 * kWindow).first, 1'001U);
  const auto urgent = schedule.so_far(1'004 * kWindow + Schedule::kGraceNs);
  EXPECT_EQ(urgent.first, 1'001U);
  EXPECT_EQ(urgent.end(), 1'004U);
  const auto rest = schedule.next_frame(1'010 * kWindow + Schedule::kGraceNs);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->first, 1'004U);
  EXPECT_EQ(rest->end(), 1'010U);
}

TEST(Schedule, FramesFollowOneAnotherWithoutGap) {
  Schedule schedule(kWindow, 10);
  schedule.begin(1'000 * kWindow);
  std::uint64_t next = 1'001;
  const std::uint64_t late = 1'055 * kWindow;
  while (const auto frame = schedule.next_frame(late)) {
    EXPECT_EQ(frame->first, next);
    next = frame->end();
  }
  EXPECT_EQ(next, 1'050U);
}

TEST(Schedule, NothingHasSurelyEndedWithinTheGracePeriod) {
  const Schedule schedule(kWindow, 10);
  EXPECT_EQ(schedule.ended(7 * kWindow + Schedule::kGraceNs - 1), 6U);
  EXPECT_EQ(schedule.ended(7 * kWindow + Schedule::kGraceNs), 7U);
}

TEST(Schedule, AWindowIsFinishedLaterWithALongerGracePeriod) {
  Schedule schedule(kWindow, 10, 100'000'000);
  schedule.begin(1'000 * kWindow);
  EXPECT_EQ(schedule.next_drain(1'000 * kWindow), 1'010 * kWindow + 100'000'000);
  EXPECT_FALSE(schedule.next_frame(1'010 * kWindow + 99'999'999));
  EXPECT_TRUE(schedule.next_frame(1'010 * kWindow + 100'000'000));
}

TEST(Schedule, DrainsAtTheEndOfAFrameOrAfterAQuarterSecond) {
  Schedule frequent(kWindow, 10);
  frequent.begin(1'000 * kWindow);
  EXPECT_EQ(frequent.next_drain(1'000 * kWindow), 1'010 * kWindow + Schedule::kGraceNs);

  Schedule rare(kWindow, 1'000);
  rare.begin(1'000 * kWindow);
  EXPECT_EQ(rare.next_drain(1'000 * kWindow), 1'026 * kWindow + Schedule::kGraceNs);
  EXPECT_EQ(rare.next_drain(1'026 * kWindow + Schedule::kGraceNs), 1'051 * kWindow + Schedule::kGraceNs);

  Schedule fine(1'000'000, 10'000);
  fine.begin(0);
  EXPECT_EQ(fine.next_drain(0), (1 + probes::kMaxUndrained) * 1'000'000 + Schedule::kGraceNs);
}

TEST(Schedule, TheRestIsWhatHasEndedOfTheUnfinishedFrame) {
  Schedule schedule(kWindow, 10);
  schedule.begin(1'000 * kWindow);
  const auto rest = schedule.rest(1'004 * kWindow + Schedule::kGraceNs);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->first, 1'001U);
  EXPECT_EQ(rest->end(), 1'004U);
  EXPECT_FALSE(schedule.rest(1'004 * kWindow + Schedule::kGraceNs));
}

TEST(Schedule, AFrameOfOneWindowIsPossible) {
  Schedule schedule(kWindow, 1);
  schedule.begin(1'000 * kWindow);
  const auto frame = schedule.next_frame(1'002 * kWindow + Schedule::kGraceNs);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->first, 1'001U);
  EXPECT_EQ(frame->count, 1U);
}

}  // namespace
}  // namespace kpulse::agent
