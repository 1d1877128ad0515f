// Delays between reconnect attempts: exponential with full jitter, so that a thousand agents do not come back at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace kpulse::mqtt {

/// Not thread-safe.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds min, Milliseconds max, std::uint32_t seed)
      : min_(std::max(min, Milliseconds(1))), max_(std::max(max, min_)), ceiling_(min_), random_(seed) {
    random_.discard(4);  // the first numbers of neighbouring seeds lie close together
  }

  /// A delay between 0 and the ceiling, which starts at min and doubles up to max.
  [[nodiscard]] Milliseconds next() {
    std::uniform_int_distribution<Milliseconds::rep> pick(0, ceiling_.count());
    const Milliseconds delay(pick(random_));
    ceiling_ = std::min(ceiling_ * 2, max_);
    return delay;
  }

  void reset() noexcept { ceiling_ = min_; }

 private:
  const Milliseconds min_;
  const Milliseconds max_;
  Milliseconds ceiling_;
  std::minstd_rand random_;
};

}  // namespace kpulse::mqtt
