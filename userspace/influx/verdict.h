// What an answer of the database means for the batch it answers. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace kpulse::influx {

enum class Outcome : std::uint8_t {
  ok,               ///< all lines are in
  partial,          ///< all but `dropped` lines are in
  drop,             ///< the batch is refused for good: sending it again would change nothing
  create_database,  ///< database or retention policy is missing
  too_large,        ///< send it in halves
  retry,            ///< try again later
  hold,             ///< refused until somebody changes the configuration: keep the batch, raise the alarm
};
inline constexpr std::size_t kOutcomes = 7;

[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

struct Verdict {
  Outcome outcome = Outcome::ok;
  std::uint64_t dropped = 0;    ///< partial: lines that the database named as refused
  std::uint32_t max_tries = 0;  ///< retry: give up after as many; 0: never
};

/// Judges an answer to a write. Status 0 stands for no answer (refused, reset, timed out).
///   2xx ok · 400, 422 partial or drop · 401, 403 and redirects hold · 404 create_database · 413 too_large ·
///   408, 429, 502, 503, 504 and no answer retry · 500 "retention policy not found" create_database, else retry a few
///   times · other 5xx retry a few times · other 4xx drop
[[nodiscard]] Verdict judge(long status, std::string_view body) noexcept;

/// Delays between attempts: doubling from `min` to `max`, the upper half of each at random.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  constexpr Backoff(Duration min, Duration max) noexcept : min_(min), max_(max), next_(min) {}

  /// The next delay; `chance` is random in [0, 1).
  [[nodiscard]] Duration next(double chance) noexcept;
  void reset() noexcept { next_ = min_; }

 private:
  Duration min_;
  Duration max_;
  Duration next_;
};

/// How long to wait: what the server asked for (bounded to 5 minutes, it is not trusted), or the back-off if that is
/// longer.
[[nodiscard]] std::chrono::milliseconds delay_of(std::chrono::milliseconds retry_after,
                                                 std::chrono::milliseconds backoff) noexcept;

}  // namespace kpulse::influx
