// decode_frame for a thread that decodes many: the frame and all scratch memory are used again.
#pragma once

#include <memory>
#include <string_view>

#include "codec/frame_codec.h"

namespace kpulse {

/// One thread. What a frame needs is taken from what the frames before it have used, so the usual frame costs no
/// allocation. Little is kept: nothing of a message larger than kKeptBytes, no column longer than kKeptRows.
class FrameDecoder {
 public:
  static constexpr std::size_t kKeptBytes = 64U << 10U;
  static constexpr std::size_t kKeptRows = 128;

  FrameDecoder();
  FrameDecoder(const FrameDecoder&) = delete;
  FrameDecoder& operator=(const FrameDecoder&) = delete;
  ~FrameDecoder();

  /// As decode_frame(). The frame is valid until the next call; it may be moved from.
  [[nodiscard]] tl::expected<Frame*, Rejection> decode(std::string_view bytes, std::string_view topic_host);

  /// Bytes that the frame and what is kept for the next ones use, about.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpulse
