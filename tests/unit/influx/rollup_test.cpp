#include "influx/rollup.h"

#include <gtest/gtest.h>

#include "influx/query.h"
#include "influx/rollup_runner.h"
#include "support/stand_in.h"

namespace kpulse::influx {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(DirtyBuckets, ABucketIsDueOnceItIsOverAndQuiet) {
  DirtyBuckets dirty;
  dirty.touch(100 * kSecond, 100 * kSecond, 5 * kSecond);
  EXPECT_EQ(dirty.take_due(111 * kSecond, 100 * kSecond), std::nullopt) << "over for one second only";
  EXPECT_EQ(dirty.take_due(112 * kSecond, 6 * kSecond), std::nullopt) << "written to a second ago";
  EXPECT_EQ(dirty.take_due(112 * kSecond, 7 * kSecond), 100 * kSecond);
  EXPECT_EQ(dirty.take_due(200 * kSecond, 100 * kSecond), std::nullopt) << "once is enough";
}

TEST(DirtyBuckets, LateDataMakesABucketDueAgain) {
  DirtyBuckets dirty;
  dirty.touch(105 * kSecond, 125 * kSecond, 0);
  EXPECT_EQ(dirty.size(), 3U);
  EXPECT_EQ(dirty.take_due(500 * kSecond, 10 * kSecond), 100 * kSecond);
  dirty.touch(101 * kSecond, 101 * kSecond, 20 * kSecond);
  EXPECT_EQ(dirty.take_due(500 * kSecond, 20 * kSecond), 110 * kSecond);
  EXPECT_EQ(dirty.take_due(500 * kSecond, 30 * kSecond), 100 * kSecond);
  EXPECT_EQ(dirty.take_due(500 * kSecond, 30 * kSecond), 120 * kSecond);
}

TEST(DirtyBuckets, AreBoundedAndLoseTheLatest) {
  DirtyBuckets dirty;
  EXPECT_EQ(dirty.touch(0, ~0ULL >> 1U, 0), 1U);
  EXPECT_EQ(dirty.size(), DirtyBuckets::kMaxBuckets);
  EXPECT_EQ(dirty.touch(1'000'000'000 * kSecond, 1'000'000'000 * kSecond, 0), 1U);
  EXPECT_EQ(dirty.size(), DirtyBuckets::kMaxBuckets);
  EXPECT_EQ(dirty.take_due(100 * kSecond, 100 * kSecond), 0U) << "the oldest stay";
}

TEST(RollupQuery, SumsUpByKindIntoTheRollupPolicy) {
  const std::string query = rollup_query(Version::v1, {.database = "k\"p", .policy = "hires"}, 100 * kSecond);
  EXPECT_NE(query.find(R"(SELECT sum("busy_ns") AS "busy_ns")"), std::string::npos);
  EXPECT_NE(query.find(R"(mean("busy_ratio") AS "busy_ratio")"), std::string::npos);
  EXPECT_NE(query.find(R"(max("wait_max_ns") AS "wait_max_ns")"), std::string::npos);
  EXPECT_NE(query.find(R"(last("rss_bytes") AS "rss_bytes")"), std::string::npos);
  EXPECT_NE(query.find(R"(sum("sum_ns") AS "sum_ns", max("max_ns") AS "max_ns")"), std::string::npos);
  EXPECT_NE(
      query.find(
          R"( INTO "k\"p"."rollup"."kpulse_sched" FROM "k\"p"."hires"."kpulse_sched" WHERE time >= 100000000000 AND time < 110000000000 GROUP BY time(10s), *)"),
      std::string::npos);
  EXPECT_NE(query.find(R"(SELECT sum("count") AS "count" INTO "k\"p"."rollup"."kpulse_sched_wait_le")"),
            std::string::npos);
  EXPECT_EQ(query.find("victim"), std::string::npos);
}

TEST(RollupQuery, ReadsTheDefaultPolicyWhenNoneIsNamed) {
  EXPECT_NE(rollup_query(Version::v1, {.database = "k"}, 0).find(R"(FROM "k".."kpulse_sched")"), std::string::npos);
}

TEST(RollupQuery, FluxWritesToTheRollupBucket) {
  const std::string query = rollup_query(Version::v2, {.org = "o", .bucket = "b\"x"}, 100 * kSecond);
  EXPECT_NE(query.find(R"(from(bucket: "b\"x") |> range(start: time(v: 100000000000), stop: time(v: 110000000000)))"),
            std::string::npos);
  EXPECT_NE(query.find(R"(fn: sum, timeSrc: "_start", createEmpty: false) |> to(bucket: "b\"x_rollup", org: "o"))"),
            std::string::npos);
  EXPECT_EQ(rollup_query(Version::v3, {}, 0), "");
}

TEST(RollupRunner, AsksAVersionTwoServerForTheRollupInFlux) {
  test::StandIn server("v2.7.1");
  RollupRunner runner({.url = server.url(), .org = "o", .bucket = "b", .token = "t"}, {}, true);
  runner.set_version(Version::v2);
  runner.touch(100 * kSecond, 100 * kSecond);
  ASSERT_TRUE(server.wait_for(1));
  const kpulse::test::Seen seen = server.seen()[0];
  EXPECT_EQ(seen.target, "/api/v2/query?org=o");
  EXPECT_NE(seen.headers.find("Content-Type: application/vnd.flux"), std::string::npos);
  EXPECT_NE(seen.headers.find("Authorization: Token t"), std::string::npos);
  EXPECT_EQ(seen.body, rollup_query(Version::v2, {.org = "o", .bucket = "b"}, 100 * kSecond));
  EXPECT_EQ(server.mistakes(), 0);
}

}  // namespace
}  // namespace kpulse::influx
