#include "bridge/sink_runner.h"

#include "base/log.h"
#include "influx/line.h"

namespace kpulse::bridge {
namespace {

constexpr std::chrono::milliseconds kIdle{500};

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

SinkRunner::SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::size_t max_bytes,
                       std::function<void()> on_room)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      max_bytes_(max_bytes),
      on_room_(std::move(on_room)),
      queue_(max_bytes),
      thread_([this] { run(); }) {}

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
  if (!thread_.joinable()) return;
  sink_->hurry();
  queue_.close();
  ended_.pop_for(limit);
  gave_up_ = true;
  sink_->abort();
  thread_.join();
}

void SinkRunner::run() {
  for (;;) {
    auto queued = queue_.pop_for(kIdle);
    if (!queued) {
      if (queue_.closed()) break;
      continue;
    }
    const std::shared_ptr<const Batch> batch = queued->take();
    if (gave_up_) {
      dropped(stats_, Drop::shutdown) += batch->text.lines();
    } else {
      deliver(*batch);
    }
    on_room_();
  }
  ended_.close();
}

void SinkRunner::deliver(const Batch& batch) {
  const Delivery delivery = batch.text.lines() == 0 ? Delivery{} : sink_->write(batch);
  ++stats_.batches;
  stats_.lines_committed += delivery.committed;
  for (std::size_t i = 0; i < kDrops; ++i) stats_.lines_dropped[i] += delivery.dropped[i];
  const bool cut_short = delivery.dropped[static_cast<std::size_t>(Drop::shutdown)] > 0;
  const bool accepted = delivery.committed > 0 || batch.text.lines() == 0;
  if (accepted && !cut_short) stats_.frames_committed += batch.frames;
}

}  // namespace kpulse::bridge
