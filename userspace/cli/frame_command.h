// `kpulse frame`: what is on the wire, for people.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "mqtt/client.h"

namespace kpulse::cli {

struct FrameOptions {
  mqtt::Broker broker;
  std::string host;            ///< empty: every host; a file needs one
  std::string file;            ///< one frame, as published; "-" is stdin; empty: MQTT
  std::uint64_t messages = 0;  ///< stop after this many; 0: at Ctrl-C
};

/// Prints frames and states. An Error when the broker cannot be reached at all, or the file holds no frame of that
/// host.
[[nodiscard]] Result<> print_frames(const FrameOptions& options);

}  // namespace kpulse::cli
