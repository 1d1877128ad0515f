#include "codec/column_codec.h"

#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <cmath>

#include "abi/histogram.h"

namespace kpulse {
namespace {

const char* decode_integers(const ColumnLimits& limits, const v1::Column& wire, Column& column) {
  if (static_cast<std::size_t>(wire.values_size()) != limits.rows) return "not one value per row";
  if (!wire.reals().empty() || !wire.gaps().empty()) return "integers mixed with other values";
  column.values.assign(wire.values().begin(), wire.values().end());
  return nullptr;
}

const char* decode_tasks(const ColumnLimits& limits, const v1::Column& wire, Column& column) {
  const auto outside = [&limits](std::uint64_t reference) { return reference > limits.tasks; };
  if (std::ranges::any_of(wire.values(), outside)) return "a task that is not in the table";
  return decode_integers(limits, wire, column);
}

const char* decode_reals(const ColumnLimits& limits, const v1::Column& wire, Column& column) {
  if (static_cast<std::size_t>(wire.reals_size()) != limits.rows) return "not one real per row";
  if (!wire.values().empty() || !wire.gaps().empty()) return "reals mixed with other values";
  if (!std::ranges::all_of(wire.reals(), [](double real) { return std::isfinite(real); })) return "a real not finite";
  column.reals.assign(wire.reals().begin(), wire.reals().end());
  return nullptr;
}

const char* decode_histogram(const v1::Column& wire, Column& column) {
  if (wire.gaps_size() != wire.values_size()) return "not one count per bucket";
  if (!wire.reals().empty()) return "a histogram with reals";
  if (wire.gaps_size() > static_cast<int>(KP_HIST_BUCKETS)) return "more buckets than a histogram has";
  column.buckets.reserve(static_cast<std::size_t>(wire.gaps_size()));
  std::uint64_t index = 0;  // 64 bits: the gaps cannot make it wrap
  std::uint64_t total = 0;
  for (int i = 0; i < wire.gaps_size(); ++i) {
    if (i > 0 && wire.gaps(i) == 0) return "buckets out of order";
    index += wire.gaps(i);
    if (index >= KP_HIST_BUCKETS) return "a bucket past the last one";
    if (wire.values(i) == 0) return "an empty bucket";
    if (__builtin_add_overflow(total, wire.values(i), &total)) return "counts past 64 bits";
    column.buckets.push_back({.index = static_cast<std::uint32_t>(index), .count = wire.values(i)});
  }
  column.sum = wire.sum();
  return nullptr;
}

}  // namespace

void encode_column(const Column& column, v1::Column& wire) {
  wire.set_field(column.field);
  wire.mutable_values()->Add(column.values.begin(), column.values.end());
  wire.mutable_reals()->Add(column.reals.begin(), column.reals.end());
  std::uint32_t previous = 0;
  for (const Bucket& bucket : column.buckets) {
    wire.add_gaps(bucket.index - previous);
    wire.add_values(bucket.count);
    previous = bucket.index;
  }
  wire.set_sum(column.sum);
}

const char* decode_column(const Field& field, const ColumnLimits& limits, const v1::Column& wire, Column& column) {
  column.field = field.id;
  switch (field.kind) {
    case Kind::amount:
    case Kind::peak:
    case Kind::level:
    case Kind::total:
      return decode_integers(limits, wire, column);
    case Kind::task:
      return decode_tasks(limits, wire, column);
    case Kind::real:
      return decode_reals(limits, wire, column);
    case Kind::histogram:
      return decode_histogram(wire, column);
    case Kind::share:
      break;
  }
  return "a derived field, which is not on the wire";
}

}  // namespace kpulse
