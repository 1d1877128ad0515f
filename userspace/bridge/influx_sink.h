// The database as a sink: the writer, and the rollup of what it has committed.
#pragma once

#include <memory>

#include "bridge/sink.h"
#include "influx/rollup_runner.h"
#include "influx/writer.h"

namespace kpulse::bridge {

class InfluxSink final : public Sink {
 public:
  InfluxSink(influx::WriterOptions options, bool rollup);

  [[nodiscard]] Delivery write(const Batch& batch) override;
  void hurry() override { writer_.hurry(); }
  void abort() override { writer_.abort(); }

  [[nodiscard]] const influx::WriterStats& writer_stats() const noexcept { return writer_.stats(); }
  /// nullptr when there is no rollup.
  [[nodiscard]] const influx::RollupStats* rollup_stats() const noexcept {
    return rollup_ ? &rollup_->stats() : nullptr;
  }

 private:
  void touch_rollup(const Batch& batch);

  influx::Writer writer_;
  std::unique_ptr<influx::RollupRunner> rollup_;
  bool rollup_possible_ = true;
};

}  // namespace kpulse::bridge
