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
  FieldPlan plan{.field = &field, .key = {}, .comm_key = {}, .cgroup_key = {}, .no_task = {}, .zero = {}};
  const bool floating = field.kind == Kind::real || field.kind == Kind::share;
  if (field.kind == Kind::task) {
    plan.key.assign(fmt::format("{}{}_pid=", comma, field.name));
    plan.comm_key.assign(fmt::format("i,{}_comm=\"", field.name));
    plan.cgroup_key.assign(fmt::format("\",{}_cgroup=", field.name));
    plan.no_task.assign(fmt::format("0i,{}_comm=\"\",{}_cgroup=0", field.name, field.name));
    plan.zero.assign(fmt::format("{}{}i", plan.key.view(), plan.no_task.view()));
    return plan;
  }
  plan.key.assign(fmt::format("{}{}=", comma, field.name));
  plan.zero.assign(fmt::format("{}{}=0{}", comma, field.name, floating ? "" : "i"));
  plan.part = position_of(measurement, field.part);
  plan.rest = position_of(measurement, field.rest);
  return plan;
}

std::vector<TagPlan> make_tags(const Measurement& measurement) {
  std::vector<TagPlan> tags;
  const auto add = [&tags](std::string_view name, std::size_t position) {
    tags.push_back({.key = fmt::format(",{}=", name),
                    .position = position,
                    .is_host = name == "host",
                    .is_summed = name == "cpu",
                    .before_le = name < "le"});
  };
  for (std::size_t i = 0; i < measurement.tags.size(); ++i) add(measurement.tags[i], i);
  add("host", 0);
  std::ranges::sort(tags, {},
                    [](const TagPlan& tag) { return std::string_view(tag.key).substr(0, tag.key.size() - 1); });
  return tags;
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
  MeasurementPlan plan{.measurement = &measurement, .fields = {}, .histogram = {}, .tags = make_tags(measurement)};
  plan.max_line = 2 * Pen::kNumberRoom;
  for (const Field& field : measurement.fields) {
    if (field.kind == Kind::histogram) {
      plan.is_histogram = true;
      plan.histogram = make_histogram(field.unit);
      plan.max_line += 8 * (Pen::kNumberRoom + Piece::kBlock);
      continue;
    }
    plan.fields.push_back(make_field(measurement, field, plan.fields.empty() ? "" : ","));
    plan.max_line += plan.fields.back().zero.size() + 3 * (Pen::kNumberRoom + Piece::kBlock);
  }
  return plan;
}

}  // namespace kpulse::influx
