#include "codec/series_encoder.h"

#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <cmath>

#include "codec/column_codec.h"
#include "codec/frame_codec.h"

namespace kpulse {
namespace {

/// A shorter one costs as much by reference.
constexpr std::size_t kLongText = 4;

bool may_stand_beside_others(const Series& series) {
  const auto is_empty = [](const Column& column) {
    return column.values.empty() && column.reals.empty() && column.buckets.empty();
  };
  return !series.tags.empty() && series.absent.empty() && series.times.empty() &&
         std::ranges::none_of(series.columns, is_empty);
}

bool same_shape(const Series& a, const Series& b) {
  return a.measurement == b.measurement && a.tags.size() == b.tags.size() && a.unmeasured == b.unmeasured &&
         std::ranges::equal(a.columns, b.columns, [](const Column& x, const Column& y) {
           return x.field == y.field && x.values.size() == y.values.size() && x.reals.size() == y.reals.size() &&
                  x.buckets.empty() == y.buckets.empty();
         });
}

}  // namespace

void SeriesEncoder::put_all() {
  group_all();
  for (std::size_t index = 0; index < frame_.series.size(); ++index) {
    put(frame_.series[index], groups_[group_by_series_[index]]);
  }
  for (const Group& group : groups_) {
    if (group.size > 1) group.wire->set_side_by_side(group.size);
    shorten_reals(*group.wire);
  }
}

void SeriesEncoder::group_all() {
  group_by_series_.reserve(frame_.series.size());
  for (const Series& series : frame_.series) {
    Group& group = groups_[group_by_series_.emplace_back(group_of(series))];
    ++group.size;
  }
}

std::size_t SeriesEncoder::group_of(const Series& series) {
  const bool alone = !may_stand_beside_others(series);
  const auto fits = [&](std::size_t index) {
    return groups_[index].size < kMaxSideBySide && same_shape(*groups_[index].first, series);
  };
  if (const auto found = std::ranges::find_if(open_, fits); !alone && found != open_.end()) return *found;
  if (!alone) open_.push_back(groups_.size());
  groups_.push_back({.first = &series, .size = 0, .wire = nullptr});
  return groups_.size() - 1;
}

void SeriesEncoder::put(const Series& series, Group& group) {
  const bool is_first = group.wire == nullptr;
  if (is_first) {
    group.wire = wire_.add_series();
    group.wire->set_measurement(series.measurement);
    group.wire->mutable_absent()->Add(series.absent.begin(), series.absent.end());
    group.wire->mutable_times()->Add(series.times.begin(), series.times.end());
    group.wire->mutable_unmeasured()->Add(series.unmeasured.begin(), series.unmeasured.end());
  }
  put_tags(series, group);
  for (int index = 0; const Column& column : series.columns) {
    encode_column(column, group.size > 1,
                  is_first ? *group.wire->add_columns() : *group.wire->mutable_columns(index++));
  }
}

void SeriesEncoder::put_tags(const Series& series, const Group& group) {
  const auto is_long = [](const std::string& tag) { return tag.size() > kLongText; };
  if (group.size > 1 || std::ranges::any_of(series.tags, is_long)) {
    for (const std::string& tag : series.tags) group.wire->add_tag_texts(text(tag));
  } else {
    for (const std::string& tag : series.tags) group.wire->add_tags(tag);
  }
}

std::uint32_t SeriesEncoder::text(std::string_view value) {
  const auto [entry, is_new] = texts_.try_emplace(value, static_cast<std::uint32_t>(texts_.size()));
  if (is_new) wire_.add_texts(std::string(value));
  return entry->second;
}

/// Means over a window are multiples of 1 / window_ns and shorter that way. Only what comes back to the bit is
/// replaced.
void SeriesEncoder::shorten_reals(v1::Series& wire) const {
  const auto window = static_cast<double>(frame_.window_ns);
  const auto is_multiple = [&](double real) {
    constexpr double kExact = 1ULL << 53U;
    return real >= 0 && real * window < kExact && std::round(real * window) / window == real && !std::signbit(real);
  };
  for (v1::Column& column : *wire.mutable_columns()) {
    if (column.reals().empty() || !std::ranges::all_of(column.reals(), is_multiple)) continue;
    for (const double real : column.reals())
      column.add_window_parts(static_cast<std::uint64_t>(std::round(real * window)));
    column.clear_reals();
  }
}

}  // namespace kpulse
