#include "influx/layout.h"

#include <algorithm>
#include <string>

namespace kpulse::influx {
namespace {

bool has_value(const FieldPlan& plan, std::size_t position, ColumnSet columns) noexcept {
  return (columns >> (plan.field->kind == Kind::share ? plan.part : position) & 1U) != 0;
}

bool is_left_out(const FieldPlan& plan, std::size_t position, ColumnSet unmeasured) noexcept {
  if (plan.field->kind != Kind::share) return (unmeasured >> position & 1U) != 0;
  return ((unmeasured >> plan.part | unmeasured >> plan.rest) & 1U) != 0;
}

/// Integers end in an `i`, which is part of the text that comes next; so do tasks, whose last value is an integer.
bool ends_in_i(const FieldPlan& plan) noexcept {
  return plan.field->kind != Kind::share && plan.field->kind != Kind::real;
}

}  // namespace

Layout make_layout(const MeasurementPlan& plan, const FieldSets& fields) {
  Layout layout;
  std::string text;
  bool first = true;
  // The key of every field but the measurement's first begins with a comma.
  const auto append = [&](std::string_view piece) {
    if (first && piece.starts_with(',')) piece.remove_prefix(1);
    first = false;
    text += piece;
  };
  for (std::size_t position = 0; position < plan.fields.size(); ++position) {
    const FieldPlan& field = plan.fields[position];
    if (is_left_out(field, position, fields.unmeasured)) continue;
    if (!has_value(field, position, fields.columns)) {
      append(field.zero.view());
      continue;
    }
    append(field.key.view());
    layout.slots.push_back({.text = Piece(text), .plan = &field});
    text.assign(ends_in_i(field) ? 1 : 0, 'i');
  }
  layout.tail.assign(text);
  return layout;
}

const Layout& LayoutCache::get(const MeasurementPlan& plan, const FieldSets& fields) {
  const auto found = std::ranges::find(fields_, fields);
  if (found != fields_.end()) return layouts_[static_cast<std::size_t>(found - fields_.begin())];
  if (fields_.size() == kMax) {
    fields_.clear();
    layouts_.clear();
  }
  fields_.push_back(fields);
  return layouts_.emplace_back(make_layout(plan, fields));
}

}  // namespace kpulse::influx
