// Stalls that last beyond a window's end: their time in each of the windows they cover. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/memory.h"

namespace kpulse::probes {

/// A window's begin and end, CLOCK_MONOTONIC.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The kernel counts the time of a stall in the window it ends in; these are the windows before that one.
class SpanningStalls {
 public:
  /// One has ended in the window that begins at `last`. Its time before that is still to be told.
  void ended(const kp_stall_record& record, std::uint64_t last);

  /// What has not ended as of now; replaces what was said before. Entries that are free are left out.
  void set_open(std::span<const kp_open_stall> open);

  /// Time by activity in a window, of stalls that ended in a later one or have not ended.
  [[nodiscard]] std::array<std::uint64_t, KP_ACTIVITIES> time_in(const Span& window) const;

  /// Windows before this instant will not be asked for again.
  void forget_before(std::uint64_t instant);
  void clear();

 private:
  struct Stall {
    std::uint32_t kind = 0;
    std::uint32_t pid = 0;
    Span time;  // end: begin of the window in which it ended
  };

  std::vector<Stall> ended_;
  std::vector<Stall> open_;
};

}  // namespace kpulse::probes
