#include "cli/frame_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/ids.h"

namespace kpulse::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Frame sample() {
  Frame frame{.host = "vm1",
              .stream = 5,
              .sequence = 3,
              .window_ns = 10'000'000,
              .first_window = 100,
              .windows = 3,
              .late = false,
              .tasks = {},
              .series = {}};
  frame.tasks.push_back({.pid = 42, .tgid = 42, .comm = "a\nb", .cgroup = 1});
  Series sched{.measurement = ids::kSched, .tags = {"0"}, .absent = {2}, .columns = {}};
  sched.columns.push_back({.field = ids::sched::kBusy, .values = {10'000'000, 0, 0}, .reals = {}, .buckets = {}});
  sched.columns.push_back({.field = ids::sched::kVictim, .values = {1, 0, 0}, .reals = {}, .buckets = {}});
  frame.series.push_back(std::move(sched));
  Series waits{.measurement = ids::kSchedWait, .tags = {"0"}, .absent = {}, .columns = {}};
  waits.columns.push_back({.field = ids::histogram::kDistribution,
                           .values = {},
                           .reals = {},
                           .buckets = {{.index = 4, .count = 7}},
                           .sum = 28});
  frame.series.push_back(std::move(waits));
  return frame;
}

TEST(FrameText, NamesTheFrameAndItsSeries) {
  const std::string text = describe(sample());
  EXPECT_THAT(text, HasSubstr("frame 3 of vm1 (stream 5): 3 windows of 10.0ms from 00:00:01.000\n"));
  EXPECT_THAT(text, HasSubstr("  kpulse_sched cpu=0\n"));
  EXPECT_THAT(text, HasSubstr("    wait count=7 sum=28ns p50=4ns"));
}

TEST(FrameText, NamesWhatIsNotMeasured) {
  Frame frame = sample();
  frame.series[0].unmeasured = {ids::sched::kForks};
  EXPECT_THAT(describe(frame), HasSubstr("  kpulse_sched cpu=0\n    forks is not measured\n"));
}

TEST(FrameText, PrintsRowsWithEscapedTasksAndLeavesZerosOut) {
  const std::string text = describe(sample());
  EXPECT_THAT(text, HasSubstr("    00:00:01.000 busy_ns=10.0ms victim=a\\x0ab(42)\n"));
  EXPECT_THAT(text, Not(HasSubstr("00:00:01.010")));
  EXPECT_THAT(text, HasSubstr("    00:00:01.020 lost\n"));
}

TEST(FrameText, OfALateFrameSaysWhatItMendsAlsoWhereThatIsNothing) {
  Frame frame = sample();
  frame.late = true;
  frame.series.pop_back();
  const std::string text = describe(frame);
  EXPECT_THAT(text, HasSubstr("3 late windows of 10.0ms from"));
  EXPECT_THAT(text, HasSubstr("    00:00:01.000 busy_ns=10.0ms"));
  EXPECT_THAT(text, HasSubstr("    00:00:01.010\n"));
  EXPECT_THAT(text, Not(HasSubstr("00:00:01.020")));
}

TEST(FrameText, GetsOverWhatItDoesNotKnow) {
  Frame frame = sample();
  frame.series.push_back({.measurement = 9999, .tags = {}, .absent = {}, .columns = {}});
  frame.series[0].columns[1].values[0] = 77;
  EXPECT_THAT(describe(frame), HasSubstr("victim=?"));
}

TEST(FrameText, SaysWhetherTheAgentIsOnlineAndWhatItCouldNotAttach) {
  State state{.host = "vm1",
              .stream = 5,
              .online = false,
              .window_ns = 10'000'000,
              .publish_ns = 100'000'000,
              .agent_version = "0.1.0",
              .kernel_release = "6.1\x1b",
              .programs = {}};
  state.programs.push_back({.probe = "sched", .name = "execs", .attached = false, .reason = "no tracepoint"});
  const std::string text = describe(state);
  EXPECT_THAT(text, HasSubstr("vm1 (stream 5): offline, windows of 10.0ms every 100ms"));
  EXPECT_THAT(text, HasSubstr("kernel 6.1\\x1b\n"));
  EXPECT_THAT(text, HasSubstr("  sched/execs not attached: no tracepoint\n"));
}

}  // namespace
}  // namespace kpulse::cli
