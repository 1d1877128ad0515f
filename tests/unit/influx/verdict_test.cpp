#include "influx/verdict.h"

#include <gtest/gtest.h>

namespace kpulse::influx {
namespace {

using namespace std::chrono_literals;

TEST(Verdict, SuccessIsOk) {
  EXPECT_EQ(judge(204, "").outcome, Outcome::ok);
  EXPECT_EQ(judge(200, "").outcome, Outcome::ok);
}

TEST(Verdict, APartialWriteNamesHowManyLinesWereDropped) {
  const Verdict one = judge(400, R"({"error":"partial write: field type conflict: input field \"x\" ... dropped=3"})");
  EXPECT_EQ(one.outcome, Outcome::partial);
  EXPECT_EQ(one.dropped, 3U);
  const Verdict two = judge(
      422,
      R"({"code":"unprocessable entity","message":"failure writing points: partial write: points beyond retention policy dropped=1"})");
  EXPECT_EQ(two.outcome, Outcome::partial);
  EXPECT_EQ(two.dropped, 1U);
  const Verdict three = judge(
      400,
      R"({"error":"partial write of line protocol occurred","data":[{"original_line":"a","line_number":2},{"original_line":"b","line_number":7}]})");
  EXPECT_EQ(three.outcome, Outcome::partial);
  EXPECT_EQ(three.dropped, 2U);
}

TEST(Verdict, OtherRefusalsDropTheBatch) {
  EXPECT_EQ(judge(400, R"({"error":"unable to parse 'x': missing fields"})").outcome, Outcome::drop);
  EXPECT_EQ(judge(400, "partial write: dropped=x").outcome, Outcome::drop);
  EXPECT_EQ(judge(422, "").outcome, Outcome::drop);
  EXPECT_EQ(judge(405, "").outcome, Outcome::drop);
}

TEST(Verdict, MissingDatabasesAndPoliciesAreCreated) {
  EXPECT_EQ(judge(404, R"({"error":"database not found: \"kpulse\""})").outcome, Outcome::create_database);
  EXPECT_EQ(judge(500, R"({"error":"retention policy not found: hires"})").outcome, Outcome::create_database);
}

TEST(Verdict, OverloadIsRetriedForEverAndServerErrorsAFewTimes) {
  for (const long status : {0L, 408L, 429L, 502L, 503L, 504L}) {
    EXPECT_EQ(judge(status, "").outcome, Outcome::retry) << status;
    EXPECT_EQ(judge(status, "").max_tries, 0U) << status;
  }
  EXPECT_EQ(judge(500, "engine: error").outcome, Outcome::retry);
  EXPECT_GT(judge(500, "engine: error").max_tries, 0U);
}

TEST(Verdict, RefusedCredentialsAndRedirectsHold) {
  for (const long status : {401L, 403L, 301L, 307L}) EXPECT_EQ(judge(status, "").outcome, Outcome::hold) << status;
}

TEST(Verdict, TooLargeIsHalved) {
  EXPECT_EQ(judge(413, "").outcome, Outcome::too_large);
}

TEST(Backoff, DoublesUpToItsMaximumWithTheUpperHalfAtRandom) {
  Backoff backoff(100ms, 350ms);
  EXPECT_EQ(backoff.next(0), 50ms);
  EXPECT_EQ(backoff.next(0.5), 150ms);
  EXPECT_EQ(backoff.next(0), 175ms);
  EXPECT_LE(backoff.next(0.999), 350ms);
  backoff.reset();
  EXPECT_EQ(backoff.next(0), 50ms);
}

TEST(Backoff, WhatTheServerAsksForCountsWhenItIsLongerButIsBounded) {
  EXPECT_EQ(delay_of(2000ms, 100ms), 2000ms);
  EXPECT_EQ(delay_of(0ms, 100ms), 100ms);
  EXPECT_EQ(delay_of(24h, 100ms), 5min);
}

}  // namespace
}  // namespace kpulse::influx
