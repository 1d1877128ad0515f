// Who waits for a CPU right now, as rows of kpulse_waiting. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/sched.h"
#include "model/frame.h"
#include "probes/task_table.h"

namespace kpulse::probes {

/// Appends a row for each of `cpus` CPUs: how many tasks wait for it at `clock` (run-queue clock, ns), the longest such
/// wait and whose it is. What began after `clock` waits for 0 ns; a wait whose begin is not known is counted, but is
/// nobody's longest.
void append_waiting(std::span<const kp_waiting> tasks, std::uint64_t clock, std::size_t cpus, TaskTable& table,
                    std::vector<Series>& series);

}  // namespace kpulse::probes
