// Runs the memory probe (and the scheduler probe, whose clock cuts the windows) and keeps rows and OOM kills.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/memory/memory_probe.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {

/// Number after `key` in /proc/vmstat.
inline std::uint64_t vmstat(const std::string& key) {
  std::ifstream file("/proc/vmstat");
  std::string word;
  for (std::uint64_t value = 0; file >> word >> value;) {
    if (word == key) return value;
  }
  throw std::runtime_error("no " + key + " in /proc/vmstat");
}

struct Kill {
  std::uint64_t time = 0;
  std::uint64_t seen = 0;  ///< wall clock when its frame was made
  Task victim, invoker;
  std::map<std::uint32_t, std::uint64_t> fields;
};

class MemoryWatch {
 public:
  explicit MemoryWatch(std::chrono::nanoseconds window) : watch_(window, probes(probe_)) {
    watch_.on_frame([this](const Frame& frame) { take(frame); });
  }

  void run_for(std::chrono::nanoseconds time) { watch_.run_for(time); }
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
    return watch_.run_until(done, limit);
  }
  void catch_up() { watch_.catch_up(); }
  [[nodiscard]] std::uint64_t window_at(std::uint64_t wall) const { return watch_.window_at(wall); }
  [[nodiscard]] probes::Intake intake() const { return probe_->intake(); }
  [[nodiscard]] const std::vector<Kill>& kills() const { return kills_; }
  [[nodiscard]] const std::vector<Task>& stalled() const { return stalled_; }
  [[nodiscard]] int fault_program() const { return probe_->fault_program(); }
  [[nodiscard]] int open_stalls_map() const { return probe_->open_stalls_map(); }
  [[nodiscard]] const Watch& watch() const { return watch_; }

  [[nodiscard]] std::uint64_t sum(std::uint32_t field, std::uint64_t first, std::uint64_t end) const {
    std::uint64_t total = 0;
    for (auto row = rows_.lower_bound(first); row != rows_.end() && row->first < end; ++row) {
      if (const auto value = row->second.find(field); value != row->second.end()) total += value->second;
    }
    return total;
  }

  /// The largest value of a field in one window.
  [[nodiscard]] std::uint64_t peak(std::uint32_t field) const {
    std::uint64_t largest = 0;
    for (const auto& [window, row] : rows_) {
      if (const auto value = row.find(field); value != row.end()) largest = std::max(largest, value->second);
    }
    return largest;
  }

 private:
  static std::vector<std::unique_ptr<probes::Probe>> probes(const probes::MemoryProbe*& probe) {
    std::vector<std::unique_ptr<probes::Probe>> all;
    auto memory = std::make_unique<probes::MemoryProbe>();
    probe = memory.get();
    all.push_back(std::make_unique<probes::SchedProbe>());
    all.push_back(std::move(memory));
    return all;
  }

  static Task task_of(const Frame& frame, std::uint64_t reference) {
    return reference == 0 ? Task{} : frame.tasks.at(reference - 1);
  }

  void take(const Frame& frame) {
    for (const Series& series : frame.series) {
      if (series.measurement == ids::kMemory) take_rows(frame, series);
      if (series.measurement == ids::kOom) take_kills(frame, series);
    }
  }

  void take_rows(const Frame& frame, const Series& series) {
    for (const Column& column : series.columns) {
      for (std::uint32_t row = 0; row < frame.windows; ++row) {
        const std::uint64_t value = column.values.at(row);
        if (value == 0) continue;
        rows_[frame.first_window + row][column.field] = value;
        if (column.field == ids::memory::kStallTask) stalled_.push_back(task_of(frame, value));
      }
    }
  }

  void take_kills(const Frame& frame, const Series& series) {
    for (std::size_t row = 0; row < series.times.size(); ++row) {
      Kill kill{.time = series.times[row], .seen = wall_ns(), .victim = {}, .invoker = {}, .fields = {}};
      for (const Column& column : series.columns) kill.fields[column.field] = column.values.at(row);
      kill.victim = task_of(frame, kill.fields[ids::oom::kVictim]);
      kill.invoker = task_of(frame, kill.fields[ids::oom::kInvoker]);
      kills_.push_back(std::move(kill));
    }
  }

  const probes::MemoryProbe* probe_ = nullptr;  // before watch_, which sets it
  Watch watch_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint64_t>> rows_;
  std::vector<Task> stalled_;
  std::vector<Kill> kills_;
};

}  // namespace kpulse::test
