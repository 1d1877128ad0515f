#include <gtest/gtest.h>

#include "abi/histogram.h"
#include "influx/line.h"
#include "model/ids.h"
#include "render.h"

namespace kpulse::influx {
namespace {

using test::lines_of;
using test::render;

Series distribution(std::string cpu, std::vector<Bucket> buckets, std::uint64_t sum,
                    std::uint32_t measurement = ids::kSchedWait) {
  return {.measurement = measurement,
          .tags = {std::move(cpu)},
          .absent = {},
          .columns = {{.field = ids::histogram::kDistribution,
                       .values = {},
                       .reals = {},
                       .buckets = std::move(buckets),
                       .sum = sum}}};
}

Frame frame_of(std::vector<Series> series) {
  return {.host = "vm1",
          .stream = 1,
          .sequence = 1,
          .window_ns = 10'000'000,
          .first_window = 100,
          .windows = 10,
          .tasks = {},
          .series = std::move(series)};
}

TEST(LineHistogram, BecomesCountSumMaxAndQuantiles) {
  const auto lines = lines_of(render(frame_of({distribution("0", {{1, 50}, {5, 49}, {9, 1}}, 304)})));
  EXPECT_EQ(lines.at(0),
            "kpulse_sched_wait,cpu=0,host=vm1 "
            "count=100i,sum_ns=304i,max_ns=9i,p50_ns=1i,p90_ns=5i,p99_ns=5i,p999_ns=9i 1000000000");
}

TEST(LineHistogram, AnEmptyOneReadsZeroAndHasNoRowsByLe) {
  const auto lines =
      lines_of(render(frame_of({{.measurement = ids::kSchedWait, .tags = {"0"}, .absent = {}, .columns = {}}})));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0],
            "kpulse_sched_wait,cpu=0,host=vm1 count=0i,sum_ns=0i,max_ns=0i,p50_ns=0i,p90_ns=0i,p99_ns=0i,p999_ns=0i "
            "1000000000");
}

TEST(LineHistogram, RowsByLeAreSummedOverTheCpusAndLeaveEmptyOctavesOut) {
  const auto lines = lines_of(
      render(frame_of({distribution("0", {{0, 1}, {1, 2}, {4, 3}, {7, 1}}, 1),
                       distribution("1", {{4, 10}, {static_cast<std::uint32_t>(kp_hist_bucket(4096)), 5}}, 1)})));
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[2], "kpulse_sched_wait_le,host=vm1,le=1 count=1i 1000000000");
  EXPECT_EQ(lines[3], "kpulse_sched_wait_le,host=vm1,le=2 count=2i 1000000000");
  EXPECT_EQ(lines[4], "kpulse_sched_wait_le,host=vm1,le=8 count=14i 1000000000");
  EXPECT_EQ(lines[5], "kpulse_sched_wait_le,host=vm1,le=8192 count=5i 1000000000");
}

TEST(LineHistogram, MeasurementsAreKeptApart) {
  const std::string text =
      render(frame_of({distribution("0", {{4, 1}}, 1), distribution("0", {{4, 2}}, 1, ids::kSchedOnCpu)}));
  EXPECT_NE(text.find("kpulse_sched_wait_le,host=vm1,le=8 count=1i"), std::string::npos);
  EXPECT_NE(text.find("kpulse_sched_oncpu_le,host=vm1,le=8 count=2i"), std::string::npos);
}

TEST(LineHistogram, OneFrameLeavesNothingBehindForTheNext) {
  LineRenderer renderer;
  LineBuffer out;
  const Frame frame = frame_of({distribution("0", {{4, 1}}, 1)});
  renderer.render(frame, out, 1000, [&]() -> LineBuffer& { return out; });
  const std::string first(out.view());
  out.clear();
  renderer.render(frame, out, 1000, [&]() -> LineBuffer& { return out; });
  EXPECT_EQ(out.view(), first);
}

TEST(LineHistogram, TheUpperEdgeIsThePowerOfTwoAboveEveryValueOfTheOctave) {
  for (std::uint64_t value = 1; value < (1ULL << 38U); value = value * 5 / 4 + 1) {
    const std::uint64_t edge = 1ULL << octave_of(static_cast<std::uint32_t>(kp_hist_bucket(value)));
    EXPECT_GT(edge, value);
    EXPECT_LE(edge, 2 * value);
  }
  EXPECT_EQ(octave_of(0), 0U);
  EXPECT_EQ(octave_of(KP_HIST_BUCKETS - 1), kOctaves - 1);
}

TEST(LineHistogram, CountsThatDoNotFitAreClippedNotWrapped) {
  const std::string text = render(frame_of({distribution("0", {{4, ~0ULL}}, ~0ULL), distribution("1", {{4, 5}}, 1)}));
  EXPECT_NE(text.find("le=8 count=9223372036854775807i"), std::string::npos);
  EXPECT_NE(text.find("sum_ns=9223372036854775807i"), std::string::npos);
}

}  // namespace
}  // namespace kpulse::influx
