#include "cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace kpulse::cli {
namespace {

using namespace std::chrono_literals;

TEST(Flags, ReadTimesWithAndWithoutUnit) {
  EXPECT_EQ(parse_duration("20s").value(), 20s);
  EXPECT_EQ(parse_duration("100ms").value(), 100ms);
  EXPECT_EQ(parse_duration("1.5m").value(), 90s);
  EXPECT_EQ(parse_duration("3").value(), 3s);
  EXPECT_EQ(parse_duration("0").value(), 0s);
}

TEST(Flags, RefuseWhatIsNoTimeAndSayWhatIsAllowed) {
  for (const char* text : {"", "s", "-1s", "5 s", "1d", "nan", "inf", "1e300s", "5sx"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().exit_status(), 2);
    EXPECT_THAT(parsed.error().message, testing::HasSubstr("20s, 100ms, 1m"));
  }
}

TEST(Flags, TakeSecretsFromTheEnvironmentOrAFile) {
  InfluxFlags flags;
  ::setenv("KPULSE_INFLUX_TOKEN", "from-environment", 1);
  EXPECT_EQ(flags.resolve()->token, "from-environment");
  flags.token_file = std::filesystem::temp_directory_path() / "kpulse_flags_test";
  std::ofstream(flags.token_file) << "from-file\n";
  EXPECT_EQ(flags.resolve()->token, "from-file");
  std::filesystem::remove(flags.token_file);
  const auto missing = flags.resolve();
  ::unsetenv("KPULSE_INFLUX_TOKEN");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit_status(), 2);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("--token-file"));
}

TEST(Flags, TakeTheBrokersPasswordFromTheEnvironment) {
  BrokerFlags flags;
  flags.settings.url = "mqtts://broker.example";
  flags.settings.username = "me";
  ::setenv("KPULSE_MQTT_PASSWORD", "secret", 1);
  const auto broker = flags.resolve();
  ::unsetenv("KPULSE_MQTT_PASSWORD");
  ASSERT_TRUE(broker) << broker.error().message;
  EXPECT_EQ(broker->password, "secret");
  EXPECT_TRUE(broker->tls);
}

TEST(Flags, RefuseABadBrokerUrl) {
  BrokerFlags flags;
  flags.settings.url = "localhost:1883";
  EXPECT_EQ(flags.resolve().error().exit_status(), 2);
}

}  // namespace
}  // namespace kpulse::cli
