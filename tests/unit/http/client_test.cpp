#include "http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/stand_in.h"

namespace kpulse::http {
namespace {

using namespace std::chrono_literals;
using kpulse::test::http_answer;
using kpulse::test::StandIn;

Request to(const StandIn& server, std::string_view path) {
  return {.url = server.url().append(path), .headers = {"X-Test: yes"}, .username = {}, .password = {}};
}

TEST(HttpClient, SendsWhatItIsToldAndHandsOutStatusBodyAndTheNamedHeader) {
  StandIn server;
  server.script(
      {http_answer("201 Created", "hello", "x-name: some value\r\nX-Other: no\r\n"), http_answer("404 Not Found")});
  Client client({.header = "X-Name"});
  const Response posted = client.post(to(server, "/a?b=c"), "the body", 5s);
  EXPECT_EQ(posted.status, 201);
  EXPECT_EQ(posted.body, "hello");
  EXPECT_EQ(posted.header, "somevalue");
  EXPECT_FALSE(posted.cut_short);
  const Response got = client.get(to(server, "/d"), 5s);
  EXPECT_EQ(got.status, 404);
  EXPECT_EQ(got.header, "");
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].method + seen[0].target + seen[0].body, "POST/a?b=cthe body");
  EXPECT_EQ(seen[1].method + seen[1].target + seen[1].body, "GET/d");
  EXPECT_NE(seen[1].headers.find("\r\nX-Test: yes\r\n"), std::string::npos);
  EXPECT_EQ(server.mistakes(), 0);
}

TEST(HttpClient, ALongBodyIsCutShortAndTheConnectionGoesOn) {
  StandIn server;
  server.script({http_answer("200 OK", std::string(100'000, 'x')), http_answer("200 OK", std::string(1'000, 'y'))});
  Client client({.max_body = 1'000});
  const Response cut = client.get(to(server, "/"), 5s);
  EXPECT_EQ(cut.body, std::string(1'000, 'x'));
  EXPECT_TRUE(cut.cut_short);
  const Response whole = client.get(to(server, "/"), 5s);
  EXPECT_EQ(whole.body, std::string(1'000, 'y'));
  EXPECT_FALSE(whole.cut_short);
}

TEST(HttpClient, WithoutAnAnswerTheErrorSaysWhy) {
  Client client(Options{});
  const Response nobody = client.get({.url = "http://127.0.0.1:1/", .headers = {}, .username = {}, .password = {}}, 5s);
  EXPECT_EQ(nobody.status, 0);
  EXPECT_NE(nobody.error.find("127.0.0.1"), std::string::npos) << nobody.error;
}

TEST(HttpClient, AnAnswerThatDoesNotComeInTimeIsAnError) {
  StandIn server;
  server.script({"hang"});
  Client client(Options{});
  const auto begin = std::chrono::steady_clock::now();
  const Response late = client.get(to(server, "/"), 50ms);
  EXPECT_EQ(late.status, 0);
  EXPECT_FALSE(late.error.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(HttpClient, AnotherThreadCanEndATransferAtOnce) {
  StandIn server;
  server.script({"hang"});
  std::atomic<bool> abort{false};
  Client client({}, abort);
  std::thread aborter([&] {
    EXPECT_TRUE(server.wait_for(1));
    abort = true;
    client.wake();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(client.get(to(server, "/"), 60s).status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  aborter.join();
}

}  // namespace
}  // namespace kpulse::http
