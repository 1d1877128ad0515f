// What the network thread writes and any thread may read.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace kpulse::mqtt {

/// A counter of one writer: relaxed, since nothing else is published through it.
class Counter {
 public:
  void add() noexcept { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  std::atomic<bool> connected{false};
  Counter connects;
  Counter connect_failures;
  Counter published;
  Counter acknowledged;
  Counter received;
  Counter callback_errors;
  Counter publish_errors;
  Counter inflight;
  mutable std::mutex mutex;
  std::string last_error;  ///< under the mutex
};

}  // namespace kpulse::mqtt
