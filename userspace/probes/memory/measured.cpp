#include "probes/memory/measured.h"

#include <algorithm>
#include <initializer_list>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

namespace all = ids::memory;
namespace group = ids::cgroup_memory;

using Names = std::initializer_list<std::string_view>;
using Fields = std::initializer_list<std::uint32_t>;

/// These fields want all of these programs.
struct Need {
  Names programs;
  Fields windows;
  Fields cgroups;
};

/// Stalls first: the longest of a window is one of theirs.
const Need kStalls[]{
    {{"kp_direct_begin", "kp_direct_end"},
     {all::kDirectCount, all::kDirect, all::kDirectBytes},
     {group::kDirectCount, group::kDirect}},
    {{"kp_memcg_begin", "kp_memcg_end"},
     {all::kMemcgCount, all::kMemcg, all::kMemcgBytes},
     {group::kMemcgCount, group::kMemcg}},
    {{"kp_compact_beg", "kp_compact_end"},
     {all::kCompactionCount, all::kCompaction},
     {group::kCompactionCount, group::kCompaction}},
    {{"kp_throttled"}, {all::kThrottleCount, all::kThrottle}, {group::kThrottleCount, group::kThrottle}},
};

const Need kOthers[]{
    {{"kp_fault_user"}, {all::kUserFaults}, {group::kFaults}},
    {{"kp_fault_kernel"}, {all::kKernelFaults}, {group::kFaults}},
    {{"kp_fault_major"}, {all::kMajorFaults}, {group::kMajorFaults}},
    {{"kp_kswapd_wake", "kp_kswapd_sleep"}, {all::kKswapdWakes, all::kKswapd}, {}},
    {{"kp_fallback"}, {all::kFallbacks}, {}},
};

void add(const Fields& fields, std::vector<std::uint32_t>& to) {
  to.insert(to.end(), fields);
  std::ranges::sort(to);
  to.erase(std::unique(to.begin(), to.end()), to.end());
}

}  // namespace

UnmeasuredMemory unmeasured_memory(const std::function<bool(std::string_view)>& attached) {
  UnmeasuredMemory unmeasured;
  const auto check = [&](const Need& need) {
    const bool measured = std::ranges::all_of(need.programs, attached);
    if (measured) return true;
    add(need.windows, unmeasured.windows);
    add(need.cgroups, unmeasured.cgroups);
    return false;
  };
  std::size_t kinds = 0;
  for (const Need& stall : kStalls) kinds += check(stall) ? 1 : 0;
  if (kinds == 0) add({all::kStallMax, all::kStallKind, all::kStallTask}, unmeasured.windows);
  for (const Need& other : kOthers) check(other);
  return unmeasured;
}

}  // namespace kpulse::probes
