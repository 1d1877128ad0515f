#include "fixture.h"

#include <atomic>

namespace kpulse::mqtt::test {
namespace {

using kpulse::test::Mosquitto;

class MqttClient : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEEDS_MOSQUITTO();
    broker_ = std::make_unique<Mosquitto>();
  }

  std::unique_ptr<Mosquitto> broker_;
  Inbox inbox_;
};

TEST_F(MqttClient, DeliversWhatIsPublishedAndCountsItsAcknowledgement) {
  const auto reader = subscriber(options_for(broker_->port()), {"a/+"}, inbox_);
  const auto writer = start(options_for(broker_->port()));
  writer->publish({.topic = "a/b", .payload = "hello"});
  EXPECT_TRUE(wait_until([&] { return inbox_.count("a/b", "hello") == 1; }));
  EXPECT_TRUE(wait_until([&] { return writer->stats().acknowledged == 1; }));
  const auto stats = writer->stats();
  EXPECT_EQ(stats.published, 1U);
  EXPECT_EQ(stats.inflight, 0U);
  EXPECT_EQ(stats.queue_messages, 0U);
  EXPECT_EQ(stats.connects, 1U);
  EXPECT_TRUE(stats.last_error.empty());
}

TEST_F(MqttClient, CarriesAnEmptyPayloadAndZeroBytes) {
  const auto reader = subscriber(options_for(broker_->port()), {"a"}, inbox_);
  const auto writer = start(options_for(broker_->port()));
  const std::string binary("x\0y", 3);
  writer->publish({.topic = "a", .payload = ""});
  writer->publish({.topic = "a", .payload = binary});
  EXPECT_TRUE(wait_until([&] { return inbox_.count("a", "") == 1 && inbox_.count("a", binary) == 1; }));
}

TEST_F(MqttClient, DeliversABurstLargerThanTheInflightWindow) {
  constexpr std::size_t kMessages = 5000;
  const auto reader = subscriber(options_for(broker_->port()), {"burst"}, inbox_);
  auto options = options_for(broker_->port());
  options.max_inflight = 7;
  const auto writer = start(std::move(options));
  for (std::size_t i = 0; i < kMessages; ++i) writer->publish({.topic = "burst", .payload = std::to_string(i)});
  EXPECT_LE(writer->stats().inflight, 7U);
  EXPECT_TRUE(wait_until([&] { return inbox_.distinct() == kMessages; }));
  EXPECT_EQ(inbox_.count("burst", "0"), 1);
}

TEST_F(MqttClient, DeliversQosZeroWithoutHoldingIt) {
  const auto reader = subscriber(options_for(broker_->port()), {"zero"}, inbox_);
  const auto writer = start(options_for(broker_->port()));
  for (int i = 0; i < 500; ++i) writer->publish({.topic = "zero", .payload = std::to_string(i), .qos = 0});
  EXPECT_TRUE(wait_until([&] { return inbox_.distinct() == 500; }));
  EXPECT_EQ(writer->stats().acknowledged, 0U);
  EXPECT_TRUE(writer->stop(milliseconds(1000)));
}

TEST_F(MqttClient, PublishesItsBirthFirstOnEveryConnection) {
  auto options = options_for(broker_->port());
  options.on_connect = {{.topic = "state", .payload = "born", .retain = true}};
  const auto writer = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 1; }));
  broker_->stop();
  broker_->start();
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 2; }));
  const auto reader = subscriber(options_for(broker_->port()), {"state"}, inbox_);
  EXPECT_TRUE(wait_until([&] { return inbox_.count("state", "born") == 1; }));
  EXPECT_EQ(inbox_.retained(), 1);
}

TEST_F(MqttClient, ANewBirthIsPublishedAtOnceAndOnEveryLaterConnection) {
  auto options = options_for(broker_->port());
  options.on_connect = {{.topic = "state", .payload = "first", .retain = true}};
  const auto writer = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 1; }));
  writer->set_on_connect({{.topic = "state", .payload = "second", .retain = true}});
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 2; }));
  broker_->stop();
  broker_->start();
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 3; }));
  const auto reader = subscriber(options_for(broker_->port()), {"state"}, inbox_);
  EXPECT_TRUE(wait_until([&] { return inbox_.count("state", "second") == 1; }));
  EXPECT_EQ(inbox_.count("state", "first"), 0);
}

TEST_F(MqttClient, MayPublishFromItsOwnCallback) {
  const auto reader = subscriber(options_for(broker_->port()), {"pong"}, inbox_);
  std::atomic<Client*> self{nullptr};
  auto options = options_for(broker_->port());
  options.subscriptions = {"ping"};
  options.on_message = [&self](std::string_view, std::string_view payload, bool) {
    self.load()->publish({.topic = "pong", .payload = std::string(payload)});
  };
  const auto echo = start(options_for(broker_->port()));
  auto ponger = Client::start(std::move(options));
  ASSERT_TRUE(ponger);
  self = ponger->get();
  ASSERT_TRUE(connected(**ponger));
  // Again and again, since a subscription takes effect a moment after the connection.
  EXPECT_TRUE(wait_until([&] {
    echo->publish({.topic = "ping", .payload = "hello"});
    return inbox_.count("pong", "hello") > 0;
  }));
}

TEST_F(MqttClient, SurvivesACallbackThatThrows) {
  auto options = options_for(broker_->port());
  options.subscriptions = {"bad"};
  std::atomic<int> calls{0};
  options.on_message = [&calls](std::string_view, std::string_view, bool) {
    ++calls;
    throw std::runtime_error("cannot be helped");
  };
  options.on_connect = {{.topic = "bad", .payload = "1"}};
  const auto client = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return calls == 1; }));
  client->publish({.topic = "bad", .payload = "2"});
  ASSERT_TRUE(wait_until([&] { return calls == 2; }));
  EXPECT_TRUE(wait_until([&] { return client->stats().callback_errors == 2; }));
  EXPECT_TRUE(client->stats().connected);
}

TEST_F(MqttClient, CountsAMessageThatCannotBePublishedAndGoesOn) {
  const auto reader = subscriber(options_for(broker_->port()), {"good"}, inbox_);
  const auto writer = start(options_for(broker_->port()));
  writer->publish({.topic = "no/wildcard/#", .payload = "x"});
  writer->publish({.topic = "good", .payload = "x"});
  EXPECT_TRUE(wait_until([&] { return inbox_.count("good", "x") == 1; }));
  EXPECT_EQ(writer->stats().publish_errors, 1U);
}

TEST_F(MqttClient, LetsTheBrokerForgetAnExpiredMessageUnderMqtt5) {
  auto sleeper = options_for(broker_->port(), "sleeper");
  sleeper.clean_session = false;
  { const auto reader = subscriber(sleeper, {"news"}, inbox_); }
  auto options = options_for(broker_->port());
  options.protocol = 5;
  const auto writer = start(std::move(options));
  writer->publish({.topic = "news", .payload = "stale", .expiry_s = 1});
  writer->publish({.topic = "news", .payload = "fresh", .expiry_s = 600});
  writer->publish({.topic = "news", .payload = "eternal"});
  ASSERT_TRUE(wait_until([&] { return writer->stats().acknowledged == 3; }));
  // The condition is time itself: the broker counts whole seconds.
  const auto expired = std::chrono::steady_clock::now() + milliseconds(2500);
  ASSERT_TRUE(wait_until([&] { return std::chrono::steady_clock::now() >= expired; }));
  const auto reader = subscriber(sleeper, {"news"}, inbox_);
  EXPECT_TRUE(wait_until([&] { return inbox_.distinct() == 2; }));
  EXPECT_EQ(inbox_.count("news", "stale"), 0);
  EXPECT_EQ(inbox_.count("news", "fresh"), 1);
  EXPECT_EQ(inbox_.count("news", "eternal"), 1);
}

TEST(MqttOptions, RejectsWhatCannotWorkBeforeConnecting) {
  const auto rejected = [](auto change) {
    ClientOptions options;
    change(options);
    const auto client = Client::start(std::move(options));
    return !client && client.error().kind == ErrorKind::usage;
  };
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.protocol = 3; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.keepalive_s = 2; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.max_inflight = 0; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.clean_session = false; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.broker.password = "no user"; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.last_will = {{.topic = "a"}, {.topic = "b"}}; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) { o.last_will = {{.topic = "a/#"}}; }));
  EXPECT_TRUE(rejected([](ClientOptions& o) {
    o.broker.tls = true;
    o.broker.ca_file = "/does/not/exist.pem";
  }));
  EXPECT_TRUE(rejected([](ClientOptions& o) {
    o.broker.tls = true;
    o.broker.cert_file = "/etc/hostname";
  }));
}

}  // namespace
}  // namespace kpulse::mqtt::test
