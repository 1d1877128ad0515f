#include "probes/sched/groups.h"

#include <algorithm>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_sched;

constexpr std::size_t kMostColumns = 4;

/// A row out of those of earlier frames, whose columns are still there to be filled anew.
Series row_of(std::uint32_t measurement, std::string cgroup, std::vector<Series>& spares) {
  Series row;
  if (!spares.empty()) {
    row = std::move(spares.back());
    spares.pop_back();
  }
  row.measurement = measurement;
  row.tags.resize(1);
  row.tags.front() = std::move(cgroup);
  return row;
}

/// As add_value(), into the column after the first `used`.
void put_value(Series& row, std::size_t& used, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return;
  if (used == row.columns.size()) row.columns.emplace_back();
  Column& column = row.columns[used++];
  column.field = field;
  column.values.assign(1, value);
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
void SchedGroups::take_waits(std::span<const kp_sched_groups> cpus, std::uint32_t slot, std::uint64_t waits,
                             std::vector<Bucket>& buckets) {
  buckets.clear();
  buckets.reserve(std::min<std::size_t>(waits, KP_GROUP_BUCKETS));
  Buckets& before = buckets_before_[slot];
  for (std::uint32_t bucket = 0; bucket < KP_GROUP_BUCKETS && waits > 0; ++bucket) {
    std::uint32_t now = 0;
    for (const kp_sched_groups& cpu : cpus) now += cpu.group[slot].wait[bucket];
    const std::uint32_t count = now - std::exchange(before[bucket], now);
    if (count == 0) continue;
    buckets.push_back({.index = KP_GROUP_FIRST + bucket, .count = count});
    waits -= std::min<std::uint64_t>(waits, count);
  }
}

Series SchedGroups::counters_row(std::string cgroup, const Sum& before, const Sum& now) {
  Series row = row_of(ids::kCgroupSched, std::move(cgroup), spare_counters_);
  row.columns.reserve(kMostColumns);
  std::size_t used = 0;
  put_value(row, used, id::kCpu, now.cpu - before.cpu);
  put_value(row, used, id::kSwitches, now.switches - before.switches);
  put_value(row, used, id::kWaits, now.waits - before.waits);
  put_value(row, used, id::kWait, now.wait - before.wait);
  row.columns.resize(used);
  return row;
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
    series.push_back(counters_row(cgroup, before, now));
    if (waits == 0) continue;
    Series& row = series.emplace_back(row_of(ids::kCgroupWait, std::move(cgroup), spare_waits_));
    row.columns.resize(1);
    Column& column = row.columns.front();
    column.field = ids::histogram::kDistribution;
    column.sum = now.wait - before.wait;
    take_waits(cpus, slot, waits, column.buckets);
  }
}

void SchedGroups::take_back(std::vector<Series>& series) {
  for (Series& row : series) {
    if (row.measurement == ids::kCgroupSched)
      spare_counters_.push_back(std::move(row));
    else if (row.measurement == ids::kCgroupWait)
      spare_waits_.push_back(std::move(row));
  }
}

}  // namespace kpulse::probes
