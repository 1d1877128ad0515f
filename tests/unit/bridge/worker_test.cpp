#include "bridge/worker.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "fake_sink.h"
#include "sample.h"

namespace kpulse::bridge {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeSink;
using test::Gate;

constexpr std::size_t kBound = 2 * influx::LineRenderer::kMaxBytes;

Worker::Options options() {
  return {.batch = {.lines = 100, .age = 5ms}, .self_interval = 1h, .self_frame = {}, .start_ns = 0};
}

void send(Intake& intake, std::uint64_t sequence, std::uint32_t windows = 10) {
  intake.receive("kpulse/v1/vm1/frame", test::bytes_of(test::frame_of(sequence, windows)));
}

TEST(Worker, TurnsFramesIntoLinesAndCountsGaps) {
  Gate gate{.open = true};
  Intake intake(1U << 20U);
  Worker worker(options(), intake);
  SinkRunner sink("fake", std::make_unique<FakeSink>(gate), kBound, [&] { worker.wake(); });
  worker.start({&sink});
  for (const std::uint64_t sequence : {1U, 2U, 5U, 5U}) send(intake, sequence);
  intake.receive("kpulse/v1/vm1/frame", "junk\xff");
  EXPECT_TRUE(eventually([&] { return sink.stats().frames_committed == 4; }));
  EXPECT_EQ(sink.stats().lines_committed, 40U);
  EXPECT_EQ(worker.gaps().missing, 2U);
  EXPECT_EQ(worker.gaps().duplicate, 1U);
}

TEST(Worker, OneDeadSinkDoesNotStallAnother) {
  Gate dead;
  Gate alive{.open = true};
  Intake intake(64U << 20U);
  Worker worker(options(), intake);
  SinkRunner first("dead", std::make_unique<FakeSink>(dead), kBound, [&] { worker.wake(); });
  SinkRunner second("alive", std::make_unique<FakeSink>(alive), kBound, [&] { worker.wake(); });
  worker.start({&first, &second});
  constexpr std::uint64_t kFrames = 60;
  for (std::uint64_t i = 1; i <= kFrames; ++i) send(intake, i, 1'000);  // 60,000 lines, more than the bound
  EXPECT_TRUE(eventually([&] { return second.stats().lines_committed == kFrames * 1'000; }));
  EXPECT_GT(first.stats().lines_dropped[static_cast<std::size_t>(Drop::queue_full)], 0U);
  EXPECT_LE(first.queue_bytes(), kBound);
}

TEST(Worker, LeavesFramesInTheIntakeWhileTheOnlySinkHasNoRoom) {
  Gate gate;
  Intake intake(64U << 20U);
  Worker worker(options(), intake);
  SinkRunner sink("fake", std::make_unique<FakeSink>(gate), kBound, [&] { worker.wake(); });
  worker.start({&sink});
  constexpr std::uint64_t kFrames = 60;
  for (std::uint64_t i = 1; i <= kFrames; ++i) send(intake, i, 1'000);
  EXPECT_TRUE(eventually([&] { return !sink.has_room(); }));
  EXPECT_GT(intake.queue_messages(), 0U);
  gate.set(gate.open);
  EXPECT_TRUE(eventually([&] { return sink.stats().frames_committed == kFrames; }));
  EXPECT_EQ(sink.stats().lines_committed, kFrames * 1'000) << "nothing was lost";
}

TEST(Worker, StopsInTimeWhenTheSinkIsStuckAndCountsTheFramesLeft) {
  Gate gate;
  Intake intake(64U << 20U);
  Worker worker(options(), intake);
  SinkRunner sink("fake", std::make_unique<FakeSink>(gate), kBound, [&] { worker.wake(); });
  worker.start({&sink});
  for (std::uint64_t i = 1; i <= 60; ++i) send(intake, i, 1'000);
  EXPECT_TRUE(eventually([&] { return !sink.has_room(); }));
  const std::uint64_t before = monotonic_ns();
  worker.stop(100ms);
  sink.stop(100ms);
  EXPECT_LT(monotonic_ns() - before, 2'000'000'000U);
  EXPECT_GT(worker.abandoned(), 0U);
}

TEST(Worker, StoppingWritesWhatIsThere) {
  Gate gate{.open = true};
  Intake intake(1U << 20U);
  Worker::Options slow = options();
  slow.batch.age = 1h;
  Worker worker(slow, intake);
  SinkRunner sink("fake", std::make_unique<FakeSink>(gate), kBound, [&] { worker.wake(); });
  worker.start({&sink});
  for (std::uint64_t i = 1; i <= 7; ++i) send(intake, i);
  worker.stop(5s);
  sink.stop(5s);
  EXPECT_EQ(sink.stats().frames_committed, 7U);
  EXPECT_EQ(worker.abandoned(), 0U);
}

}  // namespace
}  // namespace kpulse::bridge
