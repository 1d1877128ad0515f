#include "fixture.h"

namespace kpulse::config::test {
namespace {

using ConfigFile = ConfigTest;

TEST_F(ConfigFile, FillsEveryKind) {
  ASSERT_TRUE(
      load_file("window = \"1s\"\n[mqtt]\nurl = \"mqtt://b\"\npassword = \"p\"\nqueue = \"1MiB\"\n"
                "[sink]\nkind = \"stdout\"\nmax_lines = 10\ngzip = false\n"));
  EXPECT_EQ(window, 1s);
  EXPECT_EQ(url, "mqtt://b");
  EXPECT_EQ(password, "p");
  EXPECT_EQ(queue, 1U << 20U);
  EXPECT_EQ(kind, "stdout");
  EXPECT_EQ(lines, 10);
  EXPECT_FALSE(gzip);
}

TEST_F(ConfigFile, TakesDottedKeysAndBareNumbersOfBytes) {
  ASSERT_TRUE(load_file("mqtt.queue = 65536\nsink = {max_lines = 3}\n"));
  EXPECT_EQ(queue, 65536U);
  EXPECT_EQ(lines, 3);
}

TEST_F(ConfigFile, NamesLineAndColumnOfABadValue) {
  EXPECT_EQ(mistake_in("# a comment\nwindow = \"5s\"\n"),
            "c.toml:2:10: window takes a duration from 1ms to 1s, got \"5s\"");
  EXPECT_EQ(mistake_in("[sink]\nmax_lines = 99999\n"),
            "c.toml:2:13: sink.max_lines takes a whole number from 1 to 10000, got \"99999\"");
}

TEST_F(ConfigFile, NamesLineAndColumnOfAWrongType) {
  EXPECT_EQ(mistake_in("window = 10\n"),
            "c.toml:1:10: window takes a duration from 1ms to 1s in quotes, got a value of type integer");
  EXPECT_THAT(mistake_in("[sink]\nmax_lines = \"5\"\n"), HasSubstr("c.toml:2:13: sink.max_lines takes a whole number"));
  EXPECT_THAT(mistake_in("[sink]\ngzip = 1\n"), HasSubstr("c.toml:2:8: sink.gzip takes true or false, got"));
  EXPECT_THAT(mistake_in("[mqtt]\nurl = [\"a\"]\n"), HasSubstr("c.toml:2:7: mqtt.url takes text"));
  EXPECT_THAT(mistake_in("[window]\nx = 1\n"), HasSubstr("c.toml:1:1: window takes a duration"));
  EXPECT_EQ(mistake_in("mqtt = \"x\"\n"), "c.toml:1:8: mqtt is a section: write [mqtt]");
}

TEST_F(ConfigFile, RejectsUnknownKeysWithTheNearestOne) {
  EXPECT_EQ(mistake_in("[mqtt]\nulr = \"x\"\n"), "c.toml:2:1: unknown key \"mqtt.ulr\"; did you mean \"mqtt.url\"?");
  EXPECT_EQ(mistake_in("url = \"x\"\n"), "c.toml:1:1: unknown key \"url\"; did you mean \"mqtt.url\"?");
  EXPECT_THAT(mistake_in("[nothing.like.it]\nx = 1\n"), HasSubstr("unknown key \"nothing\""));
}

TEST_F(ConfigFile, ReportsTheFirstMistakeOfTheFileAndCountsTheOthers) {
  EXPECT_EQ(mistake_in("zzz = 1\n[sink]\ngzip = 1\n[mqtt]\nurl = 1\n"),
            "c.toml:1:1: unknown key \"zzz\" (and 2 more in this file)");
}

TEST_F(ConfigFile, NamesLineAndColumnOfASyntaxError) {
  EXPECT_THAT(mistake_in("window = \"10ms\"\nurl = = 3\n"), testing::StartsWith("c.toml:2:7: "));
  EXPECT_THAT(mistake_in("window = \"10ms\"\nwindow = \"10ms\"\n"), testing::StartsWith("c.toml:2:"));
  EXPECT_THAT(mistake_in("x = \"\xff\xfe\"\n"), testing::StartsWith("c.toml:1:"));
}

TEST_F(ConfigFile, NeverRepeatsASecret) {
  EXPECT_EQ(mistake_in("[mqtt]\npassword = 12345\n").find("12345"), std::string::npos);
}

}  // namespace
}  // namespace kpulse::config::test
