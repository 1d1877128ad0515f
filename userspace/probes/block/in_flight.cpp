#include "probes/block/in_flight.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/ids.h"
#include "probes/block/block_series.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::in_flight;

/// Since then; 0 when that is not known.
std::uint64_t age(std::uint64_t since, std::uint64_t now) {
  return since == 0 ? 0 : now - std::min(now, since);
}

Series row_of(const BlockSeries& known, const kp_block_flight& flight, std::uint64_t now, TaskTable& tasks) {
  Series row{.measurement = ids::kInFlight,
             .tags = {known.device(), std::string(block_op_name(known.op()))},
             .absent = {},
             .columns = {}};
  add_value(row, id::kIos, flight.ios);
  add_value(row, id::kOldest, age(flight.begun, now));
  add_value(row, id::kOldestDevice, age(flight.issued, now));
  if (flight.begun != 0 && flight.submitter.pid != 0) add_value(row, id::kSubmitter, tasks.add(flight.submitter));
  return row;
}

}  // namespace

void BlockInFlight::collect(std::span<const kp_block_flight, KP_BLOCK_SERIES> flights, std::uint64_t now,
                            const BlockAssembler& assembler, TaskTable& tasks, std::vector<Series>& series) {
  for (std::uint32_t index = 0; index < KP_BLOCK_SERIES; ++index) {
    const kp_block_flight& flight = flights[index];
    const BlockSeries* known = assembler.find(index);
    const bool had_some = std::exchange(had_some_[index], known != nullptr && flight.ios != 0);
    if (known != nullptr && (had_some || flight.ios != 0)) series.push_back(row_of(*known, flight, now, tasks));
  }
}

}  // namespace kpulse::probes
