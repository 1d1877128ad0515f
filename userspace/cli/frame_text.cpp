#include "cli/frame_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "cli/text.h"
#include "model/catalog.h"
#include "model/histogram.h"
#include "model/rows.h"

namespace kpulse::cli {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::string wall_time(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / kSecond);
  return fmt::format("{:%H:%M:%S}.{:03}", fmt::gmtime(seconds), ns % kSecond / 1'000'000);
}

std::string quantity(std::uint64_t value, Unit unit) {
  return unit == Unit::nanoseconds ? short_duration(value) : fmt::format("{}", value);
}

std::string task_text(const Frame& frame, std::uint64_t reference) {
  if (reference > frame.tasks.size()) return "?";
  const Task& task = frame.tasks[reference - 1];
  return fmt::format("{}({})", printable(task.comm), task.pid);
}

/// " name=value" of one row; empty when the value is 0.
std::string cell_text(const Frame& frame, const Field& field, const Column& column, std::size_t row) {
  if (row < column.reals.size()) return fmt::format(" {}={:g}", field.name, column.reals[row]);
  if (row >= column.values.size() || column.values[row] == 0) return "";
  const std::uint64_t value = column.values[row];
  return fmt::format(" {}={}", field.name,
                     field.kind == Kind::task ? task_text(frame, value) : quantity(value, field.unit));
}

void append_histogram(std::string& out, const Field& field, const Column& column) {
  const auto at = [&](double q) { return quantity(quantile(column.buckets, q), field.unit); };
  fmt::format_to(std::back_inserter(out), "    {} count={} sum={} p50={} p90={} p99={} max<={}\n", field.name,
                 count_of(column.buckets), quantity(column.sum, field.unit), at(0.5), at(0.9), at(0.99),
                 quantity(upper_bound_of(column.buckets), field.unit));
}

void append_row(std::string& out, const Frame& frame, const Series& series, const Measurement& measurement,
                std::size_t row) {
  std::string cells;
  for (const Column& column : series.columns) {
    const Field* field = find_field(measurement, column.field);
    if (field != nullptr && field->kind != Kind::histogram) cells += cell_text(frame, *field, column, row);
  }
  const bool absent = std::ranges::binary_search(series.absent, static_cast<std::uint32_t>(row));
  if (frame.late ? absent : cells.empty() && !absent) return;
  const std::uint64_t begin = row_time(measurement, frame, series, row);
  fmt::format_to(std::back_inserter(out), "    {}{}\n", wall_time(begin), absent ? " lost" : cells);
}

void append_series(std::string& out, const Frame& frame, const Series& series) {
  const Measurement* measurement = find_measurement(series.measurement);
  if (measurement == nullptr) return;
  fmt::format_to(std::back_inserter(out), "  {}", measurement->name);
  for (std::size_t i = 0; i < std::min(series.tags.size(), measurement->tags.size()); ++i) {
    fmt::format_to(std::back_inserter(out), " {}={}", measurement->tags[i], printable(series.tags[i]));
  }
  out += '\n';
  for (const Column& column : series.columns) {
    const Field* field = find_field(*measurement, column.field);
    if (field != nullptr && field->kind == Kind::histogram) append_histogram(out, *field, column);
  }
  for (const std::uint32_t id : series.unmeasured) {
    const Field* field = find_field(*measurement, id);
    if (field != nullptr) fmt::format_to(std::back_inserter(out), "    {} is not measured\n", field->name);
  }
  const std::size_t rows = row_count(*measurement, frame, series);
  for (std::size_t row = 0; row < rows; ++row) append_row(out, frame, series, *measurement, row);
}

}  // namespace

std::string describe(const Frame& frame) {
  std::string out = fmt::format("frame {} of {} (stream {}): {} {}windows of {} from {}\n", frame.sequence, frame.host,
                                frame.stream, frame.windows, frame.late ? "late " : "", short_duration(frame.window_ns),
                                wall_time(frame.first_window * frame.window_ns));
  for (const Series& series : frame.series) append_series(out, frame, series);
  return out;
}

std::string describe(const State& state) {
  std::string out =
      fmt::format("state of {} (stream {}): {}, windows of {} every {}, agent {}, kernel {}\n", state.host,
                  state.stream, state.online ? "online" : "offline", short_duration(state.window_ns),
                  short_duration(state.publish_ns), printable(state.agent_version), printable(state.kernel_release));
  for (const ProgramStatus& program : state.programs) {
    fmt::format_to(std::back_inserter(out), "  {}/{} {}\n", printable(program.probe), printable(program.name),
                   program.attached ? "attached" : "not attached: " + printable(program.reason));
  }
  return out;
}

}  // namespace kpulse::cli
