// Limits and rejections that frames and states share. Internal to the codec.
#pragma once

#include <string>
#include <string_view>

#include "codec/frame_codec.h"

namespace kpulse {

[[nodiscard]] inline tl::unexpected<Rejection> reject(Reject reason, std::string detail) {
  return tl::unexpected(Rejection{.reason = reason, .detail = std::move(detail)});
}

[[nodiscard]] inline tl::unexpected<Rejection> lying(std::string detail) {
  return reject(Reject::counts, std::move(detail));
}

[[nodiscard]] tl::expected<void, Rejection> check_size(std::string_view bytes);
[[nodiscard]] tl::expected<void, Rejection> check_head(std::uint32_t version, std::string_view host,
                                                       std::string_view topic_host);

}  // namespace kpulse
