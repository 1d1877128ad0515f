#include "influx/layout.h"

#include <algorithm>
#include <string>

namespace kpulse::influx {
namespace {

bool has_value(const FieldPlan& plan, std::size_t position, ColumnSet columns) noexcept {
  return (columns >> (plan.field->kind == Kind::share ? plan.part : position) & 1U) != 0;
}

/// Integers end in an `i`, which is part of the text that comes next; so do tasks, whose last value is an integer.
bool ends_in_i(const FieldPlan& plan) noexcept {
  return plan.field->kind != Kind::share && plan.field->kind != Kind::real;
}

}  // namespace

Layout make_layout(const MeasurementPlan& plan, ColumnSet columns) {
  Layout layout;
  std::string text;
  for (std::size_t position = 0; position < plan.fields.size(); ++position) {
    const FieldPlan& field = plan.fields[position];
    if (!has_value(field, position, columns)) {
      text += field.zero.view();
      continue;
    }
    text += field.key.view();
    layout.slots.push_back({.text = Piece(text), .plan = &field});
    text.assign(ends_in_i(field) ? 1 : 0, 'i');
  }
  layout.tail.assign(text);
  return layout;
}

const Layout& LayoutCache::get(const MeasurementPlan& plan, ColumnSet columns) {
  const auto found = std::ranges::find(columns_, columns);
  if (found != columns_.end()) return layouts_[static_cast<std::size_t>(found - columns_.begin())];
  if (columns_.size() == kMax) {
    columns_.clear();
    layouts_.clear();
  }
  columns_.push_back(columns);
  return layouts_.emplace_back(make_layout(plan, columns));
}

}  // namespace kpulse::influx
