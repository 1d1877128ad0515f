// How many rows a series has and when each of them is: what its measurement's scope says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/catalog.h"
#include "model/frame.h"

namespace kpulse {

[[nodiscard]] inline std::size_t row_count(const Measurement& measurement, const Frame& frame,
                                           const Series& series) noexcept {
  switch (measurement.scope) {
    case Scope::window:
      return frame.windows;
    case Scope::event:
      return series.times.size();
    case Scope::interval:
      break;
  }
  return 1;
}

/// Begin of what the row stands for, in ns since 1970. `row` must be below row_count().
[[nodiscard]] inline std::uint64_t row_time(const Measurement& measurement, const Frame& frame, const Series& series,
                                            std::size_t row) noexcept {
  if (measurement.scope == Scope::event) return series.times[row];
  return (frame.first_window + (measurement.scope == Scope::window ? row : 0)) * frame.window_ns;
}

}  // namespace kpulse
