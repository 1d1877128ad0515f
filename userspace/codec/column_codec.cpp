#include "codec/column_codec.h"

#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "abi/histogram.h"
#include "codec/wire_reader.h"

namespace kpulse {
namespace {

/// The values of one of the series that stand side by side.
template <class Values>
auto part_of(const Values& all, const ColumnLimits& limits, std::size_t series) {
  return std::span(all).subspan(series * limits.rows, limits.rows);
}

const char* decode_integers(const ColumnLimits& limits, const RawColumn& raw, Column& column, std::size_t series) {
  if (raw.values().size() != limits.rows * limits.series) return "not one value per row";
  if (!raw.reals().empty() || !raw.window_parts().empty() || !raw.gaps().empty())
    return "integers mixed with other values";
  const auto values = part_of(raw.values(), limits, series);
  column.values.assign(values.begin(), values.end());
  column.reals.clear();
  column.buckets.clear();
  return nullptr;
}

const char* decode_tasks(const ColumnLimits& limits, const RawColumn& raw, Column& column, std::size_t series) {
  const auto outside = [&limits](std::uint64_t reference) { return reference > limits.tasks; };
  if (std::ranges::any_of(raw.values(), outside)) return "a task that is not in the table";
  return decode_integers(limits, raw, column, series);
}

const char* decode_reals(const ColumnLimits& limits, const RawColumn& raw, Column& column, std::size_t series) {
  if (raw.reals().size() + raw.window_parts().size() != limits.rows * limits.series) return "not one real per row";
  if (!raw.reals().empty() && !raw.window_parts().empty()) return "reals in two ways";
  if (!raw.values().empty() || !raw.gaps().empty()) return "reals mixed with other values";
  if (!std::ranges::all_of(raw.reals(), [](double real) { return std::isfinite(real); })) return "a real not finite";
  column.values.clear();
  column.buckets.clear();
  if (raw.window_parts().empty()) {
    const auto reals = part_of(raw.reals(), limits, series);
    column.reals.assign(reals.begin(), reals.end());
    return nullptr;
  }
  column.reals.clear();
  for (const std::uint64_t parts : part_of(raw.window_parts(), limits, series)) {
    column.reals.push_back(static_cast<double>(parts) / static_cast<double>(limits.window_ns));
  }
  return nullptr;
}

/// Where a histogram's buckets lie among those of all; nothing when what is said of that cannot be.
struct BucketRange {
  std::uint64_t begin, end, sum;
};

std::optional<BucketRange> buckets_of(const ColumnLimits& limits, const RawColumn& raw, std::size_t series) {
  const auto& ends = raw.bucket_ends();
  if (raw.gaps().size() != raw.values().size()) return std::nullopt;
  if (limits.series == 1) {
    if (!ends.empty() || !raw.sums().empty()) return std::nullopt;
    return BucketRange{.begin = 0, .end = raw.gaps().size(), .sum = raw.sum()};
  }
  if (ends.size() != limits.series || raw.sums().size() != limits.series || ends.back() != raw.gaps().size())
    return std::nullopt;
  return BucketRange{.begin = series == 0 ? 0 : ends[series - 1], .end = ends[series], .sum = raw.sums()[series]};
}

const char* decode_histogram(const ColumnLimits& limits, const RawColumn& raw, Column& column, std::size_t series) {
  const auto range = buckets_of(limits, raw, series);
  if (!range) return "not one count per bucket";
  if (!raw.reals().empty() || !raw.window_parts().empty()) return "a histogram with reals";
  if (range->end - range->begin > KP_HIST_BUCKETS) return "more buckets than a histogram has";
  column.values.clear();
  column.reals.clear();
  column.buckets.clear();
  column.buckets.reserve(range->end - range->begin);
  std::uint64_t index = 0;  // 64 bits: the gaps cannot make it wrap
  std::uint64_t total = 0;
  for (std::size_t i = range->begin; i < range->end; ++i) {
    if (i > range->begin && raw.gaps()[i] == 0) return "buckets out of order";
    index += raw.gaps()[i];
    if (index >= KP_HIST_BUCKETS) return "a bucket past the last one";
    if (raw.values()[i] == 0) return "an empty bucket";
    if (__builtin_add_overflow(total, raw.values()[i], &total)) return "counts past 64 bits";
    column.buckets.push_back({.index = static_cast<std::uint32_t>(index), .count = raw.values()[i]});
  }
  column.sum = range->sum;
  return nullptr;
}

}  // namespace

void encode_column(const Column& column, bool shared, v1::Column& wire) {
  wire.set_field(column.field);
  wire.mutable_values()->Add(column.values.begin(), column.values.end());
  wire.mutable_reals()->Add(column.reals.begin(), column.reals.end());
  std::uint32_t previous = 0;
  for (const Bucket& bucket : column.buckets) {
    wire.add_gaps(bucket.index - previous);
    wire.add_values(bucket.count);
    previous = bucket.index;
  }
  if (shared && !column.buckets.empty()) {
    wire.add_buckets(static_cast<std::uint32_t>(column.buckets.size()));
    wire.add_sums(column.sum);
  } else if (column.sum != 0) {
    wire.set_sum(column.sum);
  }
}

bool RawColumn::read(std::string_view bytes) {
  field_ = 0;
  sum_ = 0;
  values_used_ = gaps_used_ = 0;
  reals_.clear();
  window_parts_.clear();
  sums_.clear();
  bucket_ends_.clear();
  WireReader wire(bytes);
  bool whole = true;
  while (whole && wire.next()) {
    switch (wire.field()) {
      case v1::Column::kFieldFieldNumber:
        wire.get(field_);
        break;
      case v1::Column::kValuesFieldNumber:
        whole = wire.put_numbers(values_, values_used_);
        break;
      case v1::Column::kRealsFieldNumber:
        whole = wire.append_doubles(reals_);
        break;
      case v1::Column::kWindowPartsFieldNumber:
        whole = wire.append_numbers(window_parts_);
        break;
      case v1::Column::kSumsFieldNumber:
        whole = wire.append_numbers(sums_);
        break;
      case v1::Column::kBucketsFieldNumber:
        whole = wire.append_numbers(bucket_ends_);
        break;
      case v1::Column::kGapsFieldNumber:
        whole = wire.put_numbers(gaps_, gaps_used_);
        break;
      case v1::Column::kSumFieldNumber:
        wire.get(sum_);
        break;
      default:
        break;
    }
  }
  // On the wire are their numbers, of 32 bits: no sum of them wraps.
  for (std::uint64_t end = 0; std::uint64_t & count : bucket_ends_) count = end += static_cast<std::uint32_t>(count);
  return whole && wire.ok();
}

const char* decode_column(const Field& field, const ColumnLimits& limits, const RawColumn& raw, Column& column,
                          std::size_t series) {
  column.field = field.id;
  column.sum = 0;
  switch (field.kind) {
    case Kind::amount:
    case Kind::peak:
    case Kind::level:
    case Kind::total:
      return decode_integers(limits, raw, column, series);
    case Kind::task:
      return decode_tasks(limits, raw, column, series);
    case Kind::real:
      return decode_reals(limits, raw, column, series);
    case Kind::histogram:
      return decode_histogram(limits, raw, column, series);
    case Kind::share:
      break;
  }
  return "a derived field, which is not on the wire";
}

}  // namespace kpulse
