#include <sys/socket.h>

#include "fixture.h"
#include "support/net.h"
#include "support/process.h"

namespace kpulse::mqtt::test {
namespace {

using kpulse::test::Mosquitto;
using kpulse::test::MosquittoOptions;
using kpulse::test::run;
using kpulse::test::TempDir;

/// A throw-away certificate authority in a folder of its own.
class Authority {
 public:
  Authority() {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=kpulse test CA", "-keyout", file("ca.key"), "-out", file("ca.pem")});
  }

  /// Makes <name>.pem and <name>.key, signed by this authority.
  void issue(const std::string& name, const std::string& alternative_names) {
    const std::string extensions = folder_.write(name + ".ext", "subjectAltName=" + alternative_names + "\n");
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
             "-keyout", file(name + ".key"), "-out", file(name + ".csr")});
    openssl({"x509", "-req", "-days", "2", "-in", file(name + ".csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
             "-CAcreateserial", "-extfile", extensions, "-out", file(name + ".pem")});
  }

  [[nodiscard]] std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    if (run(arguments, file("log")) != 0) throw std::runtime_error(kpulse::test::read_file(file("log")));
  }

  TempDir folder_;
};

class MqttTls : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEEDS_MOSQUITTO();
    if (!kpulse::test::find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
    authority_ = std::make_unique<Authority>();
    authority_->issue("server", "IP:127.0.0.1,DNS:localhost");
  }

  void start_broker(const std::string& certificate, std::vector<std::string> more = {}) {
    more.push_back("certfile " + authority_->file(certificate + ".pem"));
    more.push_back("keyfile " + authority_->file(certificate + ".key"));
    broker_ = std::make_unique<Mosquitto>(MosquittoOptions{.listener_lines = std::move(more)});
  }

  [[nodiscard]] ClientOptions tls_options(const Authority& trusted) const {
    auto options = options_for(broker_->port());
    options.broker.tls = true;
    options.broker.ca_file = trusted.file("ca.pem");
    return options;
  }

  static void expect_refusal(const ClientOptions& options, const std::string& part_of_reason) {
    const auto client = start(options);
    ASSERT_TRUE(wait_until([&] { return client->stats().connect_failures >= 2; }));
    EXPECT_EQ(client->stats().connects, 0U);
    EXPECT_NE(client->stats().last_error.find(part_of_reason), std::string::npos) << client->stats().last_error;
  }

  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Mosquitto> broker_;
};

TEST_F(MqttTls, DeliversOverAnEncryptedConnection) {
  start_broker("server");
  Inbox inbox;
  const auto reader = subscriber(tls_options(*authority_), {"t"}, inbox);
  const auto writer = start(tls_options(*authority_));
  for (int i = 0; i < 500; ++i) {
    writer->publish({.topic = "t", .payload = std::to_string(i) + std::string(3000, '.')});
  }
  EXPECT_TRUE(wait_until([&] { return inbox.distinct() == 500; }));
  EXPECT_TRUE(writer->stop(milliseconds(2000)));
}

TEST_F(MqttTls, RefusesABrokerSignedBySomebodyElse) {
  start_broker("server");
  expect_refusal(tls_options(Authority{}), "certificate verify failed");
}

TEST_F(MqttTls, RefusesABrokerThatTheSystemDoesNotTrust) {
  start_broker("server");
  auto options = tls_options(*authority_);
  options.broker.ca_file.clear();
  expect_refusal(options, "certificate verify failed");
}

TEST_F(MqttTls, TrustsWhatTheSystemTrustsWhenNoCaIsGiven) {
  start_broker("server");
  auto options = tls_options(*authority_);
  options.broker.ca_file.clear();
  setenv("SSL_CERT_FILE", authority_->file("ca.pem").c_str(), 1);
  const auto client = start(options);
  EXPECT_TRUE(connected(*client));
  unsetenv("SSL_CERT_FILE");
}

TEST_F(MqttTls, RefusesACertificateForAnotherHost) {
  authority_->issue("other", "DNS:other.example");
  start_broker("other");
  expect_refusal(tls_options(*authority_), "host name verification failed");
}

TEST_F(MqttTls, ShowsAClientCertificateToABrokerThatAsks) {
  authority_->issue("client", "DNS:client");
  start_broker("server", {"cafile " + authority_->file("ca.pem"), "require_certificate true"});
  auto options = tls_options(*authority_);
  expect_refusal(options, "");
  options.broker.cert_file = authority_->file("client.pem");
  options.broker.key_file = authority_->file("client.key");
  const auto client = start(options);
  EXPECT_TRUE(connected(*client));
}

TEST_F(MqttTls, ReconnectsAfterTheBrokerRestarted) {
  start_broker("server");
  const auto client = start(tls_options(*authority_));
  ASSERT_TRUE(connected(*client));
  broker_->stop();
  client->publish({.topic = "t", .payload = "later"});
  broker_->start();
  EXPECT_TRUE(wait_until([&] { return client->stats().acknowledged == 1; }));
}

TEST_F(MqttTls, GivesUpOnAPeerThatNeverAnswersTheHandshake) {
  auto silent = kpulse::test::listen_on_loopback();
  auto options = options_for(silent.port);
  options.broker.tls = true;
  options.connect_timeout = milliseconds(50);
  const auto client = start(std::move(options));
  EXPECT_TRUE(wait_until([&] { return client->stats().connect_failures >= 3; }));
}

TEST_F(MqttTls, NoticesAtOnceThatAPeerLeftDuringTheHandshake) {
  for (const int linger_seconds : {-1, 0}) {  // an orderly end, and a reset
    auto peer = kpulse::test::listen_on_loopback();
    auto options = options_for(peer.port);
    options.broker.tls = true;
    options.connect_timeout = milliseconds(60'000);
    const auto client = start(std::move(options));
    {
      const FileDescriptor connection(accept(peer.socket.get(), nullptr, nullptr));
      const linger how{.l_onoff = linger_seconds < 0 ? 0 : 1, .l_linger = 0};
      setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &how, sizeof how);
      char hello[4096];
      ASSERT_GT(recv(connection.get(), hello, sizeof hello, 0), 0);
    }
    EXPECT_TRUE(wait_until([&] { return client->stats().connect_failures >= 1; }, milliseconds(2000)));
  }
}

TEST_F(MqttTls, NoticesAtOnceThatAPeerLeftBeforeTheHandshake) {
  auto peer = kpulse::test::listen_on_loopback();
  auto options = options_for(peer.port);
  options.broker.tls = true;
  options.broker.ca_file = authority_->file("ca.pem");
  options.backoff_max = milliseconds(1);
  options.connect_timeout = milliseconds(60'000);
  const auto client = start(std::move(options));
  for (int i = 0; i < 100; ++i) {
    // A reset, at a moment that differs: before the client's first flight, in it, after it.
    const FileDescriptor connection(accept(peer.socket.get(), nullptr, nullptr));
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  EXPECT_TRUE(wait_until([&] { return client->stats().connect_failures >= 100; }, milliseconds(2000)));
}

class MqttPassword : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEEDS_MOSQUITTO();
    if (!kpulse::test::find_program("mosquitto_passwd")) GTEST_SKIP() << "mosquitto_passwd is not installed";
    const std::string file = folder_.write("passwords", "");
    ASSERT_EQ(run({"mosquitto_passwd", "-b", file, "agent", "right"}), 0);
    broker_ =
        std::make_unique<Mosquitto>(MosquittoOptions{.anonymous = false, .listener_lines = {"password_file " + file}});
  }

  [[nodiscard]] ClientOptions login(const std::string& password, int protocol) const {
    auto options = options_for(broker_->port());
    options.broker.username = "agent";
    options.broker.password = password;
    options.protocol = protocol;
    return options;
  }

  TempDir folder_;
  std::unique_ptr<Mosquitto> broker_;
};

TEST_F(MqttPassword, ConnectsWithTheRightOne) {
  for (const int protocol : {4, 5}) {
    const auto client = start(login("right", protocol));
    EXPECT_TRUE(connected(*client));
  }
}

TEST_F(MqttPassword, SaysThatItIsWrongAndKeepsTrying) {
  for (const int protocol : {4, 5}) {
    const auto client = start(login("wrong", protocol));
    ASSERT_TRUE(wait_until([&] { return client->stats().connect_failures >= 3; }));
    const std::string reason = client->stats().last_error;
    EXPECT_TRUE(reason.find("not authorised") != std::string::npos ||
                reason.find("Not authorized") != std::string::npos)
        << reason;
    EXPECT_EQ(reason.find("wrong"), std::string::npos);
  }
}

}  // namespace
}  // namespace kpulse::mqtt::test
