// What the agent says of itself: in the frame once a second, and on /metrics.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "agent/loop_priority.h"
#include "metrics/registry.h"
#include "model/frame.h"
#include "mqtt/client.h"
#include "probes/probe.h"

namespace kpulse::agent {

/// Written by the agent's thread, read by the endpoint's.
class Self {
 public:
  /// The client must outlive this.
  explicit Self(const mqtt::Client& client) : client_(client) {}

  void set_intake(const probes::Intake& intake);
  void set_clock_steps(std::uint64_t steps) { clock_steps_ = steps; }
  void count_late_tick() { ++ticks_late_; }

  /// The series kpulse_agent.
  [[nodiscard]] Series series() const;

  /// Adds a metric for every field of kpulse_agent; both come from the catalogue.
  void register_metrics(metrics::Registry& registry) const;

  /// Adds what the loop has of priority; the loop must outlive the registry.
  static void register_priority(const LoopPriority& priority, metrics::Registry& registry);

 private:
  [[nodiscard]] std::uint64_t value(std::uint32_t field, const mqtt::ClientStats& client) const;

  const mqtt::Client& client_;
  std::atomic<std::uint64_t> records_{0}, ring_dropped_{0}, windows_lost_{0}, windows_late_{0}, records_invalid_{0},
      events_dropped_{0}, clock_backwards_{0}, switches_missed_{0}, switches_unmeasured_{0}, sleeps_unmarked_{0},
      cgroups_refused_{0};
  std::atomic<std::uint64_t> clock_steps_{0}, ticks_late_{0};
};

}  // namespace kpulse::agent
