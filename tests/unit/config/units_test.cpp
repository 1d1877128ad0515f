#include "config/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace kpulse::config {
namespace {

using namespace std::chrono_literals;

TEST(ConfigUnits, ReadDurations) {
  EXPECT_EQ(parse_duration("10ms"), 10ms);
  EXPECT_EQ(parse_duration("1s"), 1s);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("28d"), 28 * 24h);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.1ms"), 100us);
  EXPECT_EQ(parse_duration("2 m"), 2min);
  EXPECT_EQ(parse_duration("0"), 0ns);
  EXPECT_EQ(parse_duration("106751d"), 106751 * 24h);
}

TEST(ConfigUnits, RejectWhatIsNotADuration) {
  for (const char* text : {"", "10", "ms", "-1s", "+1s", "1.s", ".5s", "1e3s", "10 parsecs", "1s1", "1S", "106752d",
                           "99999999999999999999s", "1.0000000001s", "0x10s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ConfigUnits, ReadBytes) {
  EXPECT_EQ(parse_bytes("1000"), 1000U);
  EXPECT_EQ(parse_bytes("8MiB"), 8U << 20U);
  EXPECT_EQ(parse_bytes("64 KiB"), 64U << 10U);
  EXPECT_EQ(parse_bytes("2MB"), 2'000'000U);
  EXPECT_EQ(parse_bytes("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(ConfigUnits, RejectWhatIsNotANumberOfBytes) {
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "8mib", "1K", "18446744073709551616", "99999999TiB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(ConfigUnits, WriteTheShortestFormThatReadsBack) {
  EXPECT_EQ(format_duration(10ms), "10ms");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(28 * 24h), "28d");
  EXPECT_EQ(format_duration(1500us), "1500us");
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_bytes(8U << 20U), "8MiB");
  EXPECT_EQ(format_bytes(1000), "1000B");
  EXPECT_EQ(format_bytes(0), "0");
  for (const std::uint64_t bytes : {1ULL, 1023ULL, 1024ULL, 65537ULL, ~0ULL}) {
    EXPECT_EQ(parse_bytes(format_bytes(bytes)), bytes);
    const std::chrono::nanoseconds time(static_cast<std::int64_t>(bytes >> 1U));
    EXPECT_EQ(parse_duration(format_duration(time)), time);
  }
}

}  // namespace
}  // namespace kpulse::config
