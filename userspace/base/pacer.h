// When to do again what costs much.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kpulse {

/// Once an interval; what costs more than 1 % of a CPU is done more seldom. What was not used of that 1 % is saved, up
/// to kSavedNs: what is seldom needed is there at once when it is, and one time that cost much (in a guest CPU time has
/// what the hypervisor took) does not make the next one late. Times are CLOCK_MONOTONIC in ns. Not for other threads.
class Pacer {
 public:
  static constexpr std::int64_t kSavedNs = 100'000'000;

  explicit Pacer(std::uint64_t interval_ns) noexcept : interval_ns_(interval_ns) {}

  [[nodiscard]] bool due(std::uint64_t now) const noexcept { return now >= due_ns_; }

  /// Not before an interval from now.
  void postpone(std::uint64_t now) noexcept { due_ns_ = now + interval_ns_; }

  /// It was done at `began` and took `cost_ns` of CPU time, not of time: on a busy machine it may be preempted, and
  /// that is when it is wanted most. The rhythm is kept where the cost allows it, so a late one is not followed by late
  /// ones.
  void done(std::uint64_t began, std::uint64_t cost_ns) noexcept {
    const std::uint64_t earned = (began - std::min(began, last_ns_)) / kCostFactor;
    saved_ns_ = std::min(saved_ns_ + static_cast<std::int64_t>(earned), kSavedNs) - static_cast<std::int64_t>(cost_ns);
    last_ns_ = began;
    due_ns_ = std::max(due_ns_ + interval_ns_, began + interval_ns_ / 2);
    if (saved_ns_ < 0) due_ns_ = std::max(due_ns_, began + static_cast<std::uint64_t>(-saved_ns_) * kCostFactor);
  }

 private:
  static constexpr std::uint64_t kCostFactor = 100;

  std::uint64_t interval_ns_;
  std::uint64_t due_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  std::int64_t saved_ns_ = kSavedNs;
};

}  // namespace kpulse
