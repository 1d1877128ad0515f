#include "cli/sections.h"

#include <gmock/gmock.h>

#include "cli/cells.h"

namespace kpulse::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Tags = std::map<std::string, std::string, std::less<>>;

const Span kSecond{.host = "vm1", .from_ns = 5'000'000'000, .to_ns = 6'000'000'000};

ResultSet result(std::size_t statement, Tags tags, std::vector<std::pair<std::string, Value>> cells) {
  ResultSet set{.statement = statement, .tags = std::move(tags), .columns = {}, .rows = {{}}};
  for (auto& [column, value] : cells) {
    set.columns.push_back(column);
    set.rows[0].push_back(std::move(value));
  }
  return set;
}

Value whole(std::int64_t value) {
  return value;
}
Value text(const char* value) {
  return std::string(value);
}

TEST(Sections, ShowNothingWhenTheDatabaseHasNothing) {
  EXPECT_THAT(section_lines({}, kSecond), IsEmpty());
}

TEST(Sections, ADiskHasMeansOfItsIosAndTheSubmitterOfTheWorst) {
  const Tags tags{{"device", "vda"}, {"op", "read"}};
  const auto lines = section_lines(
      {result(0, tags,
              {{"ios", whole(4)}, {"bytes", whole(16'384)}, {"queue", whole(4'000)}, {"device", whole(8'000'000)}}),
       result(1, tags, {{"worst", whole(5'000'000)}, {"submitter_comm", text("fio")}, {"submitter_pid", whole(7)}})},
      kSecond);
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("vda read"), HasSubstr("16.0K"), HasSubstr("1.00us"), HasSubstr("2.00ms"),
                                    HasSubstr("5.00ms"), HasSubstr("fio(7)"))));
}

TEST(Sections, CpusForWhichTasksWaitNameWhoWaitsAndWhoHasTheCpuTheLongestWaitFirst) {
  const auto waiting = [](const char* cpu, std::int64_t tasks, std::int64_t longest_ns) {
    return result(9, {{"cpu", cpu}},
                  {{"waiting", whole(tasks)},
                   {"longest_ns", whole(longest_ns)},
                   {"task_comm", text("starved")},
                   {"task_pid", whole(7)},
                   {"running_comm", text("hog")},
                   {"running_pid", whole(8)}});
  };
  const auto lines =
      section_lines({waiting("0", 0, 0), waiting("1", 2, 30'000'000), waiting("2", 3, 2'500'000'000)}, kSecond);
  ASSERT_EQ(lines.size(), 2U + 2U);
  EXPECT_THAT(lines[2], AllOf(HasSubstr("CPU 2 "), HasSubstr(" 3 "), HasSubstr("2.50s"), HasSubstr("starved(7)"),
                              HasSubstr("hog(8)")));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("CPU 1 "), HasSubstr("30.0ms")));
}

TEST(Sections, DisksWithAnOldIoInFlightNameWhoSubmittedItTheOldestFirst) {
  const auto flight = [](const char* device, std::int64_t oldest_ns, std::int64_t at_device_ns) {
    return result(10, {{"device", device}, {"op", "write"}},
                  {{"in_flight", whole(3)},
                   {"oldest_ns", whole(oldest_ns)},
                   {"oldest_device_ns", whole(at_device_ns)},
                   {"submitter_comm", text("dd")},
                   {"submitter_pid", whole(7)}});
  };
  const auto lines = section_lines({flight("vda", 19'000'000, 18'000'000), flight("vdb", 20'000'000, 0),
                                    flight("vdc", 31'000'000'000, 2'500'000'000)},
                                   kSecond);
  ASSERT_EQ(lines.size(), 4U) << "an empty one, the header, and the two that are old";
  EXPECT_THAT(lines[1], HasSubstr("STILL IN FLIGHT"));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("vdc write"), HasSubstr(" 3 "), HasSubstr("31.0s"), HasSubstr("2.50s"),
                              HasSubstr("dd(7)")));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("vdb write"), HasSubstr("20.0ms")));
}

TEST(Sections, ADiskWithoutAnIoIsLeftOut) {
  EXPECT_THAT(section_lines({result(0, {{"device", "vda"}, {"op", "read"}}, {{"ios", whole(0)}})}, kSecond), IsEmpty());
}

TEST(Sections, MemoryNamesWhoWasStalledAndWhoWasKilled) {
  const auto lines = section_lines(
      {result(
           2, {},
           {{"user", whole(900)}, {"kernel", whole(100)}, {"direct", whole(1'000'000)}, {"memcg", whole(2'000'000)}}),
       result(3, {}, {{"worst", whole(40'000'000)}, {"stalled_comm", text("java")}, {"stalled_pid", whole(12)}}),
       result(4, {}, {{"victim_comm", text("eater")}, {"victim_pid", whole(99)}, {"anon_bytes", whole(1 << 20)}})},
      kSecond);
  EXPECT_THAT(lines,
              Contains(AllOf(HasSubstr("1000"), HasSubstr("3.00ms"), HasSubstr("40.0ms"), HasSubstr("java(12)"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("OUT OF MEMORY: eater(99)"), HasSubstr("1.00M"))));
}

TEST(Sections, CgroupsAreTheFiveBusiestWithNothingInTheirNamesThatATerminalActsOn) {
  std::vector<ResultSet> answer;
  for (int index = 0; index < 7; ++index) {
    answer.push_back(
        result(5, {{"cgroup", "/g" + std::to_string(index) + "\x1b"}}, {{"cpu", whole(1'000'000 * index)}}));
  }
  const auto lines = section_lines(answer, kSecond);
  ASSERT_EQ(lines.size(), 2U + 5U);
  EXPECT_THAT(lines[2], HasSubstr("/g6\\x1b"));
  EXPECT_THAT(lines[6], HasSubstr("/g2"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("\x1b"))));
}

TEST(Sections, WhatAMachineCannotMeasureIsADash) {
  const auto lines =
      section_lines({result(2, {}, {{"user", whole(900)}, {"direct", whole(5)}, {"memcg", whole(0)}})}, kSecond);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[2], testing::MatchesRegex(" +- +- +5ns +- +0 *"));
}

TEST(Sections, ACgroupHasItsFaultsItsIoAndTheTimeItsTasksWereStalled) {
  const Tags web{{"cgroup", "/web"}}, idle{{"cgroup", "/idle"}};
  const auto lines =
      section_lines({result(5, web, {{"cpu", whole(5'000'000)}}), result(5, idle, {{"cpu", whole(1'000'000)}}),
                     result(7, web,
                            {{"faults", whole(1'234)},
                             {"direct", whole(1'000'000)},
                             {"memcg", whole(2'000'000)},
                             {"compaction", whole(4'000'000)}}),
                     result(8, web, {{"ios", whole(56)}})},
                    kSecond);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[1], AllOf(HasSubstr("FAULTS/S"), HasSubstr("STALLED"), testing::SizeIs(testing::Le(80U))));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("/web"), HasSubstr(" 1234 "), HasSubstr(" 7.00ms "), testing::EndsWith(" 56")));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("/idle"), testing::EndsWith(" 0         0        0")));
}

TEST(Sections, AProcessHasItsPartOfTheTimeThatItsRowCovers) {
  const auto lines = section_lines({result(6, {{"rank", "1"}},
                                           {{"cpu_ns", whole(500'000'000)},
                                            {"interval_ns", whole(2'000'000'000)},
                                            {"process_comm", text("gcc")},
                                            {"process_pid", whole(5)}})},
                                   kSecond);
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("gcc(5)"), HasSubstr("25.0%"))));
}

TEST(Cells, BytesHaveThreeDigitsAndABinaryUnit) {
  EXPECT_THAT((std::vector{short_bytes(0), short_bytes(1'023), short_bytes(1'024), short_bytes(10'240),
                           short_bytes(300U << 20U), short_bytes(~0ULL)}),
              ElementsAre("0", "1023B", "1.00K", "10.0K", "300M", "16.0E"));
}

}  // namespace
}  // namespace kpulse::cli
