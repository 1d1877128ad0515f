// The bridge's counters under their Prometheus names.
#pragma once

#include "metrics/registry.h"

namespace kpulse::bridge {

class Bridge;

/// Adds them all. The bridge must outlive the registry's use.
void add_own_metrics(const Bridge& bridge, metrics::Registry& registry);

}  // namespace kpulse::bridge
