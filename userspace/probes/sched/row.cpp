#include "probes/sched/row.h"

#include <algorithm>

namespace kpulse::probes {

SchedRow quiet_row(bool running, std::uint32_t runnable, std::uint64_t length) {
  return {.events = nullptr, .busy = running ? length : 0, .length = length, .runnable = runnable};
}

SchedRow closed_row(const kp_sched_window& record) {
  const std::uint64_t length = record.end - record.start;
  return {.events = &record,
          .busy = std::min<std::uint64_t>(record.busy_ns, length),
          .length = length,
          .runnable = record.runnable_max};
}

SchedRow open_row(const kp_sched_window& open, std::uint64_t from) {
  SchedRow row = closed_row(open);
  if (open.running != 0 && from < open.end)
    row.busy = std::min<std::uint64_t>(open.busy_ns + open.end - std::max<std::uint64_t>(from, open.start), row.length);
  return row;
}

}  // namespace kpulse::probes
