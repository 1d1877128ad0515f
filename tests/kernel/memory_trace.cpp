#include "kernel/memory_trace.h"

#include <algorithm>
#include <map>
#include <optional>

#include "agent/window_clock.h"
#include "base/clock.h"

namespace kpulse::test {
namespace {

/// The kernel's trace tells times in whole microseconds.
constexpr std::uint64_t kStepNs = 1'000;
/// Longer than a processor is taken away between two programs that are asked at one event.
constexpr std::uint64_t kAwayNs = 250'000'000;

/// One that one trace shows, CLOCK_MONOTONIC.
struct Traced {
  std::uint32_t pid = 0;
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> end;
};

/// Those whose begin was seen, in the order of their ends; then those that went on when the trace ended.
std::vector<Traced> pairs(const std::vector<TraceEvent>& events) {
  std::vector<Traced> all;
  std::map<std::uint32_t, std::uint64_t> begins;
  for (const TraceEvent& event : caused_by_tasks(events)) {
    if (event.name == "mm_compaction_begin") {
      begins[event.pid] = event.mono_ns;
    } else if (const auto begin = begins.extract(event.pid); !begin.empty()) {
      all.push_back({.pid = event.pid, .begin = begin.mapped(), .end = event.mono_ns});
    }
  }
  for (const auto& [pid, begin] : begins) all.push_back({.pid = pid, .begin = begin, .end = std::nullopt});
  return all;
}

std::uint64_t wall_minus_mono() {
  const agent::WallReading now = agent::read_wall();
  return now.wall_ns - now.mono_ns;
}

}  // namespace

std::vector<TraceEvent> caused_by_tasks(std::vector<TraceEvent> events) {
  std::erase_if(events, [](const TraceEvent& event) {
    return event.comm.starts_with("kswapd") || event.comm.starts_with("kcompactd");
  });
  return events;
}

std::vector<std::string> both_ends_of_compactions() {
  return {"compaction/mm_compaction_begin", "compaction/mm_compaction_end"};
}

std::vector<TracedStall> compactions(const std::vector<TraceEvent>& before, const std::vector<TraceEvent>& after) {
  const std::uint64_t offset = wall_minus_mono(), now = monotonic_ns();
  const std::vector<Traced> inner = pairs(after);
  std::vector<TracedStall> stalls;
  for (const Traced& outer : pairs(before)) {
    const std::uint64_t end = outer.end.value_or(now);
    // Nobody compacts twice at the same time.
    const auto found = std::ranges::find_if(
        inner, [&](const Traced& one) { return one.pid == outer.pid && one.begin >= outer.begin && one.begin <= end; });
    TracedStall stall{.earliest = offset + outer.begin, .latest = 0, .ns = {}, .ended = outer.end.has_value()};
    if (found != inner.end()) {
      const std::uint64_t last = found->end.value_or(now) + kStepNs;
      stall.latest = offset + last;
      stall.ns = {.least = end - std::min(found->begin + kStepNs, end), .most = last - outer.begin};
    } else {  // the other trace was not there yet when it began
      stall.latest = offset + end + kAwayNs;
      stall.ns = {.least = 0, .most = end + kAwayNs - outer.begin};
    }
    stalls.push_back(stall);
  }
  return stalls;
}

std::vector<TracedStall> throttles(const std::vector<TraceEvent>& events) {
  const std::uint64_t offset = wall_minus_mono();
  std::vector<TracedStall> stalls;
  for (const TraceEvent& event : caused_by_tasks(events)) {
    const std::uint64_t ns = event.number("delayed") * 1'000;
    stalls.push_back({.earliest = offset + event.mono_ns,
                      .latest = offset + event.mono_ns + kAwayNs,
                      .ns = {.least = ns, .most = ns},
                      .ended = true});
  }
  return stalls;
}

StallSums sums_between(const std::vector<TracedStall>& stalls, const Mark& from, const Mark& to) {
  StallSums sums;
  for (const TracedStall& stall : stalls) {
    const std::uint64_t count = stall.ended ? 1 : 0;
    if (stall.latest < from.earliest - kSkewNs || stall.earliest > to.latest + kSkewNs) continue;
    sums.count.most += count;
    sums.ns.most += stall.ns.most;
    if (stall.earliest < from.latest + kSkewNs || stall.latest > to.earliest - kSkewNs) continue;
    sums.count.least += count;
    sums.ns.least += stall.ended ? stall.ns.least : 0;
  }
  return sums;
}

}  // namespace kpulse::test
