// I/Os that have begun and not ended, as rows of kpulse_in_flight. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/block.h"
#include "model/frame.h"
#include "probes/block/assembler.h"
#include "probes/task_table.h"

namespace kpulse::probes {

class BlockInFlight {
 public:
  /// Appends a row for each series with an I/O in flight, and one more when there is none any more: how many there are
  /// at `now` (CLOCK_MONOTONIC, ns), how old the oldest is and whose. What began after `now` is 0 ns old; one whose
  /// begin is not known is counted, but is not the oldest.
  void collect(std::span<const kp_block_flight, KP_BLOCK_SERIES> flights, std::uint64_t now,
               const BlockAssembler& assembler, TaskTable& tasks, std::vector<Series>& series);

 private:
  std::array<bool, KP_BLOCK_SERIES> had_some_{};  // in the last row
};

}  // namespace kpulse::probes
