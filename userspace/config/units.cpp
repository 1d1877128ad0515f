#include "config/units.h"

#include <array>
#include <charconv>
#include <limits>

namespace kpulse::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first; the formatters take the first that divides.
constexpr std::array kDurations = {
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};
constexpr std::array kBytes = {Unit{"TiB", 1ULL << 40U}, Unit{"GiB", 1ULL << 30U}, Unit{"MiB", 1ULL << 20U},
                               Unit{"KiB", 1ULL << 10U}, Unit{"B", 1}};
constexpr std::array kDecimalBytes = {Unit{"TB", 1'000'000'000'000}, Unit{"GB", 1'000'000'000}, Unit{"MB", 1'000'000},
                                      Unit{"kB", 1'000}, Unit{"KB", 1'000}};

template <std::size_t Count>
std::optional<std::uint64_t> factor_of(const std::array<Unit, Count>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

/// A decimal number of at most 9 fraction digits, split so that no precision is lost.
struct Number {
  std::uint64_t whole = 0;
  std::uint64_t billionths = 0;
  std::string_view rest;
};

std::optional<Number> parse_number(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.whole);
  if (error != std::errc()) return std::nullopt;
  number.rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (number.rest.starts_with('.')) {
    number.rest.remove_prefix(1);
    std::uint64_t scale = 100'000'000;
    std::size_t digits = 0;
    for (; digits < number.rest.size() && number.rest[digits] >= '0' && number.rest[digits] <= '9'; ++digits) {
      number.billionths += scale * static_cast<std::uint64_t>(number.rest[digits] - '0');
      scale /= 10;
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    number.rest.remove_prefix(digits);
  }
  while (number.rest.starts_with(' ')) number.rest.remove_prefix(1);
  return number;
}

std::optional<std::uint64_t> multiply(std::uint64_t left, std::uint64_t right) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(left, right, &product)) return std::nullopt;
  return product;
}

template <std::size_t Count>
std::string format(const std::array<Unit, Count>& units, std::uint64_t value) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor).append(unit.name);
  }
  return "0";
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return std::nullopt;
  const bool zero = number->rest.empty() && number->whole == 0 && number->billionths == 0;
  if (zero) return std::chrono::nanoseconds(0);
  const auto factor = factor_of(kDurations, number->rest);
  if (!factor) return std::nullopt;
  const auto whole = multiply(number->whole, *factor);
  // The fraction of a unit is below the unit, so in long double its nanoseconds are exact enough to be rounded.
  const auto part = static_cast<std::uint64_t>(
      static_cast<long double>(number->billionths) * static_cast<long double>(*factor) / 1e9L + 0.5L);
  std::uint64_t sum = 0;
  if (!whole || __builtin_add_overflow(*whole, part, &sum)) return std::nullopt;
  if (sum > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(sum));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || number->billionths != 0) return std::nullopt;
  if (number->rest.empty()) return number->whole;
  auto factor = factor_of(kBytes, number->rest);
  if (!factor) factor = factor_of(kDecimalBytes, number->rest);
  return factor ? multiply(number->whole, *factor) : std::nullopt;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  return duration.count() <= 0 ? "0s" : format(kDurations, static_cast<std::uint64_t>(duration.count()));
}

std::string format_bytes(std::uint64_t bytes) {
  return format(kBytes, bytes);
}

}  // namespace kpulse::config
