#include "bridge/sink_runner.h"

#include "base/log.h"
#include "influx/line.h"

namespace kpulse::bridge {
namespace {

constexpr std::chrono::milliseconds kIdle{500};

std::vector<std::unique_ptr<Sink>> one(std::unique_ptr<Sink> sink) {
  std::vector<std::unique_ptr<Sink>> lanes;
  lanes.push_back(std::move(sink));
  return lanes;
}

std::atomic<std::uint64_t>& dropped(SinkStats& stats, Drop drop) {
  return stats.lines_dropped[static_cast<std::size_t>(drop)];
}

}  // namespace

std::string_view to_string(Drop drop) noexcept {
  static constexpr std::array<std::string_view, kDrops> kNames{"queue_full", "refused", "too_large", "shutdown"};
  return kNames[static_cast<std::size_t>(drop)];
}

SinkRunner::Queued::~Queued() {
  if (batch_) dropped(*stats_, Drop::queue_full) += batch_->text.lines();
}

SinkRunner::SinkRunner(std::string name, std::vector<std::unique_ptr<Sink>> lanes, std::size_t max_bytes,
                       std::function<void()> on_room)
    : name_(std::move(name)),
      lanes_(std::move(lanes)),
      max_bytes_(max_bytes),
      on_room_(std::move(on_room)),
      queue_(max_bytes),
      running_(lanes_.size()) {
  for (const auto& lane : lanes_) threads_.emplace_back([this, &lane] { run(*lane); });
}

SinkRunner::SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::size_t max_bytes,
                       std::function<void()> on_room)
    : SinkRunner(std::move(name), one(std::move(sink)), max_bytes, std::move(on_room)) {}

SinkRunner::~SinkRunner() {
  stop(std::chrono::nanoseconds(0));
}

void SinkRunner::offer(std::shared_ptr<const Batch> batch) {
  const std::size_t bytes = batch->text.size();
  queue_.push(Queued(std::move(batch), stats_), bytes);
}

bool SinkRunner::has_room() const {
  return queue_.bytes() + influx::LineRenderer::kMaxBytes < max_bytes_;
}

void SinkRunner::stop(std::chrono::nanoseconds limit) {
  if (threads_.empty()) return;
  for (const auto& lane : lanes_) lane->hurry();
  queue_.close();
  ended_.pop_for(limit);
  gave_up_ = true;
  for (const auto& lane : lanes_) lane->abort();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

/// The oldest batch; nothing when there is none. One lane at a time waits for it, so numbers follow the queue.
std::optional<SinkRunner::Ticket> SinkRunner::next() {
  const std::lock_guard lock(next_mutex_);
  auto queued = queue_.pop_for(kIdle);
  if (!queued) return std::nullopt;
  return Ticket{.batch = queued->take(), .number = next_number_++};
}

void SinkRunner::run(Sink& sink) {
  for (;;) {
    const auto ticket = next();
    if (!ticket) {
      if (queue_.closed()) break;
      continue;
    }
    if (gave_up_) {
      dropped(stats_, Drop::shutdown) += ticket->batch->text.lines();
      settle(ticket->number, 0);
    } else {
      deliver(sink, *ticket);
    }
    on_room_();
  }
  if (--running_ == 0) ended_.close();
}

void SinkRunner::deliver(Sink& sink, const Ticket& ticket) {
  const Batch& batch = *ticket.batch;
  const Delivery delivery = batch.text.lines() == 0 ? Delivery{} : sink.write(batch);
  ++stats_.batches;
  stats_.lines_committed += delivery.committed;
  for (std::size_t i = 0; i < kDrops; ++i) stats_.lines_dropped[i] += delivery.dropped[i];
  const bool cut_short = delivery.dropped[static_cast<std::size_t>(Drop::shutdown)] > 0;
  const bool accepted = delivery.committed > 0 || batch.text.lines() == 0;
  settle(ticket.number, accepted && !cut_short ? batch.frames : 0);
}

/// A frame may begin in the batch before its last: it counts when that one is done as well.
void SinkRunner::settle(std::uint64_t number, std::uint64_t frames) {
  const std::lock_guard lock(settle_mutex_);
  waiting_.emplace(number, frames);
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == settled_; ++settled_) {
    stats_.frames_committed += first->second;
    first = waiting_.erase(first);
  }
}

}  // namespace kpulse::bridge
