// The whole bridge: broker -> intake -> worker -> sinks.
//
//   network thread   topic and size checked, payload queued (bounded in bytes)
//   worker           checks, gaps, line protocol, batches
//   sink threads     one each: database, standard output or file
//   main thread      waits for the signal to end
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "bridge/influx_sink.h"
#include "bridge/intake.h"
#include "bridge/settings.h"
#include "bridge/sink_runner.h"
#include "bridge/worker.h"
#include "metrics/endpoint.h"
#include "metrics/registry.h"
#include "mqtt/client.h"

namespace kpulse::bridge {

class Bridge {
 public:
  /// Starts everything. Broker and database may be away. `settings` must be complete.
  [[nodiscard]] static Result<std::unique_ptr<Bridge>> start(const Settings& settings);

  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;
  ~Bridge();

  /// Ends the intake, writes what is there and stops, within 2 s.
  void stop();

  [[nodiscard]] const metrics::Registry& registry() const noexcept { return registry_; }

  // What own_metrics.cpp and self.cpp read; any thread.
  [[nodiscard]] const Intake& intake() const noexcept { return intake_; }
  [[nodiscard]] const Worker& worker() const noexcept { return worker_; }
  [[nodiscard]] const SinkRunner& sink() const noexcept { return *sink_; }
  [[nodiscard]] const InfluxSink::Shared* influx() const noexcept { return influx_ ? &*influx_ : nullptr; }
  [[nodiscard]] mqtt::ClientStats client() const { return client_ ? client_->stats() : mqtt::ClientStats{}; }

 private:
  explicit Bridge(const Settings& settings);
  Result<> open_sink(const Settings& settings);
  Result<> connect(const Settings& settings);
  void log_summary() const;

  Intake intake_;
  Worker worker_;
  std::optional<InfluxSink::Shared> influx_;  ///< none for another sink
  std::unique_ptr<SinkRunner> sink_;
  std::unique_ptr<mqtt::Client> client_;
  metrics::Registry registry_;
  std::unique_ptr<metrics::Endpoint> endpoint_;
};

}  // namespace kpulse::bridge
