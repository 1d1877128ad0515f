// Whether the agent's loop keeps to its share of a CPU. Pure: readings in, verdict out.
#pragma once

#include <cstdint>

#include "base/priority.h"

namespace kpulse::agent {

/// A loop that is preferred to others must not cost them more than it is worth: it takes 1 to 3 % of a CPU, and when it
/// takes more than a fifth over several seconds, something is wrong with it, or the machine is too large for it.
class CpuBudget {
 public:
  static constexpr std::uint64_t kIntervalNs = 5'000'000'000;
  static constexpr std::uint64_t kShare = 5;  ///< one fifth

  /// Readings of CLOCK_MONOTONIC and of the loop's CPU time. True when an interval has ended in which it took too much.
  [[nodiscard]] bool exceeded(std::uint64_t now, std::uint64_t cpu) noexcept {
    if (begin_ != 0 && now - begin_ < kIntervalNs) return false;
    const bool too_much = begin_ != 0 && cpu - cpu_ > (now - begin_) / kShare;
    begin_ = now;
    cpu_ = cpu;
    return too_much;
  }

 private:
  std::uint64_t begin_ = 0;
  std::uint64_t cpu_ = 0;
};

/// What a loop that took too much keeps: one step less each time.
[[nodiscard]] constexpr Priority one_less(Priority priority) noexcept {
  return priority == Priority::realtime ? Priority::raised : Priority::normal;
}

}  // namespace kpulse::agent
