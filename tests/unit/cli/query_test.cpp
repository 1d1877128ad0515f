#include "cli/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/url.h"

namespace kpulse::cli {
namespace {

constexpr std::string_view kTwoStatements = R"({"results":[
  {"statement_id":0,"series":[{"name":"m","tags":{"cpu":"1"},"columns":["time","a"],"values":[[1700000000000000001,7],[2,null]]}]},
  {"statement_id":1,"series":[{"name":"m","columns":["time","b","c"],"values":[[3,1.5,"x\"y"]]}]}]})";

TEST(Query, ReadsValuesTagsAndTheirStatement) {
  const auto answer = parse_answer(kTwoStatements);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->size(), 2U);
  const ResultSet& first = answer->front();
  EXPECT_EQ(first.statement, 0U);
  EXPECT_EQ(first.tag("cpu"), "1");
  EXPECT_EQ(first.integer(0, "time"), 1'700'000'000'000'000'001);
  EXPECT_EQ(first.integer(0, "a"), 7);
  EXPECT_EQ(answer->back().statement, 1U);
  EXPECT_EQ(answer->back().text(0, "c"), "x\"y");
  EXPECT_EQ(answer->back().integer(0, "b"), 1);
}

TEST(Query, ReadsWhatIsNotThereAsNothing) {
  const auto answer = parse_answer(kTwoStatements);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->front().integer(1, "a"), 0);
  EXPECT_EQ(answer->front().integer(9, "a"), 0);
  EXPECT_EQ(answer->front().integer(0, "zz"), 0);
  EXPECT_EQ(answer->front().text(0, "a"), "");
  EXPECT_EQ(answer->back().tag("cpu"), "");
}

TEST(Query, KeepsAnEmptyAnswerEmpty) {
  EXPECT_TRUE(parse_answer(R"({"results":[{"statement_id":0}]})")->empty());
}

TEST(Query, ReportsTheServersErrors) {
  EXPECT_EQ(parse_answer(R"({"error":"authorization failed"})").error().message, "authorization failed");
  EXPECT_EQ(parse_answer(R"({"results":[{"statement_id":0,"error":"database not found: x"}]})").error().message,
            "database not found: x");
  EXPECT_EQ(parse_answer(R"({"code":"unauthorized","message":"unauthorized access"})").error().message,
            "unauthorized access");
}

TEST(Query, RefusesWhatIsNoAnswerWithoutPrintingControlCharacters) {
  EXPECT_THAT(parse_answer("<html>\x1b").error().message, testing::HasSubstr("<html>\\x1b"));
  EXPECT_FALSE(parse_answer(R"({"results":[3]})"));
  EXPECT_FALSE(parse_answer("[]"));
  EXPECT_FALSE(parse_answer(""));
}

TEST(Query, GetsOverSeriesOfTheWrongShape) {
  const auto answer = parse_answer(
      R"({"results":[{"series":[1,{"tags":[],"columns":3,"values":{}},{"columns":["a"],"values":[3,[],[4]]}]}]})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->size(), 2U);
  EXPECT_EQ(answer->front().rows.size(), 0U);
  EXPECT_EQ(answer->back().integer(1, "a"), 0);
  EXPECT_EQ(answer->back().integer(2, "a"), 4);
}

TEST(Query, EscapesLiteralsAndUrls) {
  EXPECT_EQ(literal(R"(a'b\c)"), R"('a\'b\\c')");
  EXPECT_EQ(http::escape("a b&c=\"\xc3\xbc"), "a%20b%26c%3D%22%C3%BC");
}

TEST(Query, NamesWhatADatabaseUrlMayBe) {
  for (const char* url : {"", "http://", "ftp://x", "localhost:8086"}) {
    const auto http = Database::open({.url = url});
    ASSERT_FALSE(http) << url;
    EXPECT_EQ(http.error().exit_status(), 2);
  }
  EXPECT_EQ(Database::open({.url = "http://h:1//"})->target().url, "http://h:1");
}

TEST(Query, SaysWhichDatabaseDoesNotAnswer) {
  auto http = Database::open({.url = "http://127.0.0.1:1"});
  ASSERT_TRUE(http);
  EXPECT_THAT(query(*http, "SHOW DATABASES").error().message, testing::HasSubstr("http://127.0.0.1:1"));
}

}  // namespace
}  // namespace kpulse::cli
