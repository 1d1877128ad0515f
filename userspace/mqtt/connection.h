// What the network thread does: keep a session connected, feed it from the queue, and end in good order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "mqtt/backoff.h"
#include "mqtt/client.h"
#include "mqtt/counters.h"
#include "mqtt/session.h"
#include "mqtt/wakeup.h"

namespace kpulse::mqtt {

class Client::Impl {
 public:
  explicit Impl(ClientOptions options);

  [[nodiscard]] Result<> open();
  /// The network thread, until request_stop() has been served or abandon() was called.
  void run();

  void publish(Message message);
  void set_on_connect(std::vector<Message> messages);
  void request_stop(std::chrono::milliseconds limit, std::vector<Message> farewell);
  /// Waits for the end of run(): whether all was delivered, or nothing when it has not ended by then.
  [[nodiscard]] std::optional<bool> wait_ended(std::chrono::milliseconds limit);
  /// From now on the thread touches nothing outside and ends as soon as it can.
  void abandon() { abandoned_.store(true); }
  [[nodiscard]] ClientStats stats() const;

  std::thread thread;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { running, flushing, farewell, closing };

  void connect_when_due();
  void schedule_reconnect();
  void take_greeting();
  void drain();
  void wait();
  void poll_and_serve(std::chrono::milliseconds limit);
  void note_served(std::size_t messages);
  [[nodiscard]] Clock::time_point next_deadline() const;
  [[nodiscard]] bool finished();
  [[nodiscard]] bool flushed(Clock::time_point now);
  void begin_stop();
  void say_farewell();

  ClientOptions options_;
  Counters counters_;
  BoundedQueue<Message> queue_;
  Wakeup wakeup_;
  std::unique_ptr<Session> session_;
  Backoff backoff_;
  std::atomic<std::thread::id> network_thread_{};

  // Network thread only.
  Phase phase_ = Phase::running;
  Clock::time_point attempt_at_{};  // when to connect next, while closed
  Clock::time_point give_up_at_{};  // when an attempt has taken too long
  Clock::time_point connected_at_{};
  Clock::time_point tick_at_{};
  Clock::time_point served_at_{};  // when messages came last
  bool let_gather_ = false;        // they come close to each other, and few at a time
  Clock::time_point flush_until_{};
  Clock::time_point end_by_{};
  Session::State last_state_ = Session::State::closed;
  std::vector<Message> farewell_;
  bool delivered_ = false;

  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> abandoned_{false};
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  Clock::time_point requested_until_{};  // under the mutex, as is what follows
  std::vector<Message> requested_farewell_;
  std::optional<std::vector<Message>> requested_greeting_;
  std::optional<bool> ended_;
};

}  // namespace kpulse::mqtt
