// What no task got of a CPU's time, window by window: the hypervisor took it away, or interrupts did.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "abi/sched.h"

namespace kpulse::probes {

/// A sum that is known at some instants; between two of them it grows evenly, after the last it has not grown. Pure;
/// one thread.
class LostSum {
 public:
  /// It is `total` at `clock`. Instants ascend; what is not after the last one is ignored.
  void know(std::uint64_t clock, std::uint64_t total);

  /// The same, but what it grew by since the last instant came at the end.
  void know_late_growth(std::uint64_t clock, std::uint64_t total);

  [[nodiscard]] std::uint64_t at(std::uint64_t clock) const;

  /// The last instant of which it is known; 0: none.
  [[nodiscard]] std::uint64_t known_until() const noexcept { return knots_.empty() ? 0 : knots_.back().clock; }

  /// Nobody asks for what lies before `clock` any more.
  void forget_before(std::uint64_t clock);

 private:
  struct Knot {
    std::uint64_t clock = 0, total = 0;
  };
  std::deque<Knot> knots_;
};

/// Shares what a CPU lost out to its windows: each ns to one of them. What becomes known of a window after it was asked
/// for is in the next one, when it is little, and mends the window otherwise. Pure; one thread.
class LostTime {
 public:
  /// A window was closed by an event after it.
  void on_record(const kp_sched_window& record);

  /// What is known beyond the last record: what was lost at the CPU's last event, whether a task has run since, and its
  /// run queue as it was looked at.
  void on_snapshot(std::uint64_t clock, bool running, const kp_lost& lost, const kp_look& look);

  /// What was lost in a window, which is `length` of the run queue's clock long and ends at `end`; ascending and one
  /// after the other. It is kept until forget_before().
  void take(std::uint64_t window, std::uint64_t end, std::uint64_t length);

  /// What was last said of a window that was taken; nothing lost where it is not kept.
  [[nodiscard]] kp_lost of(std::uint64_t window) const;

  /// Mends what was said of the windows from `first` on; those whose rows have to be said again, ascending.
  [[nodiscard]] std::vector<std::uint64_t> mend(std::uint64_t first);

  void forget_before(std::uint64_t window);

 private:
  /// Less than this part of a window is not worth another row.
  static constexpr std::uint64_t kMendPart = 16;

  struct Said {
    std::uint64_t window = 0, end = 0, length = 0;
    kp_lost own{};   // as it was known
    kp_lost lost{};  // with what had become known of those before
  };

  [[nodiscard]] kp_lost own_of(std::uint64_t end, std::uint64_t length) const;

  LostSum stolen_, irq_;
  std::deque<Said> said_;
  kp_lost all_said_{};               // as a value of the sums
  std::uint64_t settled_until_ = 0;  // of windows that ended before, all was known when they were mended last
};

}  // namespace kpulse::probes
