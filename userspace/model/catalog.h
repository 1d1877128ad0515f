// The metric catalogue: every measurement and field kpulse has, as data. The wire format, the line protocol, the rollup
// and docs/METRICS.md all follow from this one table.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kpulse {

/// What one row of a measurement stands for.
enum class Scope {
  window,    ///< one window; a frame carries one row per window
  interval,  ///< one publish interval; a frame carries at most one row
  event,     ///< something that happened once; each row has a time of its own
};

/// What a field is: how it travels, what it becomes in the database and how it is summed up over time.
enum class Kind {
  amount,     ///< integer, happened within the row; adds up
  peak,       ///< integer, the largest within the row; the maximum counts
  level,      ///< integer, as it was at the end of the row; the latest counts
  total,      ///< integer, since the start of the stream; the latest counts
  real,       ///< floating point level
  share,      ///< derived, not on the wire: part / (part + rest) of two amounts, 0 when both are 0
  task,       ///< a task; becomes <name>_pid, <name>_comm, <name>_cgroup
  histogram,  ///< a distribution; becomes count, sum, max and quantiles, and rows by `le`
};

enum class Unit { none, nanoseconds, bytes, ratio };

/// One field. `id` is the number on the wire: unique in the measurement, never reused.
struct Field {
  std::uint32_t id;
  std::string_view name;
  Kind kind;
  Unit unit;
  std::string_view help;
  std::string_view source;  ///< where the kernel, or kpulse, takes it from
  std::uint32_t part = 0;   ///< share: id of the field that is the part
  std::uint32_t rest = 0;   ///< share: id of the field that is the rest
};

/// One measurement. `id` is the number on the wire: unique, never reused.
struct Measurement {
  std::uint32_t id;
  std::string_view name;
  Scope scope;
  std::span<const std::string_view> tags;  ///< besides host; sorted by name
  std::span<const Field> fields;
  std::string_view help;
};

/// All measurements, ascending by id. Static data: any thread.
[[nodiscard]] std::span<const Measurement> catalog() noexcept;

/// Looks a measurement up by its number; nullptr when this build does not know it.
[[nodiscard]] const Measurement* find_measurement(std::uint32_t id) noexcept;

/// Position of the entry with that number among entries ascending by number; their count when there is none.
/// Numbers count from 1 and few are ever left out, so most entries stand where their number says.
template <class Entry>
[[nodiscard]] constexpr std::size_t position_of(std::span<const Entry> entries, std::uint32_t id) noexcept {
  if (id - 1 < entries.size() && entries[id - 1].id == id) return id - 1;
  const auto found = std::ranges::lower_bound(entries, id, {}, &Entry::id);
  return found != entries.end() && found->id == id ? static_cast<std::size_t>(found - entries.begin()) : entries.size();
}

/// Looks a field of a measurement up by its number; nullptr when this build does not know it.
[[nodiscard]] inline const Field* find_field(const Measurement& measurement, std::uint32_t id) noexcept {
  const std::size_t position = position_of(measurement.fields, id);
  return position < measurement.fields.size() ? &measurement.fields[position] : nullptr;
}

}  // namespace kpulse
