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

/// Two numbers that a third one lies between.
struct Bracket {
  std::uint64_t least = 0, most = 0;

  Bracket operator+(const Bracket& other) const { return {.least = least + other.least, .most = most + other.most}; }
};

/// Some moment between two times of the wall clock. When exactly something was read nobody can know: the processor may
/// be taken away in the middle of it.
struct Mark {
  std::uint64_t earliest = 0, latest = 0;
  std::uint64_t window = 0;  ///< the first that had not been published
};

/// By so much a window may begin earlier or later than by the wall clock (its bounds are moved when they are 20 us
/// off), with all that is lost when one clock is converted into another.
inline constexpr std::uint64_t kSkewNs = 1'000'000;

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
  bool run_until(const std::function<bool()>& done) { return watch_.run_until(done); }
  void catch_up() { watch_.catch_up(); }
  /// Samples until windows were published.
  bool next_frame() {
    return run_until([this, before = frames_] { return frames_ > before; });
  }

  /// Takes what there is as of some moment: whatever is asked next (sums of windows, histograms, totals) has all that
  /// was counted before it and nothing later. The test is to cause nothing meanwhile; what it caused before and causes
  /// after is then for sure on this side or that of the mark.
  Mark mark() {
    sleep_until(wall_ns() + kApartNs);
    Mark mark{.earliest = wall_ns(), .latest = 0, .window = 0};
    watch_.catch_up();
    mark.latest = wall_ns();
    mark.window = watch_.taken();
    sleep_until(mark.latest + kApartNs);  // without sampling: what is asked next is still as it was
    return mark;
  }

  /// Sum of a field over windows, from one moment to another.
  Bracket bracket(std::uint32_t field, const Mark& from, const Mark& to) {
    watch_.catch_up();
    return {.least = sum(field, window_at(from.latest + kSkewNs) + 1, window_at(to.earliest - kSkewNs)),
            .most = sum(field, window_at(from.earliest - kSkewNs), window_at(to.latest + kSkewNs) + 1)};
  }
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
  /// More than a window of 10 ms and kSkewNs.
  static constexpr std::uint64_t kApartNs = 25'000'000;

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
    if (!frame.late) ++frames_;
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
  std::uint64_t frames_ = 0;
};

}  // namespace kpulse::test
