// The agent: one loop that lets the sampler make frames and hands them to the MQTT client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/loop_priority.h"
#include "agent/options.h"
#include "agent/sampler.h"
#include "agent/self.h"
#include "base/handle.h"
#include "base/result.h"
#include "metrics/endpoint.h"
#include "mqtt/client.h"

namespace kpulse::agent {

/// Owns everything kpulse-agent does. One thread; the MQTT client and the metrics endpoint have their own.
class Agent {
 public:
  /// Attaches the probes, aligns the windows and starts the connection. The broker may be away.
  [[nodiscard]] static Result<std::unique_ptr<Agent>> start(const Options& options);

  /// Runs until SIGTERM or SIGINT, which must be blocked; then publishes what is whole, says goodbye and returns within
  /// 2 s.
  [[nodiscard]] Result<> run();

 private:
  explicit Agent(const Options& options) : options_(options) {}

  [[nodiscard]] static Result<std::unique_ptr<Sampler>> start_sampler(const Options& options);
  [[nodiscard]] Result<> connect();
  [[nodiscard]] Result<> open_events();
  [[nodiscard]] mqtt::Message state_message(bool online) const;
  void arm_timer();
  void tick();
  void publish(Frame frame);
  void publish_urgent(std::uint64_t wall);
  void finish();

  Options options_;
  std::unique_ptr<Sampler> sampler_;
  std::uint64_t due_ns_ = 0;           // wall clock time the timer is armed for
  std::uint64_t self_due_ns_ = 0;      // CLOCK_MONOTONIC
  std::uint64_t urgent_after_ns_ = 0;  // wall clock time before which no urgent frame is made
  std::string payload_;
  LoopPriority priority_;
  metrics::Registry registry_;
  std::unique_ptr<mqtt::Client> client_;
  std::unique_ptr<Self> self_;
  std::unique_ptr<metrics::Endpoint> endpoint_;
  FileDescriptor epoll_, timer_, signals_;
};

}  // namespace kpulse::agent
