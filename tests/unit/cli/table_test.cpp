#include "cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpulse::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

ResultSet result(std::size_t statement, const char* cpu, std::vector<std::string> columns,
                 std::vector<std::vector<Value>> rows) {
  return {.statement = statement, .tags = {{"cpu", cpu}}, .columns = std::move(columns), .rows = std::move(rows)};
}

Value number(std::int64_t value) {
  return value;
}
Value text(const char* value) {
  return std::string(value);
}

const Span kSecond{.host = "vm1", .from_ns = 5'000'000'000, .to_ns = 6'000'000'000};
const std::vector<std::string> kWorst{"time", "wait_max", "victim_comm", "victim_pid", "culprit_comm", "culprit_pid"};

TEST(Table, ComputesBusyAndSwitchesOfTheSpan) {
  const auto rows =
      make_rows({result(0, "0", {"busy", "idle", "switches"}, {{number(250), number(750), number(1234)}})}, kSecond);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_DOUBLE_EQ(rows[0].busy_ratio, 0.25);
  EXPECT_DOUBLE_EQ(rows[0].switches_per_s, 1234);
}

TEST(Table, WeighsMediansByWaitsAndTakesTheLargestP99) {
  const auto rows = make_rows({result(2, "0", {"count", "p50_ns", "p99_ns"},
                                      {{number(3), number(100), number(900)}, {number(1), number(500), number(700)}}),
                               result(1, "0", {"wait_max"}, {{number(950)}})},
                              kSecond);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].wait_p50_ns, 200U);
  EXPECT_EQ(rows[0].wait_p99_ns, 900U);
}

TEST(Table, KeepsQuantilesAtOrBelowTheLargestWait) {
  const auto rows = make_rows({result(2, "0", {"count", "p50_ns", "p99_ns"}, {{number(1), number(960), number(960)}}),
                               result(1, "0", {"wait_max"}, {{number(950)}})},
                              kSecond);
  EXPECT_EQ(rows.at(0).wait_p50_ns, 950U);
  EXPECT_EQ(rows.at(0).wait_p99_ns, 950U);
}

TEST(Table, NamesVictimAndCulpritOfTheLongestWait) {
  const auto rows = make_rows(
      {result(1, "0", kWorst, {{number(1), number(4000), text("v\x1b"), number(7), text("stress"), number(9)}})},
      kSecond);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].victim, "v\\x1b(7)");
  EXPECT_EQ(rows[0].culprit, "stress(9)");
}

TEST(Table, CallsACulpritWithoutPidIdleAndNamesNobodyWithoutAWait) {
  const auto idle = make_rows(
      {result(1, "0", kWorst, {{number(1), number(4000), text("v"), number(7), text(""), number(0)}})}, kSecond);
  EXPECT_EQ(idle.at(0).culprit, "idle");
  const auto none =
      make_rows({result(1, "0", kWorst, {{number(1), number(0), text(""), number(0), text(""), number(0)}})}, kSecond);
  EXPECT_EQ(none.at(0).victim, "");
  EXPECT_EQ(none.at(0).culprit, "");
}

TEST(Table, OrdersCpusByNumber) {
  const std::vector<std::string> columns{"busy"};
  const auto rows =
      make_rows({result(0, "10", columns, {}), result(0, "2", columns, {}), result(0, "0", columns, {})}, kSecond);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].cpu + rows[1].cpu + rows[2].cpu, "0210");
}

TEST(Table, AsksForOneHostAndAHalfOpenSpan) {
  const std::string statements = table_statements({.host = "a'b", .from_ns = 5, .to_ns = 9});
  EXPECT_THAT(statements, HasSubstr(R"("host" = 'a\'b' AND time >= 5 AND time < 9)"));
  EXPECT_EQ(std::count(statements.begin(), statements.end(), ';'), 2);
}

TEST(Table, PutsValuesUnderTheirHeaders) {
  const CpuRow row{.cpu = "1",
                   .busy_ratio = 0.5,
                   .switches_per_s = 1234,
                   .wait_p50_ns = 3100,
                   .wait_p99_ns = 1'200'000,
                   .wait_max_ns = 4'000'000,
                   .victim = "kworker/0:1-events_power_efficient(123)",
                   .culprit = "stress(9)"};
  const std::string line = table_line(row);
  const std::string header = table_header();
  EXPECT_EQ(line.find("50.0%") + 5, header.find("BUSY") + 4);
  EXPECT_EQ(line.find("4.00ms") + 6, header.find("MAX") + 3);
  EXPECT_EQ(line.find("kworker"), header.find("VICTIM"));
  EXPECT_EQ(line.find("stress"), header.find("CULPRIT"));
  EXPECT_THAT(line, Not(HasSubstr("efficient")));
}

}  // namespace
}  // namespace kpulse::cli
