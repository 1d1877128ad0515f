#include "metrics/endpoint.h"

#include <curl/curl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "support/net.h"
#include "support/wait.h"

namespace kpulse::metrics {
namespace {

using Curl = Handle<CURL, curl_easy_cleanup>;

struct Reply {
  long status = 0;
  std::string body;
  std::string type;
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

Reply request(std::uint16_t port, const std::string& path, const char* method = "GET",
              const char* address = "127.0.0.1") {
  const Curl curl(curl_easy_init());
  Reply reply;
  const std::string url = std::string("http://") + address + ":" + std::to_string(port) + path;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl.get(), CURLOPT_NOBODY, std::string(method) == "HEAD" ? 1L : 0L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  if (curl_easy_perform(curl.get()) != CURLE_OK) return reply;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  const char* type = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type);
  reply.type = type != nullptr ? type : "";
  return reply;
}

class MetricsEndpoint : public testing::Test {
 protected:
  MetricsEndpoint() {
    registry_.add({.name = "answer", .labels = "", .type = Type::gauge, .help = "Help.", .read = [] { return 42.0; }});
  }

  std::unique_ptr<Endpoint> start(const std::string& listen = "127.0.0.1:0") {
    auto endpoint = Endpoint::start(listen, registry_);
    EXPECT_TRUE(endpoint) << endpoint.error().message;
    return endpoint ? std::move(*endpoint) : nullptr;
  }

  Registry registry_;
};

TEST_F(MetricsEndpoint, ServesTheNumbersAsPrometheusText) {
  const auto endpoint = start();
  const Reply reply = request(endpoint->port(), "/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(reply.body, registry_.prometheus());
}

TEST_F(MetricsEndpoint, AnswersHeadWithoutABody) {
  const auto endpoint = start();
  const Reply reply = request(endpoint->port(), "/metrics", "HEAD");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
}

TEST_F(MetricsEndpoint, KnowsNoOtherPathAndNoOtherMethod) {
  const auto endpoint = start();
  EXPECT_EQ(request(endpoint->port(), "/").status, 404);
  EXPECT_EQ(request(endpoint->port(), "/metrics/").status, 404);
  EXPECT_EQ(request(endpoint->port(), "/metrics", "POST").status, 405);
  EXPECT_EQ(request(endpoint->port(), "/metrics", "DELETE").status, 405);
}

TEST_F(MetricsEndpoint, ListensOnIpv6) {
  auto endpoint = Endpoint::start("[::1]:0", registry_);
  if (!endpoint) GTEST_SKIP() << "no IPv6 loopback: " << endpoint.error().message;
  EXPECT_EQ(request((*endpoint)->port(), "/metrics", "GET", "[::1]").status, 200);
}

TEST_F(MetricsEndpoint, CanBeOff) {
  const auto endpoint = start("off");
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->port(), 0);
}

TEST_F(MetricsEndpoint, SaysThatThePortIsInUse) {
  const auto other = kpulse::test::listen_on_loopback();
  const auto endpoint = Endpoint::start("127.0.0.1:" + std::to_string(other.port), registry_);
  ASSERT_FALSE(endpoint);
  EXPECT_NE(endpoint.error().message.find("in use"), std::string::npos) << endpoint.error().message;
  EXPECT_EQ(endpoint.error().kind, ErrorKind::failure);
}

TEST_F(MetricsEndpoint, RejectsAMalformedAddress) {
  for (const char* listen :
       {"", "9464", ":9464", "localhost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:9464",
        "[127.0.0.1]:1", "[::1]", "1.2.3:80:80", "host.example:80"}) {
    const auto endpoint = Endpoint::start(listen, registry_);
    ASSERT_FALSE(endpoint) << listen;
    EXPECT_EQ(endpoint.error().kind, ErrorKind::usage) << listen;
  }
}

TEST_F(MetricsEndpoint, AnswersAgainAfterIdleConnectionsFilledIt) {
  const auto endpoint = start();
  std::vector<FileDescriptor> idle;
  for (int i = 0; i < 12; ++i) {
    idle.push_back(kpulse::test::connect_to_loopback(endpoint->port()));
    ASSERT_TRUE(idle.back());
  }
  // Its time limit frees the connections that say nothing.
  EXPECT_TRUE(kpulse::test::wait_until([&] { return request(endpoint->port(), "/metrics").status == 200; },
                                       std::chrono::seconds(20)));
}

TEST_F(MetricsEndpoint, SurvivesANumberThatThrowsAndOneThatIsNotHttp) {
  Registry bad;
  bad.add({.name = "m", .labels = "", .type = Type::gauge, .help = "", .read = []() -> double {
             throw std::runtime_error("gone");
           }});
  const auto endpoint = Endpoint::start("127.0.0.1:0", bad);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(request((*endpoint)->port(), "/metrics").status, 500);
  {
    const FileDescriptor socket = kpulse::test::connect_to_loopback((*endpoint)->port());
    const std::string garbage(100'000, '\xff');
    send(socket.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  }
  EXPECT_EQ(request((*endpoint)->port(), "/metrics").status, 500);
}

}  // namespace
}  // namespace kpulse::metrics
