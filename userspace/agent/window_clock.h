// Keeps the kernel's windows aligned to the wall clock. Pure: readings in, configuration out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "abi/window.h"
#include "probes/probe.h"

namespace kpulse::agent {

/// Wall clock and CLOCK_MONOTONIC, read as one.
struct WallReading {
  std::uint64_t wall_ns = 0;
  std::uint64_t mono_ns = 0;
  std::uint64_t off_ns = 0;  ///< at most so far from one moment: the CPU may be taken away between the two
};

/// Reads both clocks; of several tries the one that was interrupted least.
[[nodiscard]] WallReading read_wall() noexcept;

/// Window n is to begin n * length after 1970. The run-queue clock drifts against the wall clock by some parts per
/// million, so the bounds are moved now and then, by no more than needed: most windows are exactly `length` long.
class WindowClock {
 public:
  /// Bounds are moved when they are off by more than this.
  static constexpr std::uint64_t kToleranceNs = 20'000;

  explicit WindowClock(std::uint64_t length_ns) : length_(length_ns) {}

  /// The clock pair of an event. An event reads its clock a little before CLOCK_MONOTONIC, so of recent pairs the
  /// closest counts.
  void add(const probes::ClockReading& reading);

  /// The configuration to set when the one in force is off; nothing when it still fits, or when no reading has come
  /// yet. When the wall clock was stepped, it has a new epoch: windows are numbered anew.
  [[nodiscard]] std::optional<kp_window_config> update(const WallReading& now);

  [[nodiscard]] const kp_window_config& config() const noexcept { return config_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return config_.epoch > 1 ? config_.epoch - 1 : 0; }
  /// How far the last step went, ns; less than 0: back.
  [[nodiscard]] std::int64_t last_step_ns() const noexcept { return last_step_; }

 private:
  struct Offset {
    std::uint64_t mono_ns;
    std::int64_t mono_minus_clock;
  };

  [[nodiscard]] std::int64_t mono_minus_clock() const;

  std::uint64_t length_;
  std::deque<Offset> recent_;
  kp_window_config config_{};
  std::int64_t last_step_ = 0;
};

}  // namespace kpulse::agent
