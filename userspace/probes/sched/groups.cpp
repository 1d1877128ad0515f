#include "probes/sched/groups.h"

#include <algorithm>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_sched;

constexpr std::size_t kMostColumns = 4;

Series series_of(std::uint32_t measurement, std::string cgroup, std::size_t columns) {
  Series series{.measurement = measurement, .tags = {}, .absent = {}, .columns = {}};
  series.tags.push_back(std::move(cgroup));
  series.columns.reserve(columns);
  return series;
}

}  // namespace

SchedGroups::Sum SchedGroups::sum_of(std::span<const kp_sched_groups> cpus, std::uint32_t slot) {
  Sum sum;
  for (const kp_sched_groups& cpu : cpus) {
    const kp_sched_group& group = cpu.group[slot];
    sum.cpu += group.cpu_ns;
    sum.wait += group.wait_ns;
    sum.waits += group.waits;
    sum.switches += group.switches;
  }
  return sum;
}

/// Their number is known, so the search ends with the last of them: most groups have few, and their buckets lie low.
Column SchedGroups::waits_since(std::span<const kp_sched_groups> cpus, std::uint32_t slot, std::uint64_t waits) {
  Column column{.field = ids::histogram::kDistribution, .values = {}, .reals = {}, .buckets = {}};
  column.buckets.reserve(std::min<std::size_t>(waits, KP_GROUP_BUCKETS));
  Buckets& before = buckets_before_[slot];
  for (std::uint32_t bucket = 0; bucket < KP_GROUP_BUCKETS && waits > 0; ++bucket) {
    std::uint32_t now = 0;
    for (const kp_sched_groups& cpu : cpus) now += cpu.group[slot].wait[bucket];
    const std::uint32_t count = now - std::exchange(before[bucket], now);
    if (count == 0) continue;
    column.buckets.push_back({.index = KP_GROUP_FIRST + bucket, .count = count});
    waits -= std::min<std::uint64_t>(waits, count);
  }
  return column;
}

void SchedGroups::collect(std::span<const kp_sched_groups> cpus, std::span<const RunningGroup> running,
                          std::uint64_t clock, const std::function<std::string(std::uint32_t)>& name,
                          std::vector<Series>& series) {
  std::array<std::uint64_t, KP_CGROUP_SLOTS> running_ns{};
  for (std::size_t number = 0; number < running.size(); ++number) {
    const RunningGroup& cpu = running[number];
    if (!cpu.busy || clock <= cpu.from) continue;
    const std::uint32_t slot = cpu.slot % KP_CGROUP_SLOTS;
    // Once the task has left, all its time is in the counter. Adding it again would not only be wrong for this cgroup:
    // the next one to have the slot would have to make up for it before any time of its own is seen.
    const std::uint64_t since = cpus[number].group[slot].cpu_ns - cpu.counted;
    running_ns[slot] += clock - cpu.from - std::min(since, clock - cpu.from);
  }
  for (std::uint32_t slot = 0; slot < KP_CGROUP_SLOTS; ++slot) {
    Sum now = sum_of(cpus, slot);
    // A task that moves itself to another cgroup is that one's from a little before (bpf/sched/group.bpf.h), which was
    // already added here: never count down.
    now.cpu = std::max(now.cpu + running_ns[slot], before_[slot].cpu);
    const Sum before = std::exchange(before_[slot], now);
    if (now.cpu == before.cpu && now.switches == before.switches && now.waits == before.waits) continue;
    std::string cgroup = name(slot);
    const std::uint64_t waits = now.waits - before.waits;
    Series& sched = series.emplace_back(series_of(ids::kCgroupSched, cgroup, kMostColumns));
    add_value(sched, id::kCpu, now.cpu - before.cpu);
    add_value(sched, id::kSwitches, now.switches - before.switches);
    add_value(sched, id::kWaits, waits);
    add_value(sched, id::kWait, now.wait - before.wait);
    if (waits == 0) continue;
    Column column = waits_since(cpus, slot, waits);
    column.sum = now.wait - before.wait;
    series.push_back(series_of(ids::kCgroupWait, std::move(cgroup), 1));
    series.back().columns.push_back(std::move(column));
  }
}

}  // namespace kpulse::probes
