// The three names of a key, and the key somebody probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/schema.h"

namespace kpulse::config {

/// "sink.max_lines" -> "--sink-max-lines"
[[nodiscard]] std::string flag_name(std::string_view key);

/// "sink.max_lines" -> "KPULSE_SINK_MAX_LINES"
[[nodiscard]] std::string environment_name(std::string_view key);

/// "sink.max_lines" -> "sink" and "max_lines"; a key of the top level has an empty section.
struct KeyPath {
  std::string_view section;
  std::string_view name;
};
[[nodiscard]] KeyPath split_key(std::string_view key);

/// The candidate that differs least from `word`, or an empty text when none is near.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// `; did you mean "x"?` or an empty text.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace kpulse::config
