// From a message of the broker to a checked frame or state, or to a counted rejection.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bounded_queue.h"
#include "base/log.h"
#include "codec/frame_decoder.h"

namespace kpulse::bridge {

/// A message on its way from the network thread to the worker.
struct Received {
  std::string host;  ///< as the topic has it
  std::string payload;
  bool is_state = false;
};

/// Counters since start; read from any thread.
struct IntakeStats {
  std::atomic<std::uint64_t> frames{0};  ///< frames the broker delivered, good and bad
  std::atomic<std::uint64_t> states{0};
  std::array<std::atomic<std::uint64_t>, kRejectReasons> rejected{};
  std::atomic<std::uint64_t> unknown_topic{0};
};

class Intake {
 public:
  explicit Intake(std::size_t max_bytes) : queue_(max_bytes) {}

  /// For the network thread: looks at topic and size, copies the payload once and queues it.
  void receive(std::string_view topic, std::string_view payload);

  /// For the worker: the next message if there is one.
  [[nodiscard]] std::optional<Received> try_next() { return queue_.try_pop(); }
  /// For the worker: the next message; waits for one up to `time`.
  template <class Duration>
  [[nodiscard]] std::optional<Received> next(Duration time) {
    return queue_.pop_for(time);
  }

  /// For the worker: checked frame or state; nothing, counted and logged now and then, when it fails a check. The frame
  /// is valid until the next call.
  [[nodiscard]] const Frame* frame_of(const Received& received);
  [[nodiscard]] std::optional<State> state_of(const Received& received);

  /// For the worker: gives a message's memory back, for one to come.
  void recycle(Received&& received);

  void close() { queue_.close(); }
  [[nodiscard]] bool closed() const { return queue_.closed(); }
  [[nodiscard]] const IntakeStats& stats() const noexcept { return stats_; }
  [[nodiscard]] std::size_t queue_bytes() const { return queue_.bytes(); }
  [[nodiscard]] std::size_t queue_messages() const { return queue_.size(); }
  /// Messages that had to go because the queue was full.
  [[nodiscard]] std::uint64_t discarded() const { return queue_.discarded(); }

 private:
  /// Bounds of the memory that waits for messages: 16 MiB.
  static constexpr std::size_t kMaxSpares = 256, kMaxSpareBytes = 64U << 10U;

  void reject(std::string_view host, const Rejection& rejection);
  Received take_spare();

  BoundedQueue<Received> queue_;
  FrameDecoder decoder_;
  std::mutex spares_mutex_;
  std::vector<Received> spares_;  ///< memory of messages that have been dealt with
  IntakeStats stats_;
  RateLimit log_{std::chrono::seconds(10)};
};

}  // namespace kpulse::bridge
