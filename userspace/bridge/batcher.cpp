#include "bridge/batcher.h"

#include <algorithm>

namespace kpulse::bridge {
namespace {

constexpr std::chrono::nanoseconds kLongestWait = std::chrono::milliseconds(500);

void note_time(Batch& batch, const Frame& frame) {
  batch.note_time(frame.first_window * frame.window_ns, (frame.first_window + frame.windows) * frame.window_ns - 1);
}

}  // namespace

Batcher::Batcher(BatchLimits limits, std::function<void(std::shared_ptr<const Batch>)> hand_over)
    : limits_(limits), hand_over_(std::move(hand_over)) {}

void Batcher::add(const Frame& frame, std::uint64_t now_ns, std::uint64_t counted) {
  if (!open_) open(now_ns);
  note_time(*open_, frame);
  const std::size_t before = open_->text.lines();
  std::size_t full_lines = 0;
  renderer_.render(frame, open_->text, limits_.lines, [&]() -> influx::LineBuffer& {
    full_lines += open_->text.lines();
    hold_full(frame, now_ns);
    return open_->text;
  });
  lines_ += full_lines + open_->text.lines() - before;
  const bool ends_in_held = held_ && open_->text.lines() == 0;
  (ends_in_held ? held_ : open_)->frames += counted;
  release_held();
  if (open_->text.lines() == 0 && open_->frames == 0) open_.reset();
}

void Batcher::open(std::uint64_t now_ns) {
  open_ = pool_->take();
  due_ns_ = now_ns + static_cast<std::uint64_t>(limits_.age.count());
}

void Batcher::hold_full(const Frame& frame, std::uint64_t now_ns) {
  release_held();
  held_ = std::move(open_);
  open(now_ns);
  note_time(*open_, frame);
}

void Batcher::release_held() {
  if (held_) hand_over_(std::move(held_));
  held_.reset();
}

void Batcher::tick(std::uint64_t now_ns) {
  if (open_ && now_ns >= due_ns_) flush();
}

void Batcher::flush() {
  if (open_) hand_over_(std::move(open_));
  open_.reset();
}

std::chrono::nanoseconds Batcher::wait(std::uint64_t now_ns) const noexcept {
  if (!open_) return kLongestWait;
  const std::chrono::nanoseconds left(due_ns_ > now_ns ? due_ns_ - now_ns : 0);
  return std::min(left, kLongestWait);
}

}  // namespace kpulse::bridge
