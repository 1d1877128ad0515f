// What this process itself costs.
#pragma once

#include <cstdint>

#include "metrics/registry.h"

namespace kpulse::metrics {

/// Resident memory in bytes, from /proc/self/statm; 0 when it cannot be read. Any thread.
[[nodiscard]] std::uint64_t resident_bytes();

/// Adds process_cpu_seconds_total and process_resident_memory_bytes.
void add_process_metrics(Registry& registry);

}  // namespace kpulse::metrics
