// Columns of a series, filled row by row; those that stay 0 do not travel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "abi/histogram.h"
#include "model/frame.h"

namespace kpulse::probes {

/// The integer columns of one series. Not for other threads.
class Columns {
 public:
  Columns(std::size_t rows, std::size_t max_field) : rows_(rows), cells_(rows * max_field) {}

  void set(std::uint32_t field, std::size_t row, std::uint64_t value) { cells_[(field - 1) * rows_ + row] = value; }

  /// Appends every column that has a value other than 0, ascending by field.
  void append_to(std::vector<Column>& columns) const;

 private:
  std::size_t rows_;
  std::vector<std::uint64_t> cells_;
};

/// Says of these fields that they are not measured here.
void leave_out(const std::vector<std::uint32_t>& fields, Series& series);

/// Appends the column of an interval's only row, unless the value is 0. Fields ascend.
void add_value(Series& series, std::uint32_t field, std::uint64_t value);

/// What was recorded between two readings of a cumulative histogram; `before` becomes `now`. Nothing recorded: no
/// buckets.
[[nodiscard]] Column difference(std::uint32_t field, kp_histogram& before, const kp_histogram& now);

}  // namespace kpulse::probes
