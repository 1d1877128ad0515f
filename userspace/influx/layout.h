// What the lines of one series look like: which fields it has columns for decides all text between the values, so that
// is put together once and then copied.
#pragma once

#include <cstdint>
#include <vector>

#include "influx/line_buffer.h"
#include "influx/plan.h"

namespace kpulse::influx {

/// A value of a line and the text before it, which also holds the fields without a column that come in between:
/// `i,forks=0i,execs=0i,exits=`.
struct Slot {
  Piece text;
  const FieldPlan* plan;
};

/// Bit n stands for the measurement's field n, in the catalogue's order.
using ColumnSet = std::uint64_t;

struct Layout {
  std::vector<Slot> slots;
  Piece tail;  ///< what stands after the last value
};

/// What a series says of the measurement's fields.
struct FieldSets {
  ColumnSet columns = 0;
  ColumnSet unmeasured = 0;  ///< these are left out; the others without a column read 0

  bool operator==(const FieldSets&) const = default;
};

/// A share has a value when its part has a column, and is left out when its part or its rest is. Nothing at all when
/// every field is left out.
[[nodiscard]] Layout make_layout(const MeasurementPlan& plan, const FieldSets& fields);

/// The layouts of one measurement: few are ever needed, for series have the columns that they had before.
class LayoutCache {
 public:
  static constexpr std::size_t kMax = 128;

  /// Valid until the next call.
  [[nodiscard]] const Layout& get(const MeasurementPlan& plan, const FieldSets& fields);

 private:
  std::vector<FieldSets> fields_;
  std::vector<Layout> layouts_;
};

}  // namespace kpulse::influx
