// Integers to decimal text with as few branches as possible: numbers are most of what the bridge writes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kpulse::influx {

inline constexpr std::uint32_t kEightDigits = 100'000'000;

/// The eight digits of a number below 10^8 as bytes 0 to 9, the first one lowest. All eight are divided at once: by
/// 10^4, then both halves by 100, then all four quarters by 10.
[[nodiscard]] inline std::uint64_t digits_of(std::uint32_t value) noexcept {
  const std::uint64_t fours = value / 10'000 | std::uint64_t{value % 10'000} << 32U;
  const std::uint64_t hundreds = ((fours * 10'486) >> 20U) & 0x0000007F'0000007FU;
  const std::uint64_t twos = hundreds + ((fours - 100 * hundreds) << 16U);
  const std::uint64_t tens = ((twos * 103) >> 10U) & 0x000F'000F'000F'000FU;
  return tens + ((twos - 10 * tens) << 8U);
}

/// Writes a number below 10^8 with its leading zeroes; eight characters.
inline void write_eight(std::uint32_t value, char* to) noexcept {
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t text = digits_of(value) | 0x3030303030303030U;
  std::memcpy(to, &text, sizeof text);
}

/// Writes a number below 10^8 without leading zeroes; returns how many characters count. Always touches eight.
inline std::size_t write_short(std::uint32_t value, char* to) noexcept {
  const std::uint64_t digits = digits_of(value);
  const auto zeroes = static_cast<std::uint32_t>(std::countr_zero(digits | std::uint64_t{1} << 56U)) / 8U;
  const std::uint64_t text = (digits | 0x3030303030303030U) >> (8U * zeroes);
  std::memcpy(to, &text, sizeof text);
  return 8U - zeroes;
}

/// Writes any number; returns its length, 20 at most. Touches up to 24 characters.
inline std::size_t write_number(std::uint64_t value, char* to) noexcept {
  if (value < kEightDigits) return write_short(static_cast<std::uint32_t>(value), to);
  const std::size_t head = write_number(value / kEightDigits, to);
  write_eight(static_cast<std::uint32_t>(value % kEightDigits), to + head);
  return head + 8;
}

}  // namespace kpulse::influx
