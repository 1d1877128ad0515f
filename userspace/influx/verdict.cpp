#include "influx/verdict.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace kpulse::influx {
namespace {

constexpr std::uint32_t kTriesOfServerErrors = 5;
constexpr std::chrono::minutes kMaxRetryAfter{5};

bool has(std::string_view body, std::string_view part) noexcept {
  return body.find(part) != std::string_view::npos;
}

/// N of "partial write: ... dropped=N" (1.x and 2.x).
std::optional<std::uint64_t> dropped_in(std::string_view body) noexcept {
  constexpr std::string_view kKey = "dropped=";
  const auto at = body.rfind(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const char* from = body.data() + at + kKey.size();
  std::uint64_t dropped = 0;
  const auto read = std::from_chars(from, body.data() + body.size(), dropped);
  return read.ec == std::errc{} ? std::optional(dropped) : std::nullopt;
}

/// Lines that version 3 names as refused: one object with a line_number each.
std::uint64_t lines_named_in(std::string_view body) noexcept {
  constexpr std::string_view kKey = "\"line_number\"";
  std::uint64_t lines = 0;
  for (auto at = body.find(kKey); at != std::string_view::npos; at = body.find(kKey, at + kKey.size())) ++lines;
  return lines;
}

Verdict judge_refusal(std::string_view body) noexcept {
  if (!has(body, "partial write")) return {.outcome = Outcome::drop};
  if (const auto dropped = dropped_in(body)) return {.outcome = Outcome::partial, .dropped = *dropped};
  const std::uint64_t named = lines_named_in(body);
  return named > 0 ? Verdict{.outcome = Outcome::partial, .dropped = named} : Verdict{.outcome = Outcome::drop};
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  static constexpr std::array<std::string_view, kOutcomes> kNames{"ok",        "partial", "drop", "create_database",
                                                                  "too_large", "retry",   "hold"};
  return kNames[static_cast<std::size_t>(outcome)];
}

Verdict judge(long status, std::string_view body) noexcept {
  switch (status) {
    case 0:
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return {.outcome = Outcome::retry};
    case 400:
    case 422:
      return judge_refusal(body);
    case 401:
    case 403:
      return {.outcome = Outcome::hold};
    case 404:
      return {.outcome = Outcome::create_database};
    case 413:
      return {.outcome = Outcome::too_large};
    default:
      break;
  }
  if (status >= 500) {
    if (has(body, "retention policy not found")) return {.outcome = Outcome::create_database};
    return {.outcome = Outcome::retry, .max_tries = kTriesOfServerErrors};
  }
  if (status >= 400) return {.outcome = Outcome::drop};
  if (status >= 300) return {.outcome = Outcome::hold};
  return {.outcome = Outcome::ok};
}

Backoff::Duration Backoff::next(double chance) noexcept {
  const Duration delay = next_;
  next_ = std::min(max_, next_ * 2);
  return delay / 2 + Duration(static_cast<Duration::rep>(chance * static_cast<double>((delay - delay / 2).count())));
}

std::chrono::milliseconds delay_of(std::chrono::milliseconds retry_after, std::chrono::milliseconds backoff) noexcept {
  return std::max(std::min<std::chrono::milliseconds>(retry_after, kMaxRetryAfter), backoff);
}

}  // namespace kpulse::influx
