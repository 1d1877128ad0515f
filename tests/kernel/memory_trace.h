// Stalls by the kernel's own trace, and between which figures kpulse's must lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/kernel_trace.h"
#include "kernel/memory_watch.h"

namespace kpulse::test {

/// One that a trace shows.
struct TracedStall {
  std::uint64_t earliest = 0, latest = 0;  ///< it happened, and kpulse counted it, between these; wall clock
  Bracket ns;                              ///< how long it took
  bool ended = true;
};

/// Of the stalls from one moment to another: how many ended, and how long all took. What ended or began near one of the
/// moments may or may not be among them.
struct StallSums {
  Bracket count, ns;
};
[[nodiscard]] StallSums sums_between(const std::vector<TracedStall>& stalls, const Mark& from, const Mark& to);

/// What tasks other than the kernel's own caused: kswapd and kcompactd are not stalled by their work.
[[nodiscard]] std::vector<TraceEvent> caused_by_tasks(std::vector<TraceEvent> events);

/// For KernelTrace.
[[nodiscard]] std::vector<std::string> both_ends_of_compactions();

/// From two traces. `before` was there before kpulse's programs were attached, and so was asked before them at each
/// event; `after` after them. What kpulse saw lies between, however long the processor was away meanwhile.
[[nodiscard]] std::vector<TracedStall> compactions(const std::vector<TraceEvent>& before,
                                                   const std::vector<TraceEvent>& after);

/// From a trace of vmscan/mm_vmscan_throttled that was there before kpulse's programs were attached.
[[nodiscard]] std::vector<TracedStall> throttles(const std::vector<TraceEvent>& events);

}  // namespace kpulse::test
