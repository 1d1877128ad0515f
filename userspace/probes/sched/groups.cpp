#include "probes/sched/groups.h"

#include <algorithm>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_sched;

Series series_of(std::uint32_t measurement, const std::string& cgroup) {
  return {.measurement = measurement, .tags = {cgroup}, .absent = {}, .columns = {}};
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

Column SchedGroups::waits_since(std::span<const kp_sched_groups> cpus, std::uint32_t slot) {
  Buckets now{};
  for (const kp_sched_groups& cpu : cpus) {
    const kp_sched_group& group = cpu.group[slot];
    for (std::size_t bucket = 0; bucket < now.size(); ++bucket) now[bucket] += group.wait[bucket];
  }
  Column column{.field = ids::histogram::kDistribution, .values = {}, .reals = {}, .buckets = {}};
  for (std::uint32_t bucket = 0; bucket < now.size(); ++bucket) {
    const std::uint32_t count = now[bucket] - buckets_before_[slot][bucket];
    if (count > 0) column.buckets.push_back({.index = KP_GROUP_FIRST + bucket, .count = count});
  }
  buckets_before_[slot] = now;
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
    const std::string cgroup = name(slot);
    Series sched = series_of(ids::kCgroupSched, cgroup);
    add_value(sched, id::kCpu, now.cpu - before.cpu);
    add_value(sched, id::kSwitches, now.switches - before.switches);
    add_value(sched, id::kWaits, now.waits - before.waits);
    add_value(sched, id::kWait, now.wait - before.wait);
    series.push_back(std::move(sched));
    if (now.waits == before.waits) continue;
    Column column = waits_since(cpus, slot);
    column.sum = now.wait - before.wait;
    series.push_back(series_of(ids::kCgroupWait, cgroup));
    series.back().columns.push_back(std::move(column));
  }
}

}  // namespace kpulse::probes
