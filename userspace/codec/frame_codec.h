// Frame and State to and from their protobuf bytes. Pure: no sockets, no clocks. What comes in is not trusted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/frame.h"

namespace kpulse {

/// Largest message on any topic. Checked before anything is parsed.
inline constexpr std::size_t kMaxMessageBytes = 1U << 20U;
inline constexpr std::uint32_t kWireVersion = 1;

/// Why a message was dropped; each has a counter.
enum class Reject {
  oversized,      ///< larger than kMaxMessageBytes
  malformed,      ///< not protobuf, or truncated
  version,        ///< another wire version
  host_mismatch,  ///< host in the topic is not the host in the frame, or is no valid host name
  counts,         ///< lengths that contradict each other: rows, indices, tags, windows out of range
};
inline constexpr std::size_t kRejectReasons = 5;

/// The reason as it is called in metrics and logs: "oversized", "malformed", ...
[[nodiscard]] std::string_view to_string(Reject reason) noexcept;

struct Rejection {
  Reject reason;
  std::string detail;  ///< for the log; holds no unescaped input
};

/// Serialises a frame. Clears `out` first and keeps its capacity, so one buffer can be used for every frame.
void encode(const Frame& frame, std::string& out);
[[nodiscard]] std::string encode(const State& state);

/// Parses and checks a frame published under `topic_host`. Everything the frame claims is bounded: at most kMaxWindows
/// windows, as many values as rows, task references within the table, bucket numbers within the histogram, as many tags
/// as the measurement has. Series and fields this build does not know are left out (a newer agent is no error).
[[nodiscard]] tl::expected<Frame, Rejection> decode_frame(std::string_view bytes, std::string_view topic_host);
[[nodiscard]] tl::expected<State, Rejection> decode_state(std::string_view bytes, std::string_view topic_host);

/// Most windows a frame may have: 10 s of 1 ms windows.
inline constexpr std::uint32_t kMaxWindows = 10'000;
/// Most rows of all series of a frame together, so that a small message cannot stand for any number of points.
inline constexpr std::size_t kMaxRows = 1U << 20U;

/// Most series that travel as one message.
inline constexpr std::uint32_t kMaxSideBySide = 4096;
/// Most series of a frame.
inline constexpr std::size_t kMaxSeries = 65'536;

/// A host name is 1 to 253 bytes of letters, digits, '-', '_' and '.': safe as MQTT topic level and as tag value.
[[nodiscard]] bool valid_host(std::string_view host) noexcept;

}  // namespace kpulse
