#include "kernel/block_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "kernel/workload.h"
#include "model/histogram.h"
#include "model/ids.h"
#include "probes/block/slots.h"

namespace kpulse::test {
namespace {

/// Slots of short windows do not hold what was counted for as long as tests would give events: what they do hold is
/// divided between an event that is held up and an agent that comes late.
std::uint64_t grace_of(std::uint64_t window_ns, std::uint64_t publish_ns) {
  const std::uint64_t held_ns = window_ns << probes::BlockSlots::ring_bits(window_ns);
  return std::min(grace_ns(), (held_ns - publish_ns) / 2);
}

}  // namespace

BlockWatch::BlockWatch(std::chrono::nanoseconds window, probes::ProbeSettings settings)
    : window_ns_(static_cast<std::uint64_t>(window.count())) {
  auto probe = std::make_unique<probes::BlockProbe>();
  probe_ = probe.get();
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::move(probe));
  const std::uint64_t publish = std::max<std::uint64_t>(window_ns_, 50'000'000 / window_ns_ * window_ns_);
  auto sampler = agent::Sampler::start(
      {.host = "test", .window_ns = window_ns_, .publish_ns = publish, .grace_ns = grace_of(window_ns_, publish), .probes = std::move(settings)},
      std::move(probes));
  if (!sampler) throw std::runtime_error(sampler.error().message);
  sampler_ = std::move(*sampler);
  catch_up();  // the first whole window has begun: from here on nothing is missed
}

void BlockWatch::step() {
  std::uint64_t wall = wall_ns();
  if (const std::uint64_t due = sampler_->next_drain(wall); due > wall)
    std::this_thread::sleep_for(std::chrono::nanoseconds(due - wall));
  wall = wall_ns();
  const std::uint64_t began = monotonic_ns(), cpu_began = thread_cpu_ns();
  sampler_->drain(wall);
  reading_cpu_ns_ += thread_cpu_ns() - cpu_began;
  const Visit visit{.begin = began, .end = monotonic_ns()};
  const std::uint64_t taken = taken_;
  while (const auto frame = sampler_->next_frame(wall)) take(*frame);
  if (taken_ != taken) visits_.push_back(visit);
  if (const auto step = sampler_->follow_clock())
    throw std::runtime_error(fmt::format("the wall clock was stepped by {} ns during the test", *step));
}

void BlockWatch::during(const std::function<void()>& work) {
  auto done = std::async(std::launch::async, work);
  while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) step();
  done.get();
  catch_up();
  catch_up();  // an end that was not shown is found by a drain, and counts in the window in which that happens
}

void BlockWatch::catch_up() {
  const std::uint64_t now = wall_ns() / window_ns_;
  for (int tries = 0; taken_ <= now; ++tries) {
    if (tries > 200) throw std::runtime_error("frames stopped coming");
    step();
  }
}

bool BlockWatch::run_until(const std::function<bool()>& done) {
  const std::uint64_t deadline = monotonic_ns() + patience_ns();
  while (!done()) {
    if (monotonic_ns() > deadline) return false;
    step();
  }
  return true;
}

void BlockWatch::take(const Frame& frame) {
  if (frame.late) return;
  last_devices_.clear();
  for (const Series& series : frame.series) {
    if (series.measurement == ids::kBlock) take_rows(frame, series);
    if (series.measurement == ids::kCgroupIo) {
      take_group(series);
      continue;
    }
    if (series.measurement == ids::kInFlight) {
      take_flight(series);
      continue;
    }
    if (series.tags.size() != 2) continue;
    last_devices_.insert(series.tags[0]);
    for (const Column& column : series.columns) {
      if (column.buckets.empty()) continue;
      Times& times = times_[{series.measurement, {series.tags[0], series.tags[1]}}];
      times.count += count_of(column.buckets);
      times.sum_ns += column.sum;
      times.buckets.insert(times.buckets.end(), column.buckets.begin(), column.buckets.end());
    }
  }
  tasks_.insert(tasks_.end(), frame.tasks.begin(), frame.tasks.end());
  taken_ = frame.first_window + frame.windows;
}

void BlockWatch::take_flight(const Series& series) {
  FlightRow row{.visit = visits_.size(), .fields = {}};  // which is not over yet
  for (const Column& column : series.columns) {
    std::uint64_t value = column.values.at(0);
    if (column.field == ids::in_flight::kSubmitter && value != 0) value += tasks_.size();
    row.fields[column.field] = value;
  }
  flights_[{series.tags.at(0), series.tags.at(1)}].push_back(std::move(row));
}

void BlockWatch::take_group(const Series& series) {
  auto& sums = groups_[{series.tags.at(0), series.tags.at(1)}];
  for (const Column& column : series.columns) sums[column.field] += column.values.at(0);
}

void BlockWatch::take_rows(const Frame& frame, const Series& series) {
  auto& rows = rows_[{series.tags.at(0), series.tags.at(1)}];
  absent_ += series.absent.size();
  for (std::uint32_t index = 0; index < frame.windows; ++index) {
    BlockRow row{.window = frame.first_window + index, .fields = {}, .depth = 0};
    for (const Column& column : series.columns) {
      if (column.field == ids::block::kDepth) {
        row.depth = column.reals.at(index);
        continue;
      }
      std::uint64_t value = column.values.at(index);
      if (column.field == ids::block::kSubmitter && value != 0) value += tasks_.size();
      if (value != 0) row.fields[column.field] = value;
    }
    if (!row.fields.empty() || row.depth != 0) rows.push_back(std::move(row));
  }
}

const std::vector<BlockRow>& BlockWatch::rows(const std::string& device, const std::string& op) const {
  static const std::vector<BlockRow> kNone;
  const auto found = rows_.find({device, op});
  return found == rows_.end() ? kNone : found->second;
}

const std::vector<FlightRow>& BlockWatch::flights(const std::string& device, const std::string& op) const {
  static const std::vector<FlightRow> kNone;
  const auto found = flights_.find({device, op});
  return found == flights_.end() ? kNone : found->second;
}

std::uint64_t BlockWatch::sum(const std::string& device, const std::string& op, std::uint32_t field) const {
  std::uint64_t total = 0;
  for (const BlockRow& row : rows(device, op)) total += row[field];
  return total;
}

std::uint64_t BlockWatch::sum(const std::string& op, std::uint32_t field) const {
  std::uint64_t total = 0;
  for (const auto& [key, rows] : rows_) {
    if (key.second == op) total += sum(key.first, op, field);
  }
  return total;
}

std::uint64_t BlockWatch::max(const std::string& device, const std::string& op, std::uint32_t field) const {
  std::uint64_t largest = 0;
  for (const BlockRow& row : rows(device, op)) largest = std::max(largest, row[field]);
  return largest;
}

std::uint64_t BlockWatch::group(const std::string& cgroup, const std::string& op, std::uint32_t field) const {
  const auto found = groups_.find({cgroup, op});
  if (found == groups_.end()) return 0;
  const auto sum = found->second.find(field);
  return sum == found->second.end() ? 0 : sum->second;
}

BlockWatch::Times BlockWatch::times(std::uint32_t measurement, const std::string& device, const std::string& op) const {
  const auto found = times_.find({measurement, {device, op}});
  return found == times_.end() ? Times{} : found->second;
}

}  // namespace kpulse::test
