// Durations and byte counts as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpulse::config {

/// "10ms", "1.5s", "24h", "28d": a number and one of ns us ms s m h d. Nothing when it is not one or does not fit.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// "8MiB", "64 KiB", "1000", "2MB": a whole number and none or one of B KiB MiB GiB TiB kB MB GB TB.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// The shortest exact form that the parsers above read back: "90s", "1500ms"; "8MiB", "1000B".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace kpulse::config
