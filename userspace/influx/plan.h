// The constant parts of every line of a measurement, made once from the catalogue.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "influx/line_buffer.h"
#include "model/catalog.h"

namespace kpulse::influx {

/// One field of a line, ready to be written. The keys carry what stands before and after them: ",busy_ns=".
struct FieldPlan {
  const Field* field;
  Piece key;             ///< integers, reals and shares; for a task its pid
  Piece comm_key;        ///< task: what stands between pid and comm: `i,victim_comm="`
  Piece cgroup_key;      ///< task: what stands between comm and cgroup: `",victim_cgroup=`
  Piece no_task;         ///< task: what stands between key and `i` when there is none
  Piece zero;            ///< key and value of a field without a column
  std::size_t part = 0;  ///< share: position of the part in the measurement's fields
  std::size_t rest = 0;
};

/// The fields of a histogram's line: `count=`, `i,sum_ns=`, ... each with what ends the one before.
struct HistogramPlan {
  Piece count, sum, max, p50, p90, p99, p999;
};

/// A tag of a line: `,cpu=` and where its value is.
struct TagPlan {
  std::string key;
  std::size_t position = 0;  ///< in the series' tags, unless it is the host
  bool is_host = false;
  bool is_summed = false;  ///< rows by `le` are summed over it
  bool before_le = false;  ///< where `le` goes in, by name
};

struct MeasurementPlan {
  const Measurement* measurement = nullptr;
  std::vector<FieldPlan> fields;
  HistogramPlan histogram;  ///< used when the measurement's field is one
  bool is_histogram = false;
  std::size_t max_line = 0;   ///< most bytes of a line, without its prefix and its tasks' names
  std::vector<TagPlan> tags;  ///< with host, by name
};

[[nodiscard]] MeasurementPlan make_plan(const Measurement& measurement);

/// Name that a unit adds to a quantile: "_ns", "_bytes" or nothing.
[[nodiscard]] std::string_view unit_suffix(Unit unit) noexcept;

}  // namespace kpulse::influx
