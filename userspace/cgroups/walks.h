// When the hierarchy is walked for names, and which cgroups a walk shows to be gone. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>

#include "base/pacer.h"
#include "cgroups/names.h"

namespace kpulse::cgroups {

/// A walk costs as much as there are cgroups, so it is made only when there may be something to find: events were lost,
/// or a cgroup that has a slot has no name. One that no walk can name (made where this mount does not show it, in a
/// cgroup namespace) is looked for ever more seldom. Times are CLOCK_MONOTONIC in ns. One thread.
class Walks {
 public:
  /// True at most once a second, and so seldom that walks cost 1 % of a CPU: see wanted().
  [[nodiscard]] bool due(std::uint64_t now) const { return pacer_.due(now); }

  /// `nameless`: ids of cgroups that have a slot and no name; `lost`: events lost so far.
  [[nodiscard]] bool wanted(std::uint64_t now, std::span<const std::uint64_t> nameless, std::uint64_t lost);

  /// A walk was made at `began` and took `cost_ns` of CPU time; `nameless` as it is after it, `lost` as it was before.
  void done(std::uint64_t began, std::uint64_t cost_ns, std::span<const std::uint64_t> nameless, std::uint64_t lost,
            Walk walk);

  /// Whether a cgroup that had a slot before the walk began was removed: the walk shows all there are and not this one,
  /// or it was shown before. Call before done().
  [[nodiscard]] bool gone(std::uint64_t id, const Walk& walk) const;

 private:
  Pacer pacer_{1'000'000'000};
  std::uint64_t patience_ns_ = 0;
  std::uint64_t retry_ns_ = 0;  // not before, for cgroups in hopeless_
  std::uint64_t lost_ = 0;
  std::unordered_set<std::uint64_t> hopeless_;  // the last walk had no name for them
  std::unordered_set<std::uint64_t> shown_;     // by the last walk
};

}  // namespace kpulse::cgroups
