// Runs the block probe alone against the live kernel and keeps what it says, by device and operation.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/sampler.h"
#include "model/frame.h"
#include "probes/block/block_probe.h"

namespace kpulse::test {

/// A time that the agent came, read the kernel's counters and made one frame or, late, several of them.
struct Visit {
  std::uint64_t begin = 0, end = 0;  ///< of the reading, CLOCK_MONOTONIC
};

/// A row of kpulse_in_flight.
struct FlightRow {
  std::size_t visit = 0;  ///< number of the visit that it came from
  std::map<std::uint32_t, std::uint64_t> fields;

  [[nodiscard]] std::uint64_t operator[](std::uint32_t field) const {
    const auto found = fields.find(field);
    return found == fields.end() ? 0 : found->second;
  }
};

/// One window of one operation of one device; integers by field number, absent ones are 0.
struct BlockRow {
  std::uint64_t window = 0;
  std::map<std::uint32_t, std::uint64_t> fields;
  double depth = 0;

  [[nodiscard]] std::uint64_t operator[](std::uint32_t field) const {
    const auto found = fields.find(field);
    return found == fields.end() ? 0 : found->second;
  }
};

class BlockWatch {
 public:
  explicit BlockWatch(std::chrono::nanoseconds window = std::chrono::milliseconds(10),
                      probes::ProbeSettings settings = {});

  /// Samples while `work` runs in a thread of its own, and until all that it caused is in.
  void during(const std::function<void()>& work);
  /// Samples until every window that began before now is in.
  void catch_up();
  /// Samples until `done` says so, at most `limit`; returns what it said last.
  bool run_until(const std::function<bool()>& done);

  /// Rows with an I/O, a merge, a requeue or a depth, ascending.
  [[nodiscard]] const std::vector<BlockRow>& rows(const std::string& device, const std::string& op) const;
  [[nodiscard]] std::uint64_t sum(const std::string& device, const std::string& op, std::uint32_t field) const;
  /// The same over all devices.
  [[nodiscard]] std::uint64_t sum(const std::string& op, std::uint32_t field) const;
  [[nodiscard]] std::uint64_t max(const std::string& device, const std::string& op, std::uint32_t field) const;
  /// What a histogram measurement has collected: I/Os and the sum of their times.
  struct Times {
    std::uint64_t count = 0, sum_ns = 0;
    std::vector<Bucket> buckets;
  };
  [[nodiscard]] Times times(std::uint32_t measurement, const std::string& device, const std::string& op) const;
  /// Sum of a field of kpulse_cgroup_io.
  [[nodiscard]] std::uint64_t group(const std::string& cgroup, const std::string& op, std::uint32_t field) const;
  /// Rows of kpulse_in_flight, oldest first.
  [[nodiscard]] const std::vector<FlightRow>& flights(const std::string& device, const std::string& op) const;
  /// The task a row's reference stands for.
  [[nodiscard]] const Task& task(std::uint64_t reference) const { return tasks_.at(reference - 1); }
  [[nodiscard]] std::uint64_t absent() const { return absent_; }
  [[nodiscard]] const probes::BlockProbe& probe() const { return *probe_; }
  [[nodiscard]] probes::BlockProbe& probe() { return *probe_; }
  /// Whether the last frame had rows of this device.
  [[nodiscard]] bool last_frame_has(const std::string& device) const { return last_devices_.contains(device); }
  [[nodiscard]] agent::Sampler& sampler() { return *sampler_; }
  [[nodiscard]] const std::vector<Visit>& visits() const { return visits_; }
  /// CPU time that all readings of the kernel's counters took.
  [[nodiscard]] std::uint64_t reading_cpu_ns() const { return reading_cpu_ns_; }

 private:
  using Key = std::pair<std::string, std::string>;

  void step();
  void take(const Frame& frame);
  void take_group(const Series& series);
  void take_flight(const Series& series);
  void take_rows(const Frame& frame, const Series& series);

  std::uint64_t window_ns_;
  probes::BlockProbe* probe_ = nullptr;
  std::unique_ptr<agent::Sampler> sampler_;
  std::uint64_t taken_ = 0;
  std::vector<Visit> visits_;
  std::uint64_t reading_cpu_ns_ = 0;
  std::uint64_t absent_ = 0;
  std::map<Key, std::vector<BlockRow>> rows_;
  std::map<Key, std::map<std::uint32_t, std::uint64_t>> groups_;
  std::map<Key, std::vector<FlightRow>> flights_;
  std::map<std::pair<std::uint32_t, Key>, Times> times_;
  std::vector<Task> tasks_;
  std::set<std::string> last_devices_;
};

}  // namespace kpulse::test
