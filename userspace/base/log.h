// Logging to stderr: "2026-11-23T12:00:00.123Z warning mqtt: ...". Journald-friendly, one line each.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace kpulse {

/// Sets level ("debug", "info", "warning", "error") and format for the whole program. Call once, before threads start.
void init_log(const std::string& level);

/// Lets one line through per `interval` and counts the rest, for messages that hostile input could multiply. Any
/// thread.
class RateLimit {
 public:
  explicit RateLimit(std::chrono::nanoseconds interval) : interval_(interval) {}

  /// True when a line may be written now; `suppressed` is then how many were not since the last one.
  [[nodiscard]] bool allow(std::uint64_t& suppressed) noexcept;

 private:
  const std::chrono::nanoseconds interval_;
  std::mutex mutex_;
  std::uint64_t next_ns_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace kpulse
