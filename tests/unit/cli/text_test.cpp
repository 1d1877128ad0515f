#include "cli/text.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kpulse::cli {
namespace {

TEST(Text, ShowsControlCharactersAsHex) {
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
}

TEST(Text, KeepsUtf8) {
  EXPECT_EQ(printable("gr\u00fcn \u2713 \U0001F600"), "gr\u00fcn \u2713 \U0001F600");
}

TEST(Text, ShowsWhatIsNotUtf8AsHex) {
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong '/'
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");  // overlong in three bytes
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Text, ShowsTheTerminalControlsAboveAsciiAsHex) {
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
}

TEST(Text, GivesDurationsThreeDigitsAndAUnit) {
  EXPECT_EQ(short_duration(0), "0");
  EXPECT_EQ(short_duration(999), "999ns");
  EXPECT_EQ(short_duration(1000), "1.00us");
  EXPECT_EQ(short_duration(12'340), "12.3us");
  EXPECT_EQ(short_duration(999'400), "999us");
  EXPECT_EQ(short_duration(999'600), "1.00ms");
  EXPECT_EQ(short_duration(10'000'000), "10.0ms");
  EXPECT_EQ(short_duration(1'200'000'000), "1.20s");
  EXPECT_EQ(short_duration(4'000'000'000'000), "4000s");
}

TEST(Text, CutsToCharactersAndNotToBytes) {
  EXPECT_EQ(fitted("abc", 3), "abc");
  EXPECT_EQ(fitted("abcd", 3), "ab~");
  EXPECT_EQ(fitted("\u00fc\u00fc\u00fc", 3), "\u00fc\u00fc\u00fc");
  EXPECT_EQ(fitted("\u00fc\u00fc\u00fc\u00fc", 3), "\u00fc\u00fc~");
  EXPECT_EQ(width_of("\u00fc\u2713x"), 3U);
}

TEST(Text, TakesTheFirstLineOfAFileWithoutItsEnd) {
  const auto path = std::filesystem::temp_directory_path() / "kpulse_text_test";
  std::ofstream(path) << "secret \r\nmore\n";
  EXPECT_EQ(first_line(path).value(), "secret");
  std::ofstream(path, std::ios::trunc) << "\n";
  EXPECT_EQ(first_line(path).error().exit_status(), 2);
  std::filesystem::remove(path);
  EXPECT_EQ(first_line(path).error().exit_status(), 2);
}

}  // namespace
}  // namespace kpulse::cli
