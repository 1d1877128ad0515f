#include "kernel/watch.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

std::vector<Bucket> buckets_of(const std::map<std::uint32_t, std::uint64_t>& counts) {
  std::vector<Bucket> buckets;
  for (const auto& [index, count] : counts) buckets.push_back({.index = index, .count = count});
  return buckets;
}

}  // namespace

Watch::Watch(std::chrono::nanoseconds window, std::vector<std::unique_ptr<probes::Probe>> probes,
             probes::ProbeSettings settings)
    : window_ns_(static_cast<std::uint64_t>(window.count())) {
  if (probes.empty()) probes.push_back(std::make_unique<probes::SchedProbe>());
  const std::uint64_t publish = std::max<std::uint64_t>(window_ns_, 50'000'000 / window_ns_ * window_ns_);
  auto sampler = agent::Sampler::start(
      {.host = "test", .window_ns = window_ns_, .publish_ns = publish, .grace_ns = grace_ns(), .probes = settings},
      std::move(probes));
  if (!sampler) throw std::runtime_error(sampler.error().message);
  sampler_ = std::move(*sampler);
  if (emulated()) settle();
}

/// The scheduler clocks of emulated processors are some ms apart, and which one is ahead shows only when each has
/// switched for a while: the windows are aligned anew then, as after a step of the wall clock.
void Watch::settle() {
  const std::uint64_t until = monotonic_ns() + 500'000'000;
  while (monotonic_ns() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::uint64_t wall = wall_ns();
    sampler_->drain(wall);
    while (sampler_->next_frame(wall)) {
    }
    static_cast<void>(sampler_->follow_clock());
  }
}

bool Watch::run_until(const std::function<bool()>& done) {
  const std::uint64_t deadline = monotonic_ns() + patience_ns();
  while (!done()) {
    if (monotonic_ns() > deadline) return false;
    std::uint64_t wall = wall_ns();
    if (const std::uint64_t due = sampler_->next_drain(wall); due > wall) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(due - wall));
    }
    wall = wall_ns();
    sampler_->drain(wall);
    while (const auto frame = sampler_->next_frame(wall)) take(*frame);
    if (const auto step = sampler_->follow_clock())
      throw std::runtime_error(fmt::format("the wall clock was stepped by {} ns during the test", *step));
  }
  return true;
}

void Watch::run_for(std::chrono::nanoseconds time) {
  const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(time.count());
  run_until([&] { return monotonic_ns() >= deadline; });
  catch_up();
}

void Watch::catch_up() {
  const std::uint64_t now = window_at(wall_ns());
  if (!run_until([&] { return taken_ > now; })) throw std::runtime_error("frames stopped coming");
}

void Watch::take(const Frame& frame) {
  if (look_) look_(frame);
  for (const Series& series : frame.series) take(frame, series);
  tasks_.insert(tasks_.end(), frame.tasks.begin(), frame.tasks.end());
  if (!frame.late) taken_ = frame.first_window + frame.windows;
}

void Watch::take(const Frame& frame, const Series& series) {
  if (series.measurement == ids::kSched) take_rows(frame, series);
  if (frame.late) return;
  Totals& totals = totals_[series.measurement][series.tags.empty() ? "" : series.tags.front()];
  for (const Column& column : series.columns) {
    for (const Bucket& bucket : column.buckets) totals.buckets[bucket.index] += bucket.count;
    if (!column.buckets.empty()) totals.fields[column.field] += column.sum;
    for (const std::uint64_t value : column.values) totals.fields[column.field] += value;
  }
}

void Watch::take_rows(const Frame& frame, const Series& series) {
  auto& rows = rows_[static_cast<std::uint32_t>(std::stoul(series.tags.at(0)))];
  for (std::uint32_t index = 0; index < frame.windows; ++index) {
    const bool absent = std::ranges::binary_search(series.absent, index);
    if (frame.late && absent) continue;
    WindowRow& row = rows[frame.first_window + index];
    row = {.absent = absent, .fields = {}};
    for (const Column& column : series.columns) {
      std::uint64_t value = column.values.at(index);
      const bool is_task = column.field == ids::sched::kVictim || column.field == ids::sched::kCulprit;
      if (is_task && value != 0) value += tasks_.size();
      if (value != 0) row.fields[column.field] = value;
    }
  }
}

std::vector<std::uint32_t> Watch::cpus() const {
  std::vector<std::uint32_t> cpus;
  for (const auto& [cpu, rows] : rows_) cpus.push_back(cpu);
  return cpus;
}

std::uint64_t Watch::sum(std::uint32_t cpu, std::uint32_t field, std::uint64_t first, std::uint64_t end) const {
  std::uint64_t total = 0;
  const auto& rows = rows_.at(cpu);
  for (auto row = rows.lower_bound(first); row != rows.end() && row->first < end; ++row) total += row->second[field];
  return total;
}

std::uint64_t Watch::sum(std::uint32_t field, std::uint64_t first, std::uint64_t end) const {
  std::uint64_t total = 0;
  for (const auto& [cpu, rows] : rows_) total += sum(cpu, field, first, end);
  return total;
}

std::uint64_t Watch::absent() const {
  std::uint64_t count = 0;
  for (const auto& [cpu, rows] : rows_)
    count += static_cast<std::uint64_t>(std::ranges::count_if(rows, [](const auto& row) { return row.second.absent; }));
  return count;
}

std::vector<Bucket> Watch::histogram(std::uint32_t measurement) const {
  std::map<std::uint32_t, std::uint64_t> sums;
  for (const std::string& tag : tags(measurement)) {
    for (const Bucket& bucket : histogram(measurement, tag)) sums[bucket.index] += bucket.count;
  }
  return buckets_of(sums);
}

std::vector<Bucket> Watch::histogram(std::uint32_t measurement, const std::string& tag) const {
  const auto found = totals_.find(measurement);
  if (found == totals_.end() || !found->second.contains(tag)) return {};
  return buckets_of(found->second.at(tag).buckets);
}

std::uint64_t Watch::total(std::uint32_t measurement, const std::string& tag, std::uint32_t field) const {
  const auto found = totals_.find(measurement);
  if (found == totals_.end() || !found->second.contains(tag)) return 0;
  const auto& fields = found->second.at(tag).fields;
  return fields.contains(field) ? fields.at(field) : 0;
}

std::vector<std::string> Watch::tags(std::uint32_t measurement) const {
  std::vector<std::string> tags;
  const auto found = totals_.find(measurement);
  if (found == totals_.end()) return tags;
  for (const auto& [tag, totals] : found->second) tags.push_back(tag);
  return tags;
}

AtWindowStart read_at_window_start(const Watch& watch, const std::function<std::uint64_t()>& read) {
  for (std::uint64_t prompt_ns = 100'000;; prompt_ns += prompt_ns / 4) {
    const std::uint64_t window = watch.window_at(wall_ns()) + 1, begin = window * watch.window_ns();
    spin_until(begin);
    const std::uint64_t value = read(), late_ns = wall_ns() - begin;
    if (late_ns < prompt_ns) return {.window = window, .value = value, .late_ns = late_ns};
  }
}

std::string missing_for_bpf() {
  if (geteuid() != 0) return "needs root (CAP_BPF and CAP_PERFMON)";
  struct stat info {};
  if (stat("/sys/kernel/btf/vmlinux", &info) != 0) return "needs a kernel with BTF (/sys/kernel/btf/vmlinux)";
  return {};
}

}  // namespace kpulse::test
