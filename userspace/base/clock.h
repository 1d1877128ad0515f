// Readings of the system's clocks, in nanoseconds.
#pragma once

#include <cstdint>
#include <ctime>

namespace kpulse {

/// Reads a clock of clock_gettime(2) in ns. Any thread.
[[nodiscard]] inline std::uint64_t clock_ns(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

[[nodiscard]] inline std::uint64_t wall_ns() noexcept {
  return clock_ns(CLOCK_REALTIME);
}
[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  return clock_ns(CLOCK_MONOTONIC);
}
/// CPU time of this process, user and system.
[[nodiscard]] inline std::uint64_t process_cpu_ns() noexcept {
  return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}
/// CPU time of the calling thread, user and system.
[[nodiscard]] inline std::uint64_t thread_cpu_ns() noexcept {
  return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace kpulse
