// The bridge's own measurement, kpulse_bridge, through its own sink.
#pragma once

#include <string>

#include "model/frame.h"

namespace kpulse::bridge {

class Bridge;

/// A frame of one interval, of now, with the bridge's counters.
[[nodiscard]] Frame self_frame(const Bridge& bridge, const std::string& host, std::uint64_t sequence);

}  // namespace kpulse::bridge
