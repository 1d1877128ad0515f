// The agent's loop must run when nobody else can, or windows are lost; and a fault in it must not take a CPU.
#pragma once

#include <atomic>
#include <cstdint>

#include "agent/cpu_budget.h"
#include "base/priority.h"

namespace kpulse::agent {

/// Real-time priority, or what is given instead, for one thread of the process. Three guards take it away again: the
/// loop's own look at its CPU time (CpuBudget), the kernel's limit for a thread that does not pause (SIGXCPU), and,
/// when even that does not help, the same limit's end, at which the kernel ends the process.
class LoopPriority {
 public:
  /// How long the loop may run without a pause. After a stop of seconds it needs some 20 ms for what has piled up.
  static constexpr unsigned long kSoftUs = 200'000, kHardUs = 2'000'000;

  /// Takes it for the calling thread and says in the log what it got.
  void take() noexcept;

  /// Gives it up when the loop has taken too much; call it often, from that thread.
  void check() noexcept;

  // Any thread.
  [[nodiscard]] Priority now() const noexcept { return now_; }
  [[nodiscard]] std::uint64_t lowered() const noexcept { return lowered_; }

 private:
  void lower_to(Priority left) noexcept;

  CpuBudget budget_;
  std::atomic<Priority> now_{Priority::normal};
  std::atomic<std::uint64_t> lowered_{0};
};

}  // namespace kpulse::agent
