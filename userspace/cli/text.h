// Text for people: quantities with a fitting unit, and foreign text made safe for a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kpulse::cli {

/// Bytes that a terminal would act on, and those that are not UTF-8, as \xNN.
[[nodiscard]] std::string printable(std::string_view text);

/// 3 significant digits: "0", "850ns", "3.10us", "40.0ms", "1.20s".
[[nodiscard]] std::string short_duration(std::uint64_t ns);

/// Cuts to at most `width` characters; what was cut ends with '~'. Never cuts a character in half.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

/// Number of characters of UTF-8 text.
[[nodiscard]] std::size_t width_of(std::string_view text) noexcept;

/// The first line of a file, for tokens; an Error when it cannot be read or is empty.
[[nodiscard]] Result<std::string> first_line(const std::string& path);

}  // namespace kpulse::cli
