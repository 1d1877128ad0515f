// Names of kpulse's MQTT topics: kpulse/v1/<host>/<what>.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kpulse::mqtt {

inline constexpr std::string_view kPrefix = "kpulse/v1/";

[[nodiscard]] inline std::string frame_topic(std::string_view host) {
  return std::string(kPrefix).append(host).append("/frame");
}
[[nodiscard]] inline std::string state_topic(std::string_view host) {
  return std::string(kPrefix).append(host).append("/state");
}

struct Topic {
  std::string_view host;
  std::string_view what;  ///< "frame", "state", ...
};

/// Splits kpulse/v1/<host>/<what>; nothing when the topic has another shape. The views point into `topic`.
[[nodiscard]] inline std::optional<Topic> parse_topic(std::string_view topic) noexcept {
  if (!topic.starts_with(kPrefix)) return std::nullopt;
  topic.remove_prefix(kPrefix.size());
  const auto slash = topic.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  return Topic{.host = topic.substr(0, slash), .what = topic.substr(slash + 1)};
}

}  // namespace kpulse::mqtt
