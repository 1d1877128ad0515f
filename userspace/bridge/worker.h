// The thread between the network and the sinks: checks, counts, renders, batches.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bridge/batcher.h"
#include "bridge/gaps.h"
#include "bridge/hosts.h"
#include "bridge/intake.h"
#include "bridge/sink_runner.h"

namespace kpulse::bridge {

class Worker {
 public:
  /// `self_frame` makes the bridge's own measurement; it is called on this thread every `self_interval`.
  struct Options {
    BatchLimits batch;
    std::chrono::nanoseconds self_interval = std::chrono::seconds(10);
    std::function<Frame()> self_frame;
    std::uint64_t start_ns = 0;  ///< now, since 1970
  };

  Worker(Options options, Intake& intake);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Begins, with all sinks there are. They must outlive the worker.
  void start(std::vector<SinkRunner*> sinks);

  /// A sink has room again. Any thread.
  void wake();

  /// Works off what the intake holds, for `limit` at most, hands over the last batch and ends. The intake must be
  /// closed.
  void stop(std::chrono::nanoseconds limit);

  [[nodiscard]] const GapStats& gaps() const noexcept { return gaps_.stats(); }
  [[nodiscard]] const HostStats& hosts() const noexcept { return hosts_.stats(); }
  [[nodiscard]] std::uint64_t lines() const noexcept { return batcher_.lines(); }
  /// Frames left in the queue at the end.
  [[nodiscard]] std::uint64_t abandoned() const noexcept { return abandoned_; }

 private:
  void run();
  std::optional<Received> next();
  void handle(const Received& received);
  void report_self(std::uint64_t now_ns);
  bool wait_for_room();
  [[nodiscard]] bool time_is_up() const;
  void hand_over(const std::shared_ptr<const Batch>& batch);

  const Options options_;
  Intake& intake_;
  GapTracker gaps_;
  HostTable hosts_;
  Batcher batcher_;
  std::vector<SinkRunner*> sinks_;
  std::uint64_t next_self_ns_ = 0;
  std::uint64_t last_wake_ns_ = 0;
  bool under_load_ = false;
  std::mutex mutex_;
  std::condition_variable room_;
  std::atomic<std::uint64_t> deadline_ns_;  ///< CLOCK_MONOTONIC; give up then
  std::atomic<std::uint64_t> abandoned_{0};
  std::thread thread_;
};

}  // namespace kpulse::bridge
