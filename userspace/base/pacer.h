// When to do again what costs much.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kpulse {

/// Once an interval; what takes longer is done so seldom that it costs 1 % of a CPU. Times are CLOCK_MONOTONIC in ns.
/// Not for other threads.
class Pacer {
 public:
  explicit Pacer(std::uint64_t interval_ns) noexcept : interval_ns_(interval_ns) {}

  [[nodiscard]] bool due(std::uint64_t now) const noexcept { return now >= due_ns_; }

  /// Not before an interval from now.
  void postpone(std::uint64_t now) noexcept { due_ns_ = now + interval_ns_; }

  /// It was done from `began` to `ended`. The rhythm is kept where the cost allows it, so a late one is not followed by
  /// late ones.
  void done(std::uint64_t began, std::uint64_t ended) noexcept {
    due_ns_ = std::max(due_ns_ + interval_ns_, began + std::max(interval_ns_ / 2, (ended - began) * kCostFactor));
  }

 private:
  static constexpr std::uint64_t kCostFactor = 100;

  std::uint64_t interval_ns_;
  std::uint64_t due_ns_ = 0;
};

}  // namespace kpulse
