#include "mqtt/connection.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace kpulse::mqtt {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{1000};
// A connection that lasted less is a failure too: without this, two clients of one name would throw each other out for
// ever.
constexpr milliseconds kStable{2000};
// What farewell and goodbye may take after the limit of stop().
constexpr milliseconds kGoodbye{100};

// Messages that follow each other within kClose, fewer than kEnough at a time, are left alone for kGather. A broker has
// 20 of them under way unless it is told otherwise: with a longer rest it would run out of what it may send.
constexpr std::chrono::microseconds kGather{200};
constexpr std::chrono::microseconds kClose{1'000};
constexpr std::size_t kEnough = 10;

}  // namespace

Client::Impl::Impl(ClientOptions options)
    : options_(std::move(options)),
      queue_(options_.queue_bytes),
      backoff_(options_.backoff_min, options_.backoff_max, std::random_device{}()) {}

Result<> Client::Impl::open() {
  if (!wakeup_.valid()) return fail("mqtt: cannot create an event descriptor");
  if (options_.on_message) {
    // Whoever gave the callback may be gone when a thread that was left behind comes back.
    options_.on_message = [this, inner = std::move(options_.on_message)](std::string_view topic,
                                                                         std::string_view payload, bool retained) {
      if (!abandoned_.load()) inner(topic, payload, retained);
    };
  }
  auto session = Session::create(options_, counters_);
  if (!session) return fail(std::move(session).error());
  session_ = std::move(*session);
  return {};
}

void Client::Impl::publish(Message message) {
  const std::size_t bytes = sizeof(Message) + message.topic.size() + message.payload.size();
  queue_.push(std::move(message), bytes);
  // From within on_message: the thread drains the queue before it sleeps, no need to wake it.
  if (network_thread_.load(std::memory_order_relaxed) != std::this_thread::get_id()) wakeup_.signal();
}

void Client::Impl::set_on_connect(std::vector<Message> messages) {
  {
    const std::lock_guard lock(mutex_);
    requested_greeting_ = std::move(messages);
  }
  wakeup_.signal();
}

void Client::Impl::take_greeting() {
  const std::lock_guard lock(mutex_);
  if (requested_greeting_) session_->set_greeting(*std::exchange(requested_greeting_, std::nullopt));
}

void Client::Impl::run() {
  network_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!abandoned_.load() && !finished()) {
    take_greeting();
    connect_when_due();
    drain();
    wait();
  }
  const std::lock_guard lock(mutex_);
  ended_ = delivered_;
  ended_changed_.notify_all();
}

void Client::Impl::connect_when_due() {
  if (session_->state() != Session::State::closed || phase_ == Phase::closing || Clock::now() < attempt_at_) return;
  session_->connect();
  give_up_at_ = Clock::now() + options_.connect_timeout;
  last_state_ = Session::State::connecting;
  schedule_reconnect();
}

// Notices what the session became: remembers when it got connected, plans the next attempt when it ended.
void Client::Impl::schedule_reconnect() {
  const Session::State state = session_->state();
  if (state == last_state_) return;
  const auto now = Clock::now();
  if (state == Session::State::connected) connected_at_ = now;
  if (state == Session::State::closed) {
    if (last_state_ == Session::State::connected && now - connected_at_ >= kStable) backoff_.reset();
    attempt_at_ = now + backoff_.next();
  }
  last_state_ = state;
}

void Client::Impl::drain() {
  while (session_->has_room()) {
    const auto message = queue_.try_pop();
    if (!message) return;
    session_->publish(*message);
  }
}

Client::Impl::Clock::time_point Client::Impl::next_deadline() const {
  auto deadline = Clock::now() + kTick;
  switch (session_->state()) {
    case Session::State::closed:
      deadline = attempt_at_;
      break;
    case Session::State::connecting:
      deadline = std::min(deadline, give_up_at_);
      break;
    case Session::State::connected:
      break;
  }
  if (phase_ == Phase::flushing) deadline = std::min(deadline, flush_until_);
  if (phase_ != Phase::running) deadline = std::min(deadline, end_by_);
  return deadline;
}

void Client::Impl::wait() {
  const auto left = std::chrono::ceil<milliseconds>(next_deadline() - Clock::now());
  poll_and_serve(std::clamp(left, milliseconds(0), milliseconds(60'000)));
  const auto now = Clock::now();
  if (session_->state() == Session::State::connecting && now >= give_up_at_) {
    session_->abandon("no answer within the time limit");
  }
  if (now >= tick_at_) {
    session_->tick();
    tick_at_ = now + kTick;
  }
  schedule_reconnect();
}

void Client::Impl::poll_and_serve(milliseconds limit) {
  std::array<pollfd, 2> fds{pollfd{.fd = wakeup_.fd(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = session_->socket(), .events = 0, .revents = 0}};
  if (fds[1].fd >= 0) fds[1].events = session_->events();
  if (std::exchange(let_gather_, false)) std::this_thread::sleep_for(kGather);
  if (poll(fds.data(), fds.size(), static_cast<int>(limit.count())) <= 0) return;
  if (fds[0].revents != 0) wakeup_.clear();
  note_served(session_->service(fds[1].revents));
}

/// A message that comes alone costs a wake-up, the cork and a segment back: more than the message. So when they come
/// close to each other, those that come meanwhile are left to gather.
void Client::Impl::note_served(std::size_t messages) {
  if (messages == 0) return;
  const auto now = Clock::now();
  let_gather_ = messages < kEnough && now - served_at_ < kClose;
  served_at_ = now;
}

bool Client::Impl::finished() {
  if (phase_ == Phase::running && stop_requested_.load()) begin_stop();
  const auto now = Clock::now();
  if (phase_ == Phase::flushing && flushed(now)) {
    delivered_ = queue_.size() == 0 && session_->idle() && farewell_.empty();
    if (session_->state() != Session::State::connected) return true;
    say_farewell();
  }
  if (phase_ == Phase::farewell && (session_->idle() || now >= end_by_)) {
    delivered_ = queue_.size() == 0 && session_->idle();
    session_->disconnect();
    phase_ = Phase::closing;
  }
  return phase_ == Phase::closing && (session_->state() == Session::State::closed || now >= end_by_);
}

bool Client::Impl::flushed(Clock::time_point now) {
  if (now >= flush_until_) return true;
  const bool can_speak = farewell_.empty() || session_->state() == Session::State::connected;
  return can_speak && queue_.size() == 0 && session_->idle();
}

void Client::Impl::begin_stop() {
  {
    const std::lock_guard lock(mutex_);
    flush_until_ = requested_until_;
    farewell_ = std::move(requested_farewell_);
  }
  end_by_ = flush_until_ + kGoodbye;
  attempt_at_ = Clock::now();  // one more chance instead of the rest of the back-off
  phase_ = Phase::flushing;
}

void Client::Impl::say_farewell() {
  for (const Message& message : farewell_) session_->publish(message);
  phase_ = Phase::farewell;
}

void Client::Impl::request_stop(milliseconds limit, std::vector<Message> farewell) {
  {
    const std::lock_guard lock(mutex_);
    requested_until_ = Clock::now() + limit;
    requested_farewell_ = std::move(farewell);
  }
  stop_requested_.store(true);
  wakeup_.signal();
}

std::optional<bool> Client::Impl::wait_ended(milliseconds limit) {
  std::unique_lock lock(mutex_);
  ended_changed_.wait_for(lock, limit, [this] { return ended_.has_value(); });
  return ended_;
}

ClientStats Client::Impl::stats() const {
  ClientStats stats{.connected = counters_.connected.load(std::memory_order_relaxed),
                    .connects = counters_.connects.get(),
                    .connect_failures = counters_.connect_failures.get(),
                    .published = counters_.published.get(),
                    .acknowledged = counters_.acknowledged.get(),
                    .discarded = queue_.discarded(),
                    .received = counters_.received.get(),
                    .callback_errors = counters_.callback_errors.get(),
                    .publish_errors = counters_.publish_errors.get(),
                    .queue_messages = queue_.size(),
                    .queue_bytes = queue_.bytes(),
                    .inflight = counters_.inflight.get(),
                    .last_error = {}};
  const std::lock_guard lock(counters_.mutex);
  stats.last_error = counters_.last_error;
  return stats;
}

}  // namespace kpulse::mqtt
