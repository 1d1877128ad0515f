// A sink's queue and thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "bridge/sink.h"

namespace kpulse::bridge {

class SinkRunner {
 public:
  /// `on_room` is called on the sink's thread whenever a batch has left the queue for good.
  /// Each of `lanes` writes on a thread of its own: several connections to the same place.
  SinkRunner(std::string name, std::vector<std::unique_ptr<Sink>> lanes, std::size_t max_bytes,
             std::function<void()> on_room);
  SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::size_t max_bytes, std::function<void()> on_room);
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;
  ~SinkRunner();  ///< stop(0)

  /// Queues a batch; never waits. The oldest ones go when there is no room, and are counted. Any thread.
  void offer(std::shared_ptr<const Batch> batch);

  /// False when the next batch might cost an older one.
  [[nodiscard]] bool has_room() const;

  /// Delivers what is queued, for `limit` at most, then ends the thread. What is left is counted.
  void stop(std::chrono::nanoseconds limit);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const SinkStats& stats() const noexcept { return stats_; }
  [[nodiscard]] std::size_t queue_bytes() const { return queue_.bytes(); }

 private:
  /// A queued batch. One that is destroyed before it was taken out counts as dropped.
  class Queued {
   public:
    Queued(std::shared_ptr<const Batch> batch, SinkStats& stats) : batch_(std::move(batch)), stats_(&stats) {}
    Queued(Queued&& other) noexcept = default;
    Queued& operator=(Queued&& other) noexcept = default;
    ~Queued();
    [[nodiscard]] std::shared_ptr<const Batch> take() noexcept { return std::move(batch_); }

   private:
    std::shared_ptr<const Batch> batch_;
    SinkStats* stats_;
  };

  /// A batch on its way, and its place in the order of the queue.
  struct Ticket {
    std::shared_ptr<const Batch> batch;
    std::uint64_t number = 0;
  };

  void run(Sink& sink);
  std::optional<Ticket> next();
  void deliver(Sink& sink, const Ticket& ticket);
  void settle(std::uint64_t number, std::uint64_t frames);

  const std::string name_;
  const std::vector<std::unique_ptr<Sink>> lanes_;
  const std::size_t max_bytes_;
  const std::function<void()> on_room_;
  SinkStats stats_;
  BoundedQueue<Queued> queue_;
  std::mutex next_mutex_;
  std::uint64_t next_number_ = 0;  ///< under next_mutex_
  std::mutex settle_mutex_;
  std::uint64_t settled_ = 0;  ///< batches before this one are done; under settle_mutex_, as is ...
  std::map<std::uint64_t, std::uint64_t> waiting_;  ///< ... frames of batches that were done before an earlier one
  std::atomic<bool> gave_up_{false};
  BoundedQueue<int> ended_{1};  ///< closed when no thread has anything more to do
  std::atomic<std::size_t> running_;
  std::vector<std::thread> threads_;
};

}  // namespace kpulse::bridge
