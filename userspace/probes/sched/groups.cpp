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

/// A CPU's counter is read once: it says as well whether what runs has left since, and then all its time is in it.
/// Adding it again would not only be wrong for this cgroup: the next one to have the slot would have to make up for it
/// before any time of its own is seen.
SchedGroups::Sum SchedGroups::sum_of(std::span<const kp_sched_groups> cpus, std::span<const RunningGroup> running,
                                     std::uint32_t slot) {
  Sum sum;
  for (std::size_t number = 0; number < cpus.size(); ++number) {
    const kp_sched_group& group = cpus[number].group[slot];
    const std::uint64_t counted = *const_cast<const volatile __u64*>(&group.cpu_ns);
    sum.cpu += counted;
    sum.wait += group.wait_ns;
    sum.waits += group.waits;
    sum.switches += group.switches;
    if (number >= running.size() || running[number].slot != slot) continue;
    const RunningGroup& now = running[number];
    sum.cpu += now.ns - std::min(counted - now.counted, now.ns);
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
                          const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series) {
  for (std::uint32_t slot = 0; slot < KP_CGROUP_SLOTS; ++slot) {
    Sum now = sum_of(cpus, running, slot);
    // Of a CPU that is not looked at, what runs is known by the clock only, and a little too much of it may have been
    // added: never count down.
    now.cpu = std::max(now.cpu, before_[slot].cpu);
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
