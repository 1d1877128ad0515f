#include "influx/digits.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

namespace kpulse::influx {
namespace {

std::string text_of(std::uint64_t value) {
  std::array<char, 32> text;
  return {text.data(), write_number(value, text.data())};
}

TEST(Digits, EveryNumberOfUpToSixDigitsReadsAsItself) {
  for (std::uint64_t value = 0; value < 1'000'000; ++value) ASSERT_EQ(text_of(value), std::to_string(value));
}

TEST(Digits, NumbersOfEveryLengthReadAsThemselves) {
  for (std::uint64_t power = 1; power < std::numeric_limits<std::uint64_t>::max() / 11; power *= 10) {
    for (const std::uint64_t value : {power - 1, power, power + 1, power * 7, power * 10 - 1}) {
      ASSERT_EQ(text_of(value), std::to_string(value));
    }
  }
  for (std::uint64_t value = 1; value < std::numeric_limits<std::uint64_t>::max() / 2; value += value / 97 + 1) {
    ASSERT_EQ(text_of(value), std::to_string(value));
  }
  EXPECT_EQ(text_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(Digits, EightDigitsKeepTheirLeadingZeroes) {
  for (std::uint32_t value = 0; value < kEightDigits; value += value / 50 + 1) {
    std::array<char, 8> text;
    write_eight(value, text.data());
    const std::string digits = std::to_string(value);
    ASSERT_EQ(std::string(text.data(), text.size()), std::string(8 - digits.size(), '0') + digits);
  }
}

}  // namespace
}  // namespace kpulse::influx
