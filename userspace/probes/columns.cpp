#include "probes/columns.h"

#include <algorithm>
#include <iterator>

namespace kpulse::probes {

void Columns::append_to(std::vector<Column>& columns) const {
  std::uint32_t field = 1;
  for (auto cell = cells_.begin(); cell != cells_.end(); cell += static_cast<std::ptrdiff_t>(rows_), ++field) {
    const auto end = cell + static_cast<std::ptrdiff_t>(rows_);
    if (std::any_of(cell, end, [](std::uint64_t value) { return value != 0; })) {
      columns.push_back({.field = field, .values = {cell, end}, .reals = {}, .buckets = {}, .sum = 0});
    }
  }
}

void add_value(Series& series, std::uint32_t field, std::uint64_t value) {
  if (value != 0) series.columns.push_back({.field = field, .values = {value}, .reals = {}, .buckets = {}});
}

void leave_out(const std::vector<std::uint32_t>& fields, Series& series) {
  series.unmeasured = fields;
  std::erase_if(series.columns,
                [&](const Column& column) { return std::ranges::find(fields, column.field) != fields.end(); });
}

Column difference(std::uint32_t field, kp_histogram& before, const kp_histogram& now) {
  Column column{.field = field, .values = {}, .reals = {}, .buckets = {}, .sum = now.sum - before.sum};
  for (std::uint32_t bucket = 0; bucket < KP_HIST_BUCKETS; ++bucket) {
    const std::uint64_t count = now.buckets[bucket] - before.buckets[bucket];
    if (count > 0) column.buckets.push_back({.index = bucket, .count = count});
  }
  before = now;
  return column;
}

}  // namespace kpulse::probes
