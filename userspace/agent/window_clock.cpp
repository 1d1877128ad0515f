#include "agent/window_clock.h"

#include <algorithm>

#include "base/clock.h"

namespace kpulse::agent {
namespace {

/// Readings older than this are forgotten, so that drift cannot hide behind an old minimum, ...
constexpr std::uint64_t kHorizonNs = 500'000'000;
/// ... but not all of them: of a few, all may be late by as much as a processor can be taken away.
constexpr std::size_t kEnoughReadings = 32;
constexpr std::size_t kMaxReadings = 1024;
/// Windows between the base and now: an event may be a little older than the moment its bounds were set.
constexpr std::uint64_t kBaseAge = 10'000;

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

}  // namespace

WallReading read_wall() noexcept {
  WallReading best{};
  std::uint64_t best_gap = UINT64_MAX;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const std::uint64_t before = monotonic_ns();
    const std::uint64_t wall = wall_ns();
    const std::uint64_t gap = monotonic_ns() - before;
    if (gap < best_gap) {
      best_gap = gap;
      best = {.wall_ns = wall, .mono_ns = before + gap / 2, .off_ns = gap / 2};
    }
  }
  return best;
}

void WindowClock::add(const probes::ClockReading& reading) {
  recent_.push_back(
      {.mono_ns = reading.mono_ns, .mono_minus_clock = static_cast<std::int64_t>(reading.mono_ns - reading.clock_ns)});
  if (recent_.size() > kMaxReadings) recent_.pop_front();
}

std::int64_t WindowClock::mono_minus_clock() const {
  return std::ranges::min_element(recent_, {}, &Offset::mono_minus_clock)->mono_minus_clock;
}

std::optional<kp_window_config> WindowClock::update(const WallReading& now) {
  while (recent_.size() > kEnoughReadings && recent_.front().mono_ns + kHorizonNs < now.mono_ns) recent_.pop_front();
  if (recent_.empty()) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(mono_minus_clock());
  const std::uint64_t wall_minus_clock = now.wall_ns - now.mono_ns + offset;
  const std::uint64_t window = now.wall_ns / length_;
  const std::uint64_t start = window * length_ - wall_minus_clock;
  const std::uint64_t in_force = config_.base_clock + (window - config_.base_window) * config_.length;
  const bool begins = config_.length == 0;
  if (!begins && distance(start, in_force) <= kToleranceNs + now.off_ns) return std::nullopt;

  if (begins) {
    config_.epoch = 1;
  } else if (distance(start, in_force) > length_ / 2 + now.off_ns) {
    ++config_.epoch;
    last_step_ = static_cast<std::int64_t>(in_force - start);
  }
  // Nor before the clock's zero: on a machine that has just started there have not been so many windows yet.
  config_.base_window = window - std::min({window, kBaseAge, start / length_});
  config_.base_clock = start - (window - config_.base_window) * length_;
  config_.length = length_;
  config_.mono_offset = offset;
  return config_;
}

}  // namespace kpulse::agent
