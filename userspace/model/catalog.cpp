#include "model/catalog.h"

#include <algorithm>
#include <array>

#include "model/catalog/agent.h"
#include "model/catalog/bridge.h"
#include "model/catalog/sched.h"

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
    join(sched_catalog::kMeasurements, agent_catalog::kMeasurements, bridge_catalog::kMeasurements);

/// find_measurement() searches by halves.
static_assert(std::ranges::is_sorted(kCatalog, {}, &Measurement::id));

/// Numbers count from 1 and few are ever left out, so most entries stand where their number says.
template <class Entry>
const Entry* find_by_id(std::span<const Entry> entries, std::uint32_t id) noexcept {
  if (id - 1 < entries.size() && entries[id - 1].id == id) return &entries[id - 1];
  const auto found = std::ranges::lower_bound(entries, id, {}, &Entry::id);
  return found != entries.end() && found->id == id ? &*found : nullptr;
}

}  // namespace

std::span<const Measurement> catalog() noexcept {
  return kCatalog;
}

const Measurement* find_measurement(std::uint32_t id) noexcept {
  return find_by_id(std::span<const Measurement>(kCatalog), id);
}

const Field* find_field(const Measurement& measurement, std::uint32_t id) noexcept {
  return find_by_id(measurement.fields, id);
}

}  // namespace kpulse
