#include "bridge/sink_runner.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "bridge/worker.h"
#include "fake_sink.h"

namespace kpulse::bridge {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::eventually_for;
using test::FakeSink;
using test::Gate;

std::shared_ptr<const Batch> batch_of(std::size_t lines, std::size_t bytes_per_line = 10) {
  auto batch = std::make_shared<Batch>();
  for (std::size_t i = 0; i < lines; ++i) {
    influx::Pen pen = batch->text.begin_line(bytes_per_line);
    pen.put(std::string_view(std::string(bytes_per_line - 1, 'x')));
    pen.put('\n');
    batch->text.end_line(pen);
  }
  batch->frames = 1;
  return batch;
}

std::uint64_t dropped(const SinkRunner& runner, Drop drop) {
  return runner.stats().lines_dropped[static_cast<std::size_t>(drop)];
}

TEST(SinkRunner, DeliversWhatIsOffered) {
  Gate gate{.open = true};
  SinkRunner runner("fake", std::make_unique<FakeSink>(gate), 1'000, [] {});
  runner.offer(batch_of(3));
  runner.offer(batch_of(0));
  EXPECT_TRUE(eventually([&] { return runner.stats().batches == 2; }));
  EXPECT_EQ(runner.stats().lines_committed, 3U);
  EXPECT_EQ(runner.stats().frames_committed, 2U) << "a batch without lines needs no delivery";
}

TEST(SinkRunner, LosesTheOldestLinesOfASinkThatIsAwayAndCountsThem) {
  Gate gate;
  SinkRunner runner("fake", std::make_unique<FakeSink>(gate), 100, [] {});
  runner.offer(batch_of(1));
  ASSERT_TRUE(eventually([&] { return runner.queue_bytes() == 0; })) << "the first one is with the sink";
  for (int i = 0; i < 5; ++i) runner.offer(batch_of(4));
  EXPECT_EQ(dropped(runner, Drop::queue_full), 12U);
  runner.offer(batch_of(100));
  EXPECT_EQ(dropped(runner, Drop::queue_full), 112U) << "larger than the bound by itself";
  gate.set(gate.open);
  EXPECT_TRUE(eventually([&] { return runner.stats().lines_committed == 9; }));
}

TEST(SinkRunner, AFrameCountsWhenTheBatchesBeforeItsLastAreDoneAsWell) {
  Gate slow;
  Gate fast{.open = true};
  std::vector<std::unique_ptr<Sink>> lanes;
  lanes.push_back(std::make_unique<FakeSink>(slow));
  lanes.push_back(std::make_unique<FakeSink>(fast));
  SinkRunner runner("fake", std::move(lanes), 1'000, [] {});
  // The slow lane takes a batch sooner or later; from then on only the fast one gets on.
  std::uint64_t offered = 0;
  while (runner.stats().frames_committed == offered) {
    runner.offer(batch_of(1));
    ++offered;
    ASSERT_TRUE(eventually([&] { return runner.queue_bytes() == 0; }));
    eventually_for(50ms, [&] { return runner.stats().frames_committed == offered; });
  }
  const std::uint64_t stuck = runner.stats().frames_committed;
  const std::uint64_t done = runner.stats().batches;
  for (int i = 0; i < 5; ++i) runner.offer(batch_of(1));
  ASSERT_TRUE(eventually([&] { return runner.stats().batches == done + 5; }));
  EXPECT_EQ(runner.stats().frames_committed, stuck) << "the batch before these is not done";
  slow.set(slow.open);
  EXPECT_TRUE(eventually([&] { return runner.stats().frames_committed == offered + 5; }));
}

TEST(SinkRunner, StopsInTimeAndCountsWhatIsLeft) {
  Gate gate;
  SinkRunner runner("fake", std::make_unique<FakeSink>(gate), 1'000, [] {});
  for (int i = 0; i < 3; ++i) runner.offer(batch_of(2));
  const std::uint64_t before = monotonic_ns();
  runner.stop(50ms);
  EXPECT_LT(monotonic_ns() - before, 2'000'000'000U);
  EXPECT_EQ(dropped(runner, Drop::shutdown), 6U);
  EXPECT_EQ(runner.stats().frames_committed, 0U);
}

TEST(SinkRunner, StoppingDeliversWhatIsQueued) {
  Gate gate{.open = true};
  SinkRunner runner("fake", std::make_unique<FakeSink>(gate), 1'000, [] {});
  for (int i = 0; i < 3; ++i) runner.offer(batch_of(2));
  runner.stop(5s);
  EXPECT_EQ(runner.stats().lines_committed, 6U);
  EXPECT_EQ(dropped(runner, Drop::shutdown), 0U);
}

}  // namespace
}  // namespace kpulse::bridge
