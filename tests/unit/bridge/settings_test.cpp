#include "bridge/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "codec/frame_codec.h"

namespace kpulse::bridge {
namespace {

std::string error_of(Settings settings) {
  const auto complete = bridge::complete(settings);
  return complete ? "" : complete.error().message;
}

TEST(Settings, TheDefaultsAreCompleteAndWriteToThePolicyTheBridgeCreates) {
  Settings settings;
  ASSERT_TRUE(complete(settings));
  EXPECT_EQ(writer_options(settings).server.policy, "hires");
  EXPECT_EQ(writer_options(settings).version, std::nullopt);
  EXPECT_FALSE(writer_options(settings).gzip) << "the database is on this host";
  EXPECT_TRUE(settings.mqtt.client_id.starts_with("kpulse-bridge-"));
}

TEST(Settings, WithoutCreationTheDatabasesDefaultPolicyIsUsed) {
  Settings settings{.create_database = false};
  ASSERT_TRUE(complete(settings));
  EXPECT_EQ(writer_options(settings).server.policy, "");
}

TEST(Settings, ADatabaseElsewhereIsSentCompressedBatches) {
  Settings settings;
  settings.influx.url = "http://db.example:8086";
  EXPECT_TRUE(writer_options(settings).gzip);
  settings.gzip = "off";
  EXPECT_FALSE(writer_options(settings).gzip);
}

TEST(Settings, MistakesNameTheirKey) {
  EXPECT_NE(error_of({.sink = "file"}).find("sink_file"), std::string::npos);
  EXPECT_NE(error_of({.influx_version = "2"}).find("influx.bucket"), std::string::npos);
  EXPECT_NE(error_of({.token_file = "/nonexistent/token"}).find("influx.token_file"), std::string::npos);
  Settings bad_url;
  bad_url.influx.url = "db:8086";
  EXPECT_NE(error_of(bad_url).find("influx.url"), std::string::npos);
  Settings two_tokens{.token_file = "/dev/null"};
  two_tokens.influx.token = "x";
  EXPECT_NE(error_of(two_tokens).find("only one"), std::string::npos);
}

TEST(Settings, SecretsAreNoFlags) {
  Settings settings;
  for (const config::Key& key : program(settings).keys) {
    const bool names_a_secret = key.name.ends_with("token") || key.name.ends_with("password");
    EXPECT_EQ(key.secret, names_a_secret) << key.name;
  }
}

TEST(Settings, TheMachinesNameFitsATag) {
  EXPECT_TRUE(valid_host(machine_name()));
}

}  // namespace
}  // namespace kpulse::bridge
