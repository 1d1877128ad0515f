#include "influx/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace kpulse::influx {
namespace {

std::size_t position_of(const Measurement& measurement, std::uint32_t id) {
  const Field* field = find_field(measurement, id);
  return field == nullptr ? 0 : static_cast<std::size_t>(field - measurement.fields.data());
}

FieldPlan make_field(const Measurement& measurement, const Field& field, std::string_view comma) {
  FieldPlan plan{.field = &field, .key = {}, .comm_key = {}, .cgroup_key = {}, .zero = {}};
  const bool floating = field.kind == Kind::real || field.kind == Kind::share;
  if (field.kind == Kind::task) {
    plan.key.assign(fmt::format("{}{}_pid=", comma, field.name));
    plan.comm_key.assign(fmt::format("i,{}_comm=\"", field.name));
    plan.cgroup_key.assign(fmt::format("\",{}_cgroup=", field.name));
    plan.zero.assign(fmt::format("{}{}_pid=0i,{}_comm=\"\",{}_cgroup=0i", comma, field.name, field.name, field.name));
    return plan;
  }
  plan.key.assign(fmt::format("{}{}=", comma, field.name));
  plan.zero.assign(fmt::format("{}{}=0{}", comma, field.name, floating ? "" : "i"));
  plan.part = position_of(measurement, field.part);
  plan.rest = position_of(measurement, field.rest);
  return plan;
}

HistogramPlan make_histogram(Unit unit) {
  const std::string_view suffix = unit_suffix(unit);
  const auto key = [suffix](std::string_view name) { return Piece(fmt::format("i,{}{}=", name, suffix)); };
  return {.count = Piece("count="),
          .sum = key("sum"),
          .max = key("max"),
          .p50 = key("p50"),
          .p90 = key("p90"),
          .p99 = key("p99"),
          .p999 = key("p999")};
}

}  // namespace

std::string_view unit_suffix(Unit unit) noexcept {
  switch (unit) {
    case Unit::nanoseconds:
      return "_ns";
    case Unit::bytes:
      return "_bytes";
    case Unit::none:
    case Unit::ratio:
      break;
  }
  return "";
}

MeasurementPlan make_plan(const Measurement& measurement) {
  MeasurementPlan plan{.measurement = &measurement, .fields = {}, .histogram = {}, .tag_names = {}};
  plan.tag_names.assign(measurement.tags.begin(), measurement.tags.end());
  plan.tag_names.emplace_back("host");
  std::ranges::sort(plan.tag_names);
  plan.max_line = 2 * LineBuffer::kNumberRoom;
  for (const Field& field : measurement.fields) {
    if (field.kind == Kind::histogram) {
      plan.is_histogram = true;
      plan.histogram = make_histogram(field.unit);
      plan.max_line += 8 * (LineBuffer::kNumberRoom + Piece::kBlock);
      continue;
    }
    plan.fields.push_back(make_field(measurement, field, plan.fields.empty() ? "" : ","));
    plan.max_line += plan.fields.back().zero.size() + 3 * (LineBuffer::kNumberRoom + Piece::kBlock);
  }
  return plan;
}

}  // namespace kpulse::influx
