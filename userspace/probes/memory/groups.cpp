#include "probes/memory/groups.h"

#include <utility>

#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_memory;

struct StallFields {
  std::uint32_t count, time;
};

constexpr std::array<StallFields, KP_STALL_KINDS> kStallFields{{{id::kDirectCount, id::kDirect},
                                                                {id::kMemcgCount, id::kMemcg},
                                                                {id::kCompactionCount, id::kCompaction},
                                                                {id::kThrottleCount, id::kThrottle}}};

}  // namespace

MemoryGroups::Counts MemoryGroups::counts_of(std::span<const kp_fault_cpu> cpus, const kp_memory_group& group,
                                             std::uint32_t slot) {
  Counts counts{};
  for (const kp_fault_cpu& cpu : cpus) counts[id::kFaults - 1] += cpu.group[slot].user + cpu.group[slot].kernel;
  counts[id::kMajorFaults - 1] = group.major_faults;
  for (std::size_t kind = 0; kind < KP_STALL_KINDS; ++kind) {
    counts[kStallFields[kind].count - 1] = group.count[kind];
    counts[kStallFields[kind].time - 1] = group.ns[kind];
  }
  return counts;
}

void MemoryGroups::collect(std::span<const kp_fault_cpu> cpus, std::span<const kp_memory_group> groups,
                           const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series) {
  for (std::uint32_t slot = 0; slot < KP_CGROUP_SLOTS; ++slot) {
    const Counts now = counts_of(cpus, groups[slot], slot);
    const Counts before = std::exchange(before_[slot], now);
    if (now == before) continue;
    Series row{.measurement = ids::kCgroupMemory, .tags = {name(slot)}, .absent = {}, .columns = {}, .times = {}};
    Columns columns(1, now.size());
    for (std::uint32_t field = 1; field <= now.size(); ++field) {
      columns.set(field, 0, now[field - 1] - before[field - 1]);
    }
    columns.append_to(row.columns);
    leave_out(unmeasured_, row);
    series.push_back(std::move(row));
  }
}

}  // namespace kpulse::probes
