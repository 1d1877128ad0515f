// Runs the sampler against the live kernel and keeps what it says, row by row.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/sampler.h"
#include "model/frame.h"

namespace kpulse::test {

/// One window of one CPU: field number -> value; fields that are 0 are not in it.
struct WindowRow {
  bool absent = false;
  std::map<std::uint32_t, std::uint64_t> fields;

  [[nodiscard]] std::uint64_t operator[](std::uint32_t field) const {
    const auto found = fields.find(field);
    return found == fields.end() ? 0 : found->second;
  }
};

/// A culprit that no trace shows: the hypervisor, or interrupts.
[[nodiscard]] inline bool is_no_task_at_all(const Task& culprit) {
  return culprit.comm == "(stolen)" || culprit.comm == "(irq)";
}

class Watch {
 public:
  /// Attaches; fails the test with the reason when that does not work. `probes` empty: the scheduler's
  /// alone, for what is not needed takes its time to load in an emulated machine.
  explicit Watch(std::chrono::nanoseconds window, std::vector<std::unique_ptr<probes::Probe>> probes = {},
                 probes::ProbeSettings settings = {});

  /// Has every frame shown to `look` from now on.
  void on_frame(std::function<void(const Frame&)> look) { look_ = std::move(look); }

  /// Samples until every window that began before now is in.
  void catch_up();
  /// Samples for at least this long, and catches up.
  void run_for(std::chrono::nanoseconds time);
  /// Samples until `done` says so; false when it has not after patience_ns().
  bool run_until(const std::function<bool()>& done);

  /// Windows before this one are in.
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t window_ns() const { return window_ns_; }
  [[nodiscard]] std::uint64_t window_at(std::uint64_t wall) const { return wall / window_ns_; }
  [[nodiscard]] const std::map<std::uint64_t, WindowRow>& rows(std::uint32_t cpu) const { return rows_.at(cpu); }
  [[nodiscard]] std::vector<std::uint32_t> cpus() const;
  /// Sum of a field over windows [first, end) of one CPU.
  [[nodiscard]] std::uint64_t sum(std::uint32_t cpu, std::uint32_t field, std::uint64_t first, std::uint64_t end) const;
  /// The same over all CPUs.
  [[nodiscard]] std::uint64_t sum(std::uint32_t field, std::uint64_t first, std::uint64_t end) const;
  /// Windows of all CPUs that are absent.
  [[nodiscard]] std::uint64_t absent() const;
  /// The task a row's reference stands for.
  [[nodiscard]] const Task& task(std::uint64_t reference) const { return tasks_.at(reference - 1); }
  /// What a histogram measurement has collected so far, all CPUs together.
  [[nodiscard]] std::vector<Bucket> histogram(std::uint32_t measurement) const;
  /// The same of one set of tag values; `tag` is the first of them.
  [[nodiscard]] std::vector<Bucket> histogram(std::uint32_t measurement, const std::string& tag) const;
  /// Sum of an integer field, or of what a distribution is of, over all rows of the series whose first tag is `tag`.
  [[nodiscard]] std::uint64_t total(std::uint32_t measurement, const std::string& tag, std::uint32_t field) const;
  /// First tags of a measurement's series seen so far.
  [[nodiscard]] std::vector<std::string> tags(std::uint32_t measurement) const;
  [[nodiscard]] agent::Sampler& sampler() { return *sampler_; }

 private:
  struct Totals {
    std::map<std::uint32_t, std::uint64_t> fields, buckets;
  };

  void settle();
  void take(const Frame& frame);
  void take(const Frame& frame, const Series& series);
  void take_rows(const Frame& frame, const Series& series);

  std::uint64_t window_ns_;
  std::unique_ptr<agent::Sampler> sampler_;
  std::uint64_t taken_ = 0;
  std::map<std::uint32_t, std::map<std::uint64_t, WindowRow>> rows_;
  /// By measurement and first tag.
  std::map<std::uint32_t, std::map<std::string, Totals>> totals_;
  std::vector<Task> tasks_;
  std::function<void(const Frame&)> look_;
};

/// A counter as it was when a window began, or a little later.
struct AtWindowStart {
  std::uint64_t window = 0, value = 0, late_ns = 0;
};

/// Reads a counter at the beginning of a window; tries again when that took long, and is content with less each time:
/// on an emulated machine it always does.
[[nodiscard]] AtWindowStart read_at_window_start(const Watch& watch, const std::function<std::uint64_t()>& read);

/// Skips the running test with the name of what is missing when BPF programs cannot be attached here.
#define KPULSE_NEED_BPF() \
  if (const std::string missing = ::kpulse::test::missing_for_bpf(); !missing.empty()) GTEST_SKIP() << missing

[[nodiscard]] std::string missing_for_bpf();

}  // namespace kpulse::test
