// The database as a sink: the writer, and the rollup of what it has committed.
#pragma once

#include <memory>

#include "bridge/sink.h"
#include "influx/rollup_runner.h"
#include "influx/writer.h"

namespace kpulse::bridge {

class InfluxSink final : public Sink {
 public:
  /// What all connections to one database share.
  struct Shared {
    std::shared_ptr<influx::WriterStats> stats = std::make_shared<influx::WriterStats>();
    std::shared_ptr<influx::RollupRunner> rollup;  ///< none when there is no rollup
  };

  InfluxSink(influx::WriterOptions options, Shared shared)
      : writer_(std::move(options), shared.stats), shared_(std::move(shared)) {}

  [[nodiscard]] Delivery write(const Batch& batch) override;
  void hurry() override { writer_.hurry(); }
  void abort() override { writer_.abort(); }

 private:
  void touch_rollup(const Batch& batch);

  influx::Writer writer_;
  const Shared shared_;
  bool rollup_possible_ = true;
};

}  // namespace kpulse::bridge
