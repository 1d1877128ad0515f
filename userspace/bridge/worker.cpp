#include "bridge/worker.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"

namespace kpulse::bridge {
namespace {

constexpr std::chrono::milliseconds kRoomPoll{100};
constexpr std::chrono::nanoseconds kNap{1'000'000};
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Worker::Worker(Options options, Intake& intake)
    : options_(std::move(options)),
      intake_(intake),
      gaps_(options_.start_ns),
      batcher_(options_.batch, [this](const std::shared_ptr<const Batch>& batch) { hand_over(batch); }),
      deadline_ns_(kNever) {}

Worker::~Worker() {
  stop(std::chrono::nanoseconds(0));
}

void Worker::start(std::vector<SinkRunner*> sinks) {
  sinks_ = std::move(sinks);
  thread_ = std::thread([this] { run(); });
}

void Worker::wake() {
  room_.notify_one();
}

void Worker::stop(std::chrono::nanoseconds limit) {
  if (!thread_.joinable()) return;
  deadline_ns_ = monotonic_ns() + static_cast<std::uint64_t>(limit.count());
  intake_.close();
  room_.notify_one();
  thread_.join();
}

void Worker::run() {
  for (;;) {
    const std::uint64_t now = monotonic_ns();
    batcher_.tick(now);
    report_self(now);
    if (!wait_for_room()) break;
    if (auto received = next()) {
      handle(*received);
      intake_.recycle(std::move(*received));
    } else if (intake_.closed() && intake_.queue_messages() == 0) {
      break;
    }
  }
  abandoned_ = intake_.queue_messages();
  batcher_.flush();
}

/// Under load the worker is faster than the network, and being woken for every frame would cost more than the frame. So
/// when frames come close to each other it naps first and then finds many; while it naps the network thread has nobody
/// to wake.
std::optional<Received> Worker::next() {
  auto received = intake_.try_next();
  if (!received && under_load_) {
    std::this_thread::sleep_for(kNap);
    received = intake_.try_next();
    under_load_ = received.has_value();
  }
  if (!received) {
    received = intake_.next(batcher_.wait(monotonic_ns()));
    const std::uint64_t now = monotonic_ns();
    under_load_ = received && now - last_wake_ns_ < static_cast<std::uint64_t>(kNap.count());
    last_wake_ns_ = now;
  }
  return received;
}

void Worker::handle(const Received& received) {
  if (received.is_state) {
    if (const auto state = intake_.state_of(received)) hosts_.update(*state);
    return;
  }
  const Frame* frame = intake_.frame_of(received);
  if (frame == nullptr) return;
  gaps_.see(frame->host, frame->stream, frame->sequence);
  batcher_.add(*frame, monotonic_ns());
}

void Worker::report_self(std::uint64_t now_ns) {
  if (!options_.self_frame || now_ns < next_self_ns_) return;
  const bool first = next_self_ns_ == 0;
  if (!first) batcher_.add(options_.self_frame(), now_ns, 0);
  next_self_ns_ = (first ? now_ns : next_self_ns_) + static_cast<std::uint64_t>(options_.self_interval.count());
}

/// Frames wait as they came, in the intake, as long as no sink has room: they need a fraction of the memory their lines
/// do. One sink with room is enough to go on; the others then lose their oldest batches. False when time is up.
bool Worker::wait_for_room() {
  const auto some_room = [this] {
    return std::ranges::any_of(sinks_, [](const SinkRunner* sink) { return sink->has_room(); });
  };
  while (!some_room()) {
    if (time_is_up()) return false;
    std::unique_lock lock(mutex_);
    room_.wait_for(lock, kRoomPoll, some_room);
  }
  return !time_is_up();
}

/// The clock is read only once there is a deadline: this is asked for every frame.
bool Worker::time_is_up() const {
  const std::uint64_t deadline = deadline_ns_;
  return deadline != kNever && monotonic_ns() >= deadline;
}

void Worker::hand_over(const std::shared_ptr<const Batch>& batch) {
  for (SinkRunner* sink : sinks_) sink->offer(batch);
}

}  // namespace kpulse::bridge
