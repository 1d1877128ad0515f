// When to drain and which windows make a frame. Pure arithmetic on window numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "probes/probe.h"

namespace kpulse::agent {

/// Frames begin at multiples of their length, so that frames of all hosts line up.
class Schedule {
 public:
  /// How long after its end a window may still be filled in: an event has read its clock but not yet counted itself.
  /// Long enough for an interrupt in between, not for a hypervisor that takes the processor away meanwhile.
  static constexpr std::uint64_t kGraceNs = 2'000'000;
  /// Longest time between two drains.
  static constexpr std::uint64_t kDrainNs = 250'000'000;

  /// `frame_windows` >= 1.
  Schedule(std::uint64_t window_ns, std::uint32_t frame_windows, std::uint64_t grace_ns = kGraceNs)
      : window_ns_(window_ns),
        grace_ns_(grace_ns),
        frame_windows_(frame_windows),
        drain_windows_(std::clamp<std::uint64_t>(kDrainNs / window_ns, 1, probes::kMaxUndrained)) {}

  /// Starts with the window after the one that `wall` is in: the first whole one.
  void begin(std::uint64_t wall) {
    next_ = wall / window_ns_ + 1;
    drained_ = next_;
  }

  /// First window that has not surely ended at `wall`.
  [[nodiscard]] std::uint64_t ended(std::uint64_t wall) const {
    return (wall - std::min(wall, grace_ns_)) / window_ns_;
  }

  /// Wall clock time of the next drain.
  [[nodiscard]] std::uint64_t next_drain(std::uint64_t wall) {
    drained_ = std::max(drained_, ended(wall));
    return std::min(frame_end(), drained_ + drain_windows_) * window_ns_ + grace_ns_;
  }

  /// The next frame, when all its windows have ended; call until there is none.
  [[nodiscard]] std::optional<probes::WindowRange> next_frame(std::uint64_t wall) {
    return ended(wall) >= frame_end() ? take(frame_end()) : std::nullopt;
  }

  /// The same for a frame that cannot wait: maybe no window at all.
  [[nodiscard]] probes::WindowRange so_far(std::uint64_t wall) {
    const std::uint64_t next = next_;
    return rest(wall).value_or(probes::WindowRange{.first = next, .count = 0});
  }

  /// The windows of the unfinished frame that have ended, for the last frame of all.
  [[nodiscard]] std::optional<probes::WindowRange> rest(std::uint64_t wall) {
    return take(std::min(ended(wall), frame_end()));
  }

 private:
  [[nodiscard]] std::uint64_t frame_end() const { return (next_ / frame_windows_ + 1) * frame_windows_; }

  std::optional<probes::WindowRange> take(std::uint64_t end) {
    if (end <= next_) return std::nullopt;
    const probes::WindowRange range{.first = next_, .count = static_cast<std::uint32_t>(end - next_)};
    next_ = end;
    return range;
  }

  std::uint64_t window_ns_;
  std::uint64_t grace_ns_;
  std::uint64_t frame_windows_;
  std::uint64_t drain_windows_;
  std::uint64_t next_ = 0;  // first window not in a frame yet
  std::uint64_t drained_ = 0;
};

}  // namespace kpulse::agent
