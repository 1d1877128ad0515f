#include "influx/rollup.h"

#include <algorithm>

#include "influx/query.h"

namespace kpulse::influx {

std::size_t DirtyBuckets::touch(std::uint64_t first_ns, std::uint64_t last_ns, std::uint64_t mono_ns) {
  const std::uint64_t first = first_ns / kRollupNs;
  const std::uint64_t last = std::min(last_ns / kRollupNs, first + kMaxBuckets);
  for (std::uint64_t bucket = first; bucket <= last; ++bucket) touched_[bucket] = mono_ns;
  std::size_t dropped = 0;
  for (; touched_.size() > kMaxBuckets; ++dropped) touched_.erase(std::prev(touched_.end()));
  return dropped;
}

std::optional<std::uint64_t> DirtyBuckets::take_due(std::uint64_t wall_ns, std::uint64_t mono_ns) {
  for (auto entry = touched_.begin(); entry != touched_.end(); ++entry) {
    const auto [bucket, written] = *entry;
    if ((bucket + 1) * kRollupNs + kQuietNs > wall_ns) break;
    if (written + kQuietNs > mono_ns) continue;
    touched_.erase(entry);
    return bucket * kRollupNs;
  }
  return std::nullopt;
}

}  // namespace kpulse::influx
