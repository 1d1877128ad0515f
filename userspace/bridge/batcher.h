// Collects lines until there are enough of them or the first one has waited long enough.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "bridge/batch.h"
#include "influx/line.h"
#include "model/frame.h"

namespace kpulse::bridge {

struct BatchLimits {
  std::size_t lines = 5'000;
  std::chrono::nanoseconds age = std::chrono::milliseconds(100);
};

/// One thread; the caller brings the clock (CLOCK_MONOTONIC, ns).
class Batcher {
 public:
  /// `hand_over` takes every finished batch.
  Batcher(BatchLimits limits, std::function<void(std::shared_ptr<const Batch>)> hand_over);

  /// Appends a frame's lines; a batch that is full on the way is handed over. `counted` is what the frame counts as
  /// when it is committed: 0 for the bridge's own.
  void add(const Frame& frame, std::uint64_t now_ns, std::uint64_t counted = 1);

  /// Hands the batch over when its first line is too old.
  void tick(std::uint64_t now_ns);
  void flush();

  /// How long until tick() has something to do; the longest wait there is when nothing is collected.
  [[nodiscard]] std::chrono::nanoseconds wait(std::uint64_t now_ns) const noexcept;

  /// Lines rendered since start; any thread.
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

 private:
  void open(std::uint64_t now_ns);
  void hold_full(const Frame& frame, std::uint64_t now_ns);
  void release_held();

  const BatchLimits limits_;
  const std::function<void(std::shared_ptr<const Batch>)> hand_over_;
  const std::shared_ptr<BatchPool> pool_ = std::make_shared<BatchPool>();
  influx::LineRenderer renderer_;
  std::shared_ptr<Batch> open_;
  std::shared_ptr<Batch> held_;  ///< full, but the frame being rendered may end in it
  std::uint64_t due_ns_ = 0;
  std::atomic<std::uint64_t> lines_{0};
};

}  // namespace kpulse::bridge
