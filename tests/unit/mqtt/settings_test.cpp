#include "mqtt/settings.h"

#include <gtest/gtest.h>

#include "support/files.h"

namespace kpulse::mqtt {
namespace {

struct Expected {
  const char* url;
  const char* host;
  std::uint16_t port;
  bool tls;
};

TEST(MqttSettings, ReadsAddressesOfEveryShape) {
  const Expected cases[] = {
      {"mqtt://127.0.0.1:1883", "127.0.0.1", 1883, false},
      {"mqtt://broker", "broker", 1883, false},
      {"mqtts://broker.example", "broker.example", 8883, true},
      {"mqtts://broker:1234/", "broker", 1234, true},
      {"mqtt://[::1]", "::1", 1883, false},
      {"mqtts://[fe80::1%eth0]:9", "fe80::1%eth0", 9, true},
  };
  for (const Expected& expected : cases) {
    const auto where = broker({.url = expected.url});
    ASSERT_TRUE(where) << expected.url << ": " << where.error().message;
    EXPECT_EQ(where->host, expected.host);
    EXPECT_EQ(where->port, expected.port);
    EXPECT_EQ(where->tls, expected.tls);
  }
}

TEST(MqttSettings, RejectsMalformedAddressesAndNamesTheKey) {
  for (const char* url : {"", "broker", "http://broker", "mqtt://", "mqtt://:1883", "mqtt://b:", "mqtt://b:0",
                          "mqtt://b:65536", "mqtt://b:18x", "mqtt://::1", "mqtt://[::1", "mqtt://[]:1", "mqtt://[::1]x",
                          "mqtt://b/path", "mqtt://b c", "mqtt://b:1:2"}) {
    const auto where = broker({.url = url});
    ASSERT_FALSE(where) << url;
    EXPECT_EQ(where.error().kind, ErrorKind::usage);
    EXPECT_NE(where.error().message.find("mqtt.url"), std::string::npos);
  }
}

TEST(MqttSettings, RejectsAPasswordInTheUrlWithoutRepeatingIt) {
  const auto where = broker({.url = "mqtt://me:s3cret@broker"});
  ASSERT_FALSE(where);
  EXPECT_EQ(where.error().message.find("s3cret"), std::string::npos);
}

TEST(MqttSettings, ReadsThePasswordFromTheFirstLineOfItsFile) {
  const kpulse::test::TempDir folder;
  const std::string file = folder.write("password", "s3cret\r\nmore\n");
  const auto where = broker({.username = "me", .password_file = file});
  ASSERT_TRUE(where);
  EXPECT_EQ(where->password, "s3cret");
}

TEST(MqttSettings, RejectsSettingsThatDoNotGoTogether) {
  const kpulse::test::TempDir folder;
  const std::string file = folder.write("password", "x");
  const std::string empty = folder.write("empty", "");
  EXPECT_FALSE(broker({.username = "me", .password = "x", .password_file = file}));
  EXPECT_FALSE(broker({.password = "x"}));
  EXPECT_FALSE(broker({.username = "me", .password_file = empty}));
  EXPECT_FALSE(broker({.username = "me", .password_file = folder.path() / "missing"}));
  EXPECT_FALSE(broker({.url = "mqtt://b", .ca_file = file}));
  EXPECT_FALSE(broker({.url = "mqtts://b", .cert_file = file}));
  EXPECT_TRUE(broker({.url = "mqtts://b", .cert_file = file, .key_file = file}));
}

TEST(MqttSettings, RoundsTheKeepaliveUpToSeconds) {
  const auto options =
      client_options({.client_id = "me", .queue_bytes = 100'000, .keepalive = std::chrono::milliseconds(5500)});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->keepalive_s, 6);
  EXPECT_EQ(options->client_id, "me");
  EXPECT_EQ(options->queue_bytes, 100'000U);
}

TEST(MqttSettings, OffersKeysThatChangeIt) {
  Settings settings;
  const auto list = keys(settings);
  ASSERT_EQ(list.front().name, "mqtt.url");
  *std::get<config::Text>(list.front().value).target = "mqtt://elsewhere";
  EXPECT_EQ(settings.url, "mqtt://elsewhere");
  for (const auto& key : list) EXPECT_EQ(key.secret, key.name == "mqtt.password") << key.name;
}

}  // namespace
}  // namespace kpulse::mqtt
