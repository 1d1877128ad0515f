// Frames and states as text for people.
#pragma once

#include <string>

#include "model/frame.h"

namespace kpulse::cli {

/// Several lines: what the frame is, then each series row by row; fields that are 0 are left out.
[[nodiscard]] std::string describe(const Frame& frame);
[[nodiscard]] std::string describe(const State& state);

}  // namespace kpulse::cli
