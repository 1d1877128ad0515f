#include "influx/line.h"

#include <gtest/gtest.h>

#include "model/catalog.h"
#include "model/ids.h"
#include "render.h"

namespace kpulse::influx {
namespace {

using test::lines_of;
using test::render;

Column integers(std::uint32_t field, std::vector<std::uint64_t> values) {
  return {.field = field, .values = std::move(values), .reals = {}, .buckets = {}};
}

Frame frame_of(std::uint32_t windows, std::vector<Series> series) {
  return {.host = "vm1",
          .stream = 1,
          .sequence = 1,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'000,
          .windows = windows,
          .tasks = {{.pid = 7, .tgid = 7, .comm = "a\"b\xff", .cgroup = ~0ULL}},
          .series = std::move(series)};
}

constexpr std::string_view kZeroTail =
    ",migrations=0i,forks=0i,execs=0i,exits=0i,waits_discarded=0i,culprit_ns=0i,waits_discarded_ns=0i,waits_partial=0i,"
    "runnable_max=0i,stolen_ns=0i,irq_ns=0i";
constexpr std::string_view kNoTasks =
    ",victim_pid=0i,victim_comm=\"\",victim_cgroup=0i,culprit_pid=0i,culprit_comm=\"\",culprit_cgroup=0i";

TEST(Line, AWindowRowHasEveryFieldOfItsMeasurementAndTheTimeItsWindowBegan) {
  const Frame frame =
      frame_of(1, {{.measurement = ids::kSched,
                    .tags = {"3"},
                    .absent = {},
                    .columns = {integers(ids::sched::kBusy, {2'500'000}), integers(ids::sched::kIdle, {7'500'000}),
                                integers(ids::sched::kCulprit, {1})}}});
  EXPECT_EQ(render(frame),
            std::string("kpulse_sched,cpu=3,host=vm1 busy_ns=2500000i,idle_ns=7500000i,busy_ratio=0.250000,switches=0i,"
                        "voluntary=0i,involuntary=0i,wait_count=0i,wait_ns=0i,wait_max_ns=0i,"
                        "victim_pid=0i,victim_comm=\"\",victim_cgroup=0i,"
                        "culprit_pid=7i,culprit_comm=\"a\\\"b\\\\xff\",culprit_cgroup=9223372036854775807i")
                .append(kZeroTail)
                .append(" 1700000000000000000\n"));
}

TEST(Line, AFieldThatIsNotMeasuredIsLeftOutAndSoIsAShareOfIt) {
  Series series{.measurement = ids::kSched, .tags = {"3"}, .absent = {}, .columns = {}};
  series.columns.push_back(integers(ids::sched::kWaits, {4}));
  series.unmeasured = {ids::sched::kBusy,           ids::sched::kIdle,        ids::sched::kSwitches,
                       ids::sched::kVoluntary,      ids::sched::kInvoluntary, ids::sched::kVictim,
                       ids::sched::kMigrations,     ids::sched::kForks,       ids::sched::kExecs,
                       ids::sched::kWaitsDiscarded, ids::sched::kDiscarded,   ids::sched::kRunnableMax};
  EXPECT_EQ(render(frame_of(1, {series})),
            "kpulse_sched,cpu=3,host=vm1 wait_count=4i,wait_ns=0i,wait_max_ns=0i,culprit_pid=0i,"
            "culprit_comm=\"\",culprit_cgroup=0i,exits=0i,culprit_ns=0i,waits_partial=0i,stolen_ns=0i,irq_ns=0i "
            "1700000000000000000\n");
}

TEST(Line, ASeriesInWhichNothingIsMeasuredHasNoLine) {
  Series series{.measurement = ids::kCgroupSched, .tags = {"/a"}, .absent = {}, .columns = {}};
  for (const Field& field : find_measurement(ids::kCgroupSched)->fields) series.unmeasured.push_back(field.id);
  EXPECT_EQ(render(frame_of(1, {series})), "");
}

TEST(Line, ASeriesWithoutColumnsIsZeroInEveryRow) {
  const auto lines =
      lines_of(render(frame_of(2, {{.measurement = ids::kSched, .tags = {"0"}, .absent = {}, .columns = {}}})));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1],
            std::string("kpulse_sched,cpu=0,host=vm1 busy_ns=0i,idle_ns=0i,busy_ratio=0,switches=0i,voluntary=0i,"
                        "involuntary=0i,wait_count=0i,wait_ns=0i,wait_max_ns=0i")
                .append(kNoTasks)
                .append(kZeroTail)
                .append(" 1700000000010000000"));
}

TEST(Line, AbsentRowsAreLeftOut) {
  const auto lines = lines_of(render(frame_of(4, {{.measurement = ids::kSched,
                                                   .tags = {"0"},
                                                   .absent = {0, 2},
                                                   .columns = {integers(ids::sched::kBusy, {1, 2, 3, 4})}}})));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].find(" busy_ns=2i,") != std::string::npos && lines[0].ends_with(" 1700000000010000000"));
  EXPECT_TRUE(lines[1].find(" busy_ns=4i,") != std::string::npos && lines[1].ends_with(" 1700000000030000000"));
}

TEST(Line, IntegersAreClippedToWhatLineProtocolCanHold) {
  const std::string text = render(frame_of(
      1,
      {{.measurement = ids::kSched, .tags = {"0"}, .absent = {}, .columns = {integers(ids::sched::kBusy, {~0ULL})}}}));
  EXPECT_NE(text.find(" busy_ns=9223372036854775807i,"), std::string::npos);
}

TEST(Line, SharesAreFloatsBetweenZeroAndOne) {
  const auto ratio = [](std::uint64_t busy, std::uint64_t idle) {
    const std::string text =
        render(frame_of(1, {{.measurement = ids::kSched,
                             .tags = {"0"},
                             .absent = {},
                             .columns = {integers(ids::sched::kBusy, {busy}), integers(ids::sched::kIdle, {idle})}}}));
    const std::size_t at = text.find("busy_ratio=") + 11;
    return text.substr(at, text.find(',', at) - at);
  };
  EXPECT_EQ(ratio(0, 0), "0");
  EXPECT_EQ(ratio(5, 0), "1");
  EXPECT_EQ(ratio(0, 5), "0");
  EXPECT_EQ(ratio(1, 2), "0.333333");
  EXPECT_EQ(ratio(2, 1), "0.666667");
  EXPECT_EQ(ratio(1, 19), "0.050000");
  EXPECT_EQ(ratio(~0ULL, ~0ULL), "0.500000");
  EXPECT_EQ(ratio(9'999'999'999, 1), "1");
  EXPECT_EQ(ratio(1, 9'999'999'999), "0.000000");
}

TEST(Line, IntervalRowsCarryTheTimeOfTheFirstWindow) {
  const auto lines = lines_of(render(frame_of(
      10, {{.measurement = ids::kAgent, .tags = {}, .absent = {}, .columns = {integers(ids::agent::kRss, {4096})}}})));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("kpulse_agent,host=vm1 frames_published=0i,"));
  EXPECT_NE(lines[0].find(",rss_bytes=4096i,"), std::string::npos);
  EXPECT_TRUE(lines[0].ends_with(" 1700000000000000000"));
}

TEST(Line, TagsAreEscaped) {
  const std::string text =
      render(frame_of(1, {{.measurement = ids::kSched, .tags = {"0,x=\n y"}, .absent = {}, .columns = {}}}));
  EXPECT_TRUE(text.starts_with(R"(kpulse_sched,cpu=0\,x\=\x0a\ y,host=vm1 )"));
}

TEST(Line, EveryMeasurementOfTheCatalogueBecomesALine) {
  for (const Measurement& measurement : catalog()) {
    const std::vector<std::string> tags(measurement.tags.size(), "0");
    Series series{.measurement = measurement.id, .tags = tags, .absent = {}, .columns = {}};
    if (measurement.scope == Scope::event) series.times = {1};
    const auto lines = lines_of(render(frame_of(1, {series})));
    ASSERT_EQ(lines.size(), 1U) << measurement.name;
    EXPECT_TRUE(lines[0].starts_with(std::string(measurement.name) + ",")) << measurement.name;
  }
}

TEST(Line, AnEventHasTheTimeItHappened) {
  const auto lines = lines_of(render(frame_of(0, {{.measurement = ids::kOom,
                                                   .tags = {},
                                                   .absent = {},
                                                   .columns = {integers(ids::oom::kAnon, {5, 6})},
                                                   .times = {1'700'000'000'000'000'123, 42}}})));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("anon_bytes=5i"), std::string::npos);
  EXPECT_TRUE(lines[0].ends_with(" 1700000000000000123")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(" 42")) << lines[1];
}

TEST(Line, AFullBufferIsHandedOverWheneverItHoldsTheLimit) {
  const Frame frame = frame_of(25, {{.measurement = ids::kSched, .tags = {"0"}, .absent = {}, .columns = {}}});
  LineRenderer renderer;
  LineBuffer out;
  std::vector<std::size_t> batches;
  renderer.render(frame, out, 10, [&]() -> LineBuffer& {
    batches.push_back(out.lines());
    out.clear();
    return out;
  });
  EXPECT_EQ(batches, (std::vector<std::size_t>{10, 10}));
  EXPECT_EQ(out.lines(), 5U);
}

TEST(Line, ATaskNameOfAnyLengthFitsTheBuffer) {
  Frame frame =
      frame_of(3, {{.measurement = ids::kSched,
                    .tags = {std::string(255, '\n')},
                    .absent = {},
                    .columns = {integers(ids::sched::kVictim, {1, 1, 1}), integers(ids::sched::kCulprit, {1, 1, 1})}}});
  frame.tasks[0].comm = std::string(2000, '\xff');
  const auto lines = lines_of(render(frame));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_GT(lines[0].size(), 2U * 2000 * 5);
}

}  // namespace
}  // namespace kpulse::influx
