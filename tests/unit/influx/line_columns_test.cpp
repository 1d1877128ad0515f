// Lines whatever columns a series has, against a renderer that writes one field after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "influx/layout.h"
#include "influx/line.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "render.h"

namespace kpulse::influx {
namespace {

using test::lines_of;

constexpr std::uint32_t kRows = 2;

std::uint64_t value_at(const Series& series, std::uint32_t field, std::size_t row) {
  const auto found = std::ranges::find(series.columns, field, &Column::field);
  return found == series.columns.end() ? 0 : found->values[row];
}

/// One field as it should read; shares are 0, 0.500000 or 1 here.
std::string field_text(const Field& field, const Series& series, std::size_t row) {
  const std::string name(field.name);
  const std::uint64_t value = value_at(series, field.id, row);
  if (field.kind == Kind::task) {
    const std::string pid = value == 0 ? "0" : "7", comm = value == 0 ? "" : "sh", cgroup = value == 0 ? "0" : "9";
    return name + "_pid=" + pid + "i," + name + "_comm=\"" + comm + "\"," + name + "_cgroup=" + cgroup + "i";
  }
  if (field.kind != Kind::share) return name + "=" + std::to_string(value) + "i";
  const std::uint64_t part = value_at(series, field.part, row), rest = value_at(series, field.rest, row);
  return name + "=" + (part == 0 ? "0" : rest == 0 ? "1" : "0.500000");
}

std::string expected_line(const Measurement& measurement, const Frame& frame, std::size_t row) {
  std::string line;
  for (const Field& field : measurement.fields) {
    line += (line.empty() ? "" : ",") + field_text(field, frame.series[0], row);
  }
  return std::string(measurement.name) + ",cpu=0,host=vm1 " + line + " " +
         std::to_string((frame.first_window + row) * frame.window_ns);
}

Frame random_frame(const Measurement& measurement, std::minstd_rand& random) {
  Series series{.measurement = measurement.id, .tags = {"0"}, .absent = {}, .columns = {}};
  const std::uint64_t parts = random();
  for (const Field& field : measurement.fields) {
    if (field.kind == Kind::share || random() % 2 == 0) continue;
    std::vector<std::uint64_t> values(kRows, field.kind == Kind::task ? random() % 2 : random());
    if (field.id == ids::sched::kBusy || field.id == ids::sched::kIdle) values.assign(kRows, parts);
    series.columns.push_back({.field = field.id, .values = std::move(values), .reals = {}, .buckets = {}});
  }
  std::ranges::shuffle(series.columns, random);
  return {.host = "vm1",
          .stream = 1,
          .sequence = 1,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'000,
          .windows = kRows,
          .tasks = {{.pid = 7, .tgid = 7, .comm = "sh", .cgroup = 9}},
          .series = {std::move(series)}};
}

TEST(LineColumns, AnySetOfColumnsReadsAsIfWrittenFieldByField) {
  const Measurement& measurement = *find_measurement(ids::kSched);
  std::minstd_rand random(1);
  LineRenderer renderer;
  LineBuffer out;
  for (std::size_t i = 0; i < 10 * LayoutCache::kMax; ++i) {
    const Frame frame = random_frame(measurement, random);
    out.clear();
    renderer.render(frame, out, 1'000, [&out]() -> LineBuffer& { return out; });
    const auto lines = lines_of(std::string(out.view()));
    ASSERT_EQ(lines.size(), kRows);
    for (std::size_t row = 0; row < kRows; ++row) ASSERT_EQ(lines[row], expected_line(measurement, frame, row));
  }
}

TEST(LineColumns, EveryRowOfALongFrameHasItsOwnTime) {
  std::minstd_rand random(1);
  Frame frame = random_frame(*find_measurement(ids::kSched), random);
  frame.windows = 1'000;
  frame.series[0].columns.clear();
  const auto lines = lines_of(test::render(frame));
  ASSERT_EQ(lines.size(), frame.windows);
  for (std::size_t row = 0; row < lines.size(); ++row) {
    ASSERT_TRUE(lines[row].ends_with(" " + std::to_string((frame.first_window + row) * frame.window_ns))) << row;
  }
}

}  // namespace
}  // namespace kpulse::influx
