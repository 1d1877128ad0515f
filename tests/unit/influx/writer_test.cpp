#include "influx/writer.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>

#include "base/clock.h"
#include "support/stand_in.h"

namespace kpulse::influx {
namespace {

using namespace std::chrono_literals;
using kpulse::test::http_answer;
using kpulse::test::StandIn;

constexpr std::string_view kFour = "a v=1i 1\nb v=1i 1\nc v=1i 1\nd v=1i 1\n";

WriterOptions options_for(const StandIn& server) {
  return {.server = {.url = server.url()}, .version = {}, .backoff_min = 1ms, .backoff_max = 5ms};
}

TEST(Writer, WritesLinesAsTheyAreOverOneConnection) {
  StandIn server;
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  ASSERT_EQ(server.seen().size(), 2U);
  EXPECT_EQ(server.seen()[0].method, "POST");
  EXPECT_EQ(server.seen()[0].target, "/write?db=kpulse&precision=ns");
  EXPECT_EQ(server.seen()[0].body, kFour);
  EXPECT_TRUE(writer.stats().reachable);
  EXPECT_EQ(server.mistakes(), 0);
}

TEST(Writer, FindsOutTheVersion) {
  StandIn two("v2.7.1");
  Writer to_two(options_for(two));
  ASSERT_EQ(to_two.write(kFour, 4).committed, 4U);
  EXPECT_TRUE(two.seen()[0].target.starts_with("/api/v2/write?"));
  StandIn three("3.1.0");
  Writer to_three(options_for(three));
  ASSERT_EQ(to_three.write(kFour, 4).committed, 4U);
  EXPECT_TRUE(three.seen()[0].target.starts_with("/api/v3/write_lp?"));
}

TEST(Writer, CompressesWhenTold) {
  StandIn server;
  WriterOptions options = options_for(server);
  options.gzip = true;
  Writer writer(options);
  ASSERT_EQ(writer.write(kFour, 4).committed, 4U);
  const kpulse::test::Seen seen = server.seen()[0];
  EXPECT_NE(seen.headers.find("Content-Encoding: gzip"), std::string::npos);
  std::string plain(kFour.size(), '\0');
  auto* decompressor = libdeflate_alloc_decompressor();
  EXPECT_EQ(
      libdeflate_gzip_decompress(decompressor, seen.body.data(), seen.body.size(), plain.data(), plain.size(), nullptr),
      LIBDEFLATE_SUCCESS);
  libdeflate_free_decompressor(decompressor);
  EXPECT_EQ(plain, kFour);
}

TEST(Writer, WaitsAsLongAsTheServerAsksBeforeItTriesAgain) {
  StandIn server;
  server.script({http_answer("429 Too Many Requests", "", "Retry-After: 1\r\n")});
  Writer writer(options_for(server));
  const std::uint64_t before = monotonic_ns();
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  EXPECT_GE(monotonic_ns() - before, 1'000'000'000U);
  EXPECT_EQ(writer.stats().retries, 1U);
}

TEST(Writer, TriesAgainAfterOverloadAndResetConnections) {
  StandIn server;
  server.script({http_answer("503 Service Unavailable"), "", http_answer("502 Bad Gateway"), ""});
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  EXPECT_GE(server.seen().size(), 5U);
  for (const kpulse::test::Seen& seen : server.seen()) EXPECT_EQ(seen.body, kFour);
}

TEST(Writer, HoldsTheBatchWhileItsCredentialsAreRefused) {
  StandIn server;
  server.script({http_answer("401 Unauthorized"), http_answer("403 Forbidden"), http_answer("401 Unauthorized")});
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  EXPECT_EQ(writer.stats().outcomes[static_cast<std::size_t>(Outcome::hold)], 3U);
}

TEST(Writer, CountsTheLinesAPartialWriteNames) {
  StandIn server;
  server.script({http_answer("400 Bad Request", R"({"error":"partial write: field type conflict dropped=1"})")});
  Writer writer(options_for(server));
  const Written written = writer.write(kFour, 4);
  EXPECT_EQ(written.committed, 3U);
  EXPECT_EQ(written.refused, 1U);
  EXPECT_EQ(server.seen().size(), 1U);
}

TEST(Writer, NeverCountsMoreRefusedLinesThanThereAre) {
  StandIn server;
  server.script({http_answer("400 Bad Request", R"({"error":"partial write: dropped=99999"})")});
  Writer writer(options_for(server));
  const Written written = writer.write(kFour, 4);
  EXPECT_EQ(written.committed, 0U);
  EXPECT_EQ(written.refused, 4U);
}

TEST(Writer, DropsWhatCanNeverBeWritten) {
  StandIn server;
  server.script({http_answer("400 Bad Request", R"({"error":"unable to parse"})")});
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).refused, 4U);
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
}

TEST(Writer, GivesUpAServerErrorAfterAFewTries) {
  StandIn server;
  server.script(std::vector<std::string>(5, http_answer("500 Internal Server Error", R"({"error":"engine"})")));
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).refused, 4U);
  EXPECT_EQ(server.seen().size(), 5U);
}

TEST(Writer, HalvesWhatIsTooLargeAndRemembersIt) {
  StandIn server;
  server.script({http_answer("413 Request Entity Too Large")});
  Writer writer(options_for(server));
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  ASSERT_EQ(server.seen().size(), 3U);
  EXPECT_EQ(server.seen()[1].body + server.seen()[2].body, kFour);
  EXPECT_EQ(std::ranges::count(server.seen()[1].body, '\n'), 2);
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  EXPECT_EQ(server.seen().size(), 5U) << "the second batch is sent in halves at once";
}

TEST(Writer, GivesUpOnlyTheLinesThatAreTooLargeByThemselves) {
  StandIn server;
  server.script(std::vector<std::string>(100, http_answer("413 Request Entity Too Large")));
  Writer writer(options_for(server));
  const Written written = writer.write(kFour, 4);
  EXPECT_EQ(written.too_large, 4U);
  EXPECT_EQ(written.committed, 0U);
}

TEST(Writer, KeepsTryingWhenADatabaseIsMissingAndMayNotBeCreated) {
  StandIn server;
  server.script({http_answer("404 Not Found", R"({"error":"database not found"})"),
                 http_answer("404 Not Found", R"({"error":"database not found"})")});
  WriterOptions options = options_for(server);
  options.create_database = false;
  Writer writer(options);
  EXPECT_EQ(writer.write(kFour, 4).committed, 4U);
  for (const kpulse::test::Seen& seen : server.seen()) EXPECT_EQ(seen.target, "/write?db=kpulse&precision=ns");
}

TEST(Writer, AnAbortEndsAWriteThatGetsNoAnswer) {
  StandIn server;
  server.script({"hang"});
  Writer writer(options_for(server));
  std::thread aborter([&] {
    EXPECT_TRUE(server.wait_for(1));
    writer.abort();
  });
  const std::uint64_t before = monotonic_ns();
  EXPECT_EQ(writer.write(kFour, 4).abandoned, 4U);
  EXPECT_LT(monotonic_ns() - before, 9'000'000'000U) << "did not wait for its time-out";
  aborter.join();
}

TEST(Writer, HurryEndsAWaitBetweenAttempts) {
  StandIn server;
  server.script(
      {http_answer("503 Service Unavailable", "", "Retry-After: 300\r\n"), http_answer("503 Service Unavailable")});
  Writer writer(options_for(server));
  std::thread hurrier([&] {
    EXPECT_TRUE(server.wait_for(1));
    writer.hurry();
  });
  EXPECT_EQ(writer.write(kFour, 4).abandoned, 4U);
  hurrier.join();
}

TEST(Writer, AServerThatIsAwayLosesNothingUntilTheInterrupt) {
  WriterOptions options{.server = {.url = "http://127.0.0.1:1"}, .version = {}, .backoff_min = 1ms, .backoff_max = 5ms};
  Writer writer(options);
  std::thread aborter([&] {
    while (writer.stats().retries < 3) std::this_thread::yield();
    writer.abort();
  });
  EXPECT_EQ(writer.write(kFour, 4).abandoned, 4U);
  EXPECT_FALSE(writer.stats().reachable);
  aborter.join();
}

}  // namespace
}  // namespace kpulse::influx
