#include "probes/memory/stalls.h"

#include <algorithm>
#include <limits>

namespace kpulse::probes {

void SpanningStalls::ended(const kp_stall_record& record, std::uint64_t last) {
  // The entries were read before the ring buffer, so this one may stand in both.
  std::erase_if(open_,
                [&](const Stall& stall) { return stall.pid == record.task.pid && stall.time.begin == record.begin; });
  if (record.begin < last) {
    ended_.push_back({.kind = record.kind, .pid = record.task.pid, .time = {.begin = record.begin, .end = last}});
  }
}

void SpanningStalls::set_open(std::span<const kp_open_stall> open) {
  open_.clear();
  for (const kp_open_stall& entry : open) {
    if (entry.pid == 0 || entry.begin == 0 || entry.kind >= KP_ACTIVITIES) continue;
    open_.push_back({.kind = entry.kind,
                     .pid = entry.pid,
                     .time = {.begin = entry.begin, .end = std::numeric_limits<std::uint64_t>::max()}});
  }
}

std::array<std::uint64_t, KP_ACTIVITIES> SpanningStalls::time_in(const Span& window) const {
  std::array<std::uint64_t, KP_ACTIVITIES> time{};
  for (const auto* stalls : {&ended_, &open_}) {
    for (const Stall& stall : *stalls) {
      const std::uint64_t begin = std::max(stall.time.begin, window.begin), end = std::min(stall.time.end, window.end);
      if (end > begin) time[stall.kind] += end - begin;
    }
  }
  return time;
}

void SpanningStalls::forget_before(std::uint64_t instant) {
  std::erase_if(ended_, [=](const Stall& stall) { return stall.time.end <= instant; });
}

void SpanningStalls::clear() {
  ended_.clear();
  open_.clear();
}

}  // namespace kpulse::probes
