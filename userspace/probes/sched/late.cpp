#include "probes/sched/late.h"

#include <algorithm>

namespace kpulse::probes {

void LateWindows::begin(std::uint64_t length) {
  lost_ += missing_.size();
  missing_.clear();
  rows_.clear();
  tail_ = {};
  length_ = length;
  patience_ = kPatienceNs / length;
  first_ = end_ = known_ = 0;
}

void LateWindows::on_published(const WindowRange& windows) {
  if (end_ == 0) first_ = windows.first;
  end_ = windows.end();
  while (!missing_.empty() && missing_.front() < oldest()) {
    missing_.pop_front();
    ++lost_;
  }
}

void LateWindows::say(std::uint64_t window, const SchedRow& row) {
  Said& said = rows_[window];
  said.row = row;
  if (row.events != nullptr) said.record = *row.events;
}

void LateWindows::say_tail(std::uint64_t end) {
  if (tail_.from == 0) return;
  for (std::uint64_t window = std::max({tail_.from, oldest(), first_}); window < std::min(end, end_); ++window)
    say(window, quiet_row(tail_.running, tail_.runnable, length_));
  tail_ = {};
}

void LateWindows::on_chain(const kp_sched_window& window) {
  if (window.previous == 0) return;
  const auto quiet = [&](std::uint64_t number) { return number > window.previous && number < window.number; };
  for (const std::uint64_t number : missing_) {
    if (quiet(number)) say(number, quiet_row(window.carried != 0, window.runnable_carried, length_));
  }
  std::erase_if(missing_, quiet);
}

void LateWindows::on_late(const kp_sched_window& window, const SchedRow& row) {
  ++late_;
  say_tail(window.number);
  on_chain(window);
  std::erase(missing_, window.number);
  if (window.number >= known_) {
    known_ = window.number;
    tail_ = {.from = window.number + 1, .running = window.running != 0, .runnable = window.runnable};
  }
  if (window.number < first_) return;
  if (window.number < oldest()) {
    ++lost_;
  } else {
    say(window.number, row);
  }
}

void LateWindows::say_again(std::uint64_t window, const SchedRow& row) {
  if (!rows_.contains(window) && !std::ranges::binary_search(missing_, window)) say(window, row);
}

std::optional<SchedRow> LateWindows::take(std::uint64_t window) {
  const auto found = rows_.find(window);
  if (found == rows_.end()) return std::nullopt;
  taken_ = found->second;
  rows_.erase(found);
  if (taken_.row.events != nullptr) taken_.row.events = &taken_.record;
  return taken_.row;
}

}  // namespace kpulse::probes
