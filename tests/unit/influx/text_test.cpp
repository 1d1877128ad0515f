#include "influx/text.h"

#include <gtest/gtest.h>

namespace kpulse::influx {
namespace {

std::string as_string(std::string_view bytes) {
  std::string out;
  append_string(bytes, out);
  return out;
}

std::string as_tag(std::string_view bytes) {
  std::string out;
  append_tag(bytes, out);
  return out;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

TEST(LineText, PlainTextStaysAsItIs) {
  EXPECT_EQ(as_string("kworker/0:1H-a b,c=d"), "kworker/0:1H-a b,c=d");
  EXPECT_EQ(as_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(as_tag("sda1"), "sda1");
}

TEST(LineText, QuotesAndBackslashesOfStringsAreEscaped) {
  EXPECT_EQ(as_string(R"(a"b\c\)"), R"(a\"b\\c\\)");
}

TEST(LineText, CommaSpaceAndEqualsOfTagsAreEscapedAndBackslashesReplaced) {
  EXPECT_EQ(as_tag("a,b c=d"), R"(a\,b\ c\=d)");
  EXPECT_EQ(as_tag(R"(a\)"), R"(a\x5c)");
  EXPECT_EQ(as_tag(R"(a"b)"), R"(a"b)");
}

TEST(LineText, ControlCharactersBecomeText) {
  EXPECT_EQ(as_string("a\nb\r\t\x7f"), R"(a\\x0ab\\x0d\\x09\\x7f)");
  EXPECT_EQ(as_string(std::string_view("\0x", 2)), R"(\\x00x)");
  EXPECT_EQ(as_string("\xc2\x85"), R"(\\xc2\\x85)") << "C1";
  EXPECT_EQ(as_tag("a\nb"), R"(a\x0ab)");
}

TEST(LineText, BytesThatAreNotUtf8BecomeText) {
  EXPECT_EQ(as_string("\xff"), R"(\\xff)");
  EXPECT_EQ(as_string("\xc0\x80"), R"(\\xc0\\x80)") << "overlong";
  EXPECT_EQ(as_string("\xe0\x80\x80"), R"(\\xe0\\x80\\x80)") << "overlong";
  EXPECT_EQ(as_string("\xed\xa0\x80"), R"(\\xed\\xa0\\x80)") << "surrogate";
  EXPECT_EQ(as_string("\xf4\x90\x80\x80"), R"(\\xf4\\x90\\x80\\x80)") << "past the last character";
  EXPECT_EQ(as_string("a\xe2\x82"), R"(a\\xe2\\x82)") << "cut off";
  EXPECT_EQ(as_string("\xe2\x28\xa1"), R"(\\xe2(\\xa1)");
}

TEST(LineText, AnyTwoBytesBecomeOneValidLine) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string bytes{static_cast<char>(a), static_cast<char>(b)};
      for (const std::string& text : {as_string(bytes), as_tag(bytes)}) {
        ASSERT_TRUE(valid_utf8(text)) << a << " " << b;
        ASSERT_EQ(text.find('\n'), std::string::npos);
        ASSERT_FALSE(text.empty());
      }
      ASSERT_NE(as_tag(bytes).back(), '\\');
    }
  }
}

}  // namespace
}  // namespace kpulse::influx
