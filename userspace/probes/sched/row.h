// What is known of one window of one CPU.
#pragma once

#include <cstdint>

#include "abi/sched.h"

namespace kpulse::probes {

struct SchedRow {
  const kp_sched_window* events = nullptr;  ///< null: no event in it
  std::uint64_t busy = 0;
  std::uint64_t length = 0;
  std::uint32_t runnable = 0;  ///< most of them
};

/// A window without an event: the CPU did one thing all the time.
[[nodiscard]] SchedRow quiet_row(bool running, std::uint32_t runnable, std::uint64_t length);

/// A window that was closed by an event after it. `record` outlives the row.
[[nodiscard]] SchedRow closed_row(const kp_sched_window& record);

/// A window that has ended but was not closed, because nothing has happened since: its rest, from `from` on
/// (kp_sched_cpu::from), is like its last event left it. `open` outlives the row.
[[nodiscard]] SchedRow open_row(const kp_sched_window& open, std::uint64_t from);

}  // namespace kpulse::probes
