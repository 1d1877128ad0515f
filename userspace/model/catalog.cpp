#include "model/catalog.h"

#include <algorithm>
#include <array>

#include "model/catalog/agent.h"
#include "model/catalog/block.h"
#include "model/catalog/bridge.h"
#include "model/catalog/cgroup.h"
#include "model/catalog/in_flight.h"
#include "model/catalog/memory.h"
#include "model/catalog/process.h"
#include "model/catalog/sched.h"
#include "model/catalog/waiting.h"

namespace kpulse {
namespace {

template <std::size_t... Sizes>
constexpr auto join(const std::array<Measurement, Sizes>&... parts) {
  std::array<Measurement, (Sizes + ...)> all{};
  auto* at = all.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return all;
}

constexpr auto kCatalog =
    join(sched_catalog::kMeasurements, agent_catalog::kMeasurements, bridge_catalog::kMeasurements,
         cgroup_catalog::kMeasurements, process_catalog::kMeasurements, block_catalog::kMeasurements,
         memory_catalog::kMeasurements, waiting_catalog::kMeasurements, in_flight_catalog::kMeasurements);

/// find_measurement() searches by halves.
static_assert(std::ranges::is_sorted(kCatalog, {}, &Measurement::id));

}  // namespace

std::span<const Measurement> catalog() noexcept {
  return kCatalog;
}

const Measurement* find_measurement(std::uint32_t id) noexcept {
  const std::size_t position = position_of(catalog(), id);
  return position < kCatalog.size() ? &kCatalog[position] : nullptr;
}

}  // namespace kpulse
