// A sink that can be held up.
#pragma once

#include <condition_variable>
#include <mutex>

#include "bridge/sink.h"

namespace kpulse::bridge::test {

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool aborted = false;
  std::uint64_t lines = 0;

  void set(bool& flag) {
    {
      const std::lock_guard lock(mutex);
      flag = true;
    }
    changed.notify_all();
  }
};

class FakeSink final : public Sink {
 public:
  explicit FakeSink(Gate& gate) : gate_(gate) {}

  [[nodiscard]] Delivery write(const Batch& batch) override {
    std::unique_lock lock(gate_.mutex);
    gate_.changed.wait(lock, [this] { return gate_.open || gate_.aborted; });
    Delivery delivery;
    if (gate_.open) {
      gate_.lines += batch.text.lines();
      delivery.committed = batch.text.lines();
    } else {
      delivery.dropped[static_cast<std::size_t>(Drop::shutdown)] = batch.text.lines();
    }
    return delivery;
  }
  void abort() override { gate_.set(gate_.aborted); }

 private:
  Gate& gate_;
};

/// Waits up to `limit`; true when the condition came true.
template <class Condition>
bool eventually_for(std::chrono::milliseconds limit, Condition condition) {
  for (std::int64_t i = 0; i < limit.count(); ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

/// The same, up to 10 s.
template <class Condition>
bool eventually(Condition condition) {
  return eventually_for(std::chrono::seconds(10), condition);
}

}  // namespace kpulse::bridge::test
