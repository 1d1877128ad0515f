#include "config/names.h"

#include <gtest/gtest.h>

namespace kpulse::config {
namespace {

TEST(ConfigNames, DeriveFlagAndVariableFromTheKey) {
  EXPECT_EQ(flag_name("window"), "--window");
  EXPECT_EQ(flag_name("sink.max_lines"), "--sink-max-lines");
  EXPECT_EQ(environment_name("window"), "KPULSE_WINDOW");
  EXPECT_EQ(environment_name("sink.max_lines"), "KPULSE_SINK_MAX_LINES");
}

TEST(ConfigNames, SplitAKeyAtItsLastDot) {
  EXPECT_EQ(split_key("window").section, "");
  EXPECT_EQ(split_key("window").name, "window");
  EXPECT_EQ(split_key("a.b.c").section, "a.b");
  EXPECT_EQ(split_key("a.b.c").name, "c");
}

TEST(ConfigNames, SuggestTheNearestKeyOrNone) {
  const std::vector<std::string> keys{"mqtt.url", "mqtt.username", "influx.url", "window"};
  EXPECT_EQ(nearest("mqtt.usrname", keys), "mqtt.username");
  EXPECT_EQ(nearest("windows", keys), "window");
  EXPECT_EQ(nearest("username", keys), "mqtt.username");
  EXPECT_EQ(nearest("something.else", keys), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), keys), "");
  EXPECT_EQ(suggestion("windwo", keys), "; did you mean \"window\"?");
}

}  // namespace
}  // namespace kpulse::config
