// Frames for the bridge's tests.
#pragma once

#include <string>

#include "codec/frame_codec.h"
#include "model/ids.h"

namespace kpulse::bridge::test {

/// A frame of one CPU that becomes `windows` lines.
inline Frame frame_of(std::uint64_t sequence, std::uint32_t windows = 10, std::string host = "vm1") {
  return {.host = std::move(host),
          .stream = 1,
          .sequence = sequence,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'000 + sequence * windows,
          .windows = windows,
          .tasks = {},
          .series = {{.measurement = ids::kSched, .tags = {"0"}, .absent = {}, .columns = {}}}};
}

inline std::string bytes_of(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  return bytes;
}

}  // namespace kpulse::bridge::test
