#include <sys/socket.h>

#include <csignal>

#include "fixture.h"
#include "support/net.h"

namespace kpulse::mqtt::test {
namespace {

using kpulse::test::free_port;
using kpulse::test::Mosquitto;

TEST(MqttReconnect, LosesNothingWhenTheBrokerRestartsInTheMiddleOfAStream) {
  KPULSE_NEEDS_MOSQUITTO();
  constexpr std::size_t kMessages = 6000;
  Mosquitto broker({.persistent = true});
  Inbox inbox;
  auto reading = options_for(broker.port(), "reader");
  reading.clean_session = false;
  const auto reader = subscriber(std::move(reading), {"stream"}, inbox);
  auto writing = options_for(broker.port(), "writer");
  writing.on_connect = {{.topic = "state", .payload = "born", .retain = true}};
  const auto writer = start(std::move(writing));
  ASSERT_TRUE(connected(*writer));
  std::uint64_t connects = 1;
  for (std::size_t i = 0; i < kMessages; ++i) {
    writer->publish({.topic = "stream", .payload = std::to_string(i)});
    if (i % 2000 != 1000) continue;
    // In the middle of the stream: some of it has arrived, some waits in the queue, some is on its way.
    ASSERT_TRUE(wait_until([&] { return inbox.distinct() > i - 900; }));
    broker.stop();
    EXPECT_LE(writer->stats().inflight, 20U + 1U);
    broker.start();
    ++connects;
    ASSERT_TRUE(wait_until([&] { return writer->stats().connects == connects; }));
  }
  EXPECT_TRUE(wait_until([&] { return inbox.distinct() == kMessages; }, std::chrono::seconds(30)));
  EXPECT_TRUE(wait_until([&] { return writer->stats().inflight == 0; }));
  const auto stats = writer->stats();
  EXPECT_EQ(stats.discarded, 0U);
  EXPECT_EQ(stats.publish_errors, 0U);
  EXPECT_EQ(stats.connects, 4U);
  EXPECT_EQ(stats.acknowledged, stats.published);
}

TEST(MqttReconnect, SendsAgainWhatAKilledBrokerHadNotAcknowledged) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  const auto writer = start(options_for(broker.port()));
  ASSERT_TRUE(connected(*writer));
  kill(broker.pid(), SIGSTOP);
  for (int i = 0; i < 10; ++i) writer->publish({.topic = "t", .payload = std::to_string(i), .retain = i == 9});
  ASSERT_TRUE(wait_until([&] { return writer->stats().inflight == 10; }));
  broker.stop(SIGKILL);
  ASSERT_TRUE(wait_until([&] { return !writer->stats().connected; }));
  EXPECT_EQ(writer->stats().inflight, 10U);
  EXPECT_FALSE(writer->stats().last_error.empty());
  broker.start();
  EXPECT_TRUE(wait_until([&] { return writer->stats().acknowledged == 10; }));
  Inbox inbox;
  const auto reader = subscriber(options_for(broker.port()), {"t"}, inbox);
  EXPECT_TRUE(wait_until([&] { return inbox.count("t", "9") == 1; }));
}

TEST(MqttReconnect, SendsAgainUnderMqtt5Too) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  auto options = options_for(broker.port());
  options.protocol = 5;
  options.max_inflight = 50;  // more than the broker's receive maximum of 20
  const auto writer = start(std::move(options));
  ASSERT_TRUE(connected(*writer));
  kill(broker.pid(), SIGSTOP);
  for (int i = 0; i < 60; ++i) writer->publish({.topic = "t", .payload = std::to_string(i), .expiry_s = 60});
  ASSERT_TRUE(wait_until([&] { return writer->stats().inflight == 50; }));
  broker.stop(SIGKILL);
  broker.start();
  EXPECT_TRUE(wait_until([&] { return writer->stats().acknowledged == 60; }));
}

TEST(MqttReconnect, KeepsTheNewestWithinItsBoundWhileTheBrokerIsAway) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  broker.stop();
  constexpr std::size_t kBound = 64U << 10U;
  auto options = options_for(broker.port());
  options.queue_bytes = kBound;
  const auto writer = start(std::move(options));
  for (int i = 0; i < 1000; ++i) writer->publish({.topic = "t", .payload = std::to_string(i) + std::string(1000, '.')});
  const auto away = writer->stats();
  EXPECT_LE(away.queue_bytes, kBound);
  EXPECT_GT(away.queue_bytes, kBound - 2000);
  EXPECT_EQ(away.discarded + away.queue_messages, 1000U);
  EXPECT_EQ(away.inflight, 0U);
  ASSERT_TRUE(wait_until([&] { return writer->stats().connect_failures >= 2; }));
  EXPECT_NE(writer->stats().last_error.find("refused"), std::string::npos) << writer->stats().last_error;
  broker.start();
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == away.queue_messages; }));
  EXPECT_TRUE(writer->stop(milliseconds(1000)));
}

TEST(MqttReconnect, GivesUpOnABrokerThatNeverAnswersAndClosesItsSocket) {
  auto silent = kpulse::test::listen_on_loopback();  // accepts in the kernel, says nothing
  auto options = options_for(silent.port);
  options.connect_timeout = milliseconds(30);
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator{});
  };
  const auto client = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return client->stats().connect_failures >= 2; }));
  const auto before = descriptors();
  ASSERT_TRUE(wait_until([&] { return client->stats().connect_failures >= 8; }));
  EXPECT_LE(descriptors(), before + 1);
  EXPECT_NE(client->stats().last_error.find("no answer"), std::string::npos) << client->stats().last_error;
}

TEST(MqttReconnect, GivesUpOnAnAddressThatSwallowsConnections) {
  const auto hole = kpulse::test::make_blackhole();
  auto options = options_for(hole.listener.port);
  options.connect_timeout = milliseconds(50);
  const auto client = start(std::move(options));
  EXPECT_TRUE(wait_until([&] { return client->stats().connect_failures >= 3; }));
}

TEST(MqttReconnect, DropsAPeerThatSendsGarbage) {
  for (const std::string& garbage :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("\xff\xff\xff\xff\xff\xff\xff"),
        std::string("\x30\xff\xff\xff\x7f\x00", 6), std::string("\x20\x00\x20\x00", 4),
        std::string("\x20\x02\x00\x7f")}) {
    auto peer = kpulse::test::listen_on_loopback();
    auto options = options_for(peer.port);
    options.connect_timeout = milliseconds(200);
    const auto client = start(std::move(options));
    const FileDescriptor connection(accept(peer.socket.get(), nullptr, nullptr));
    ASSERT_EQ(send(connection.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(garbage.size()));
    EXPECT_TRUE(wait_until([&] { return client->stats().connect_failures >= 1; }));
    EXPECT_FALSE(client->stats().connected);
  }
}

TEST(MqttReconnect, DoesNotPileUpBirthsThatWereNeverAcknowledged) {
  auto peer = kpulse::test::listen_on_loopback();
  auto options = options_for(peer.port);
  options.backoff_max = milliseconds(5);
  options.on_connect = {{.topic = "state", .payload = "born"}, {.topic = "state", .payload = "bye", .qos = 0}};
  const auto client = start(std::move(options));
  for (std::uint64_t connections = 1; connections <= 5; ++connections) {
    // A broker that accepts and then hangs up: CONNACK, and the end.
    const FileDescriptor connection(accept(peer.socket.get(), nullptr, nullptr));
    ASSERT_EQ(send(connection.get(), "\x20\x02\x00\x00", 4, MSG_NOSIGNAL), 4);
    ASSERT_TRUE(wait_until([&] { return client->stats().connects == connections; }));
  }
  ASSERT_TRUE(wait_until([&] { return !client->stats().connected; }));
  EXPECT_EQ(client->stats().inflight, 1U);
}

TEST(MqttReconnect, SaysThatAHostNameCannotBeResolved) {
  auto options = options_for(1883);
  options.broker.host = "no-such-host.invalid";
  const auto client = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return client->stats().connect_failures >= 1; }));
  EXPECT_FALSE(client->stats().last_error.empty());
}

}  // namespace
}  // namespace kpulse::mqtt::test
