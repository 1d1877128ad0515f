#include "probes/process/ranking.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

kp_thread thread(std::uint32_t pid, std::uint32_t tgid, std::uint64_t cpu_ns, std::uint64_t start = 1) {
  kp_thread thread{};
  thread.start = start;
  thread.cpu_ns = cpu_ns;
  thread.process.pid = pid;
  thread.process.tgid = tgid;
  return thread;
}

const Resource& resource(std::string_view name) {
  return *std::ranges::find(resources(), name, &Resource::name);
}

TEST(ProcessRanking, SaysNothingOfTheFirstReading) {
  ProcessRanking ranking;
  EXPECT_THAT(ranking.take(std::vector{thread(1, 1, 100)}), IsEmpty());
}

TEST(ProcessRanking, AddsUpWhatTheThreadsOfAProcessUsedSince) {
  ProcessRanking ranking;
  static_cast<void>(ranking.take(std::vector{thread(10, 10, 100), thread(11, 10, 50), thread(20, 20, 7)}));
  const auto uses = ranking.take(std::vector{thread(10, 10, 130), thread(11, 10, 51), thread(20, 20, 7)});
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].process.pid, 10U);
  EXPECT_EQ(uses[0].cpu_ns, 31U);
  EXPECT_EQ(uses[0].threads, 2U);
}

TEST(ProcessRanking, AThreadThatIsNewCountsFromItsBeginningAlsoWhenItsPidWasUsedBefore) {
  ProcessRanking ranking;
  static_cast<void>(ranking.take(std::vector{thread(10, 10, 1'000, 1)}));
  const auto uses = ranking.take(std::vector{thread(10, 10, 40, 2), thread(11, 11, 5)});
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_EQ(uses[0].cpu_ns, 40U);
  EXPECT_EQ(uses[1].cpu_ns, 5U);
}

/// Pids of a container are not in the order of those of the machine.
TEST(ProcessRanking, TakesThreadsInAnyOrderAndThoseThatCameOrWent) {
  ProcessRanking ranking;
  static_cast<void>(ranking.take(std::vector{thread(30, 10, 1), thread(10, 10, 100), thread(20, 20, 7)}));
  const auto uses = ranking.take(
      std::vector{thread(25, 20, 3), thread(30, 10, 5), thread(5, 5, 2), thread(10, 10, 101), thread(40, 10, 6)});
  ASSERT_THAT(uses, SizeIs(3));
  EXPECT_THAT((std::vector{uses[0].process.pid, uses[1].process.pid, uses[2].process.pid}), ElementsAre(5, 10, 20));
  EXPECT_THAT((std::vector{uses[0].cpu_ns, uses[1].cpu_ns, uses[2].cpu_ns}), ElementsAre(2, 1 + 4 + 6, 3));
  EXPECT_EQ(uses[1].threads, 3U);
}

TEST(ProcessRanking, ACounterThatWentDownIsNoUse) {
  ProcessRanking ranking;
  kp_thread before = thread(10, 10, 1);
  before.write_bytes = 4'096;
  kp_thread now = thread(10, 10, 2);
  static_cast<void>(ranking.take(std::vector{before}));
  EXPECT_EQ(ranking.take(std::vector{now}).at(0).write_bytes, 0U);
}

TEST(ProcessRanking, NamesTheLargestFirstAndNoneThatUsedNothing) {
  ProcessRanking ranking;
  static_cast<void>(ranking.take(std::vector<kp_thread>{}));
  kp_thread faulting = thread(4, 4, 0);
  faulting.minor_faults = 3;
  const auto uses = ranking.take(std::vector{thread(1, 1, 5), thread(2, 2, 9), thread(3, 3, 7), faulting});
  std::vector<std::uint32_t> pids;
  for (const ProcessUse* use : ProcessRanking::top(uses, resource("cpu"), 2)) pids.push_back(use->process.pid);
  EXPECT_THAT(pids, ElementsAre(2, 3));
  EXPECT_THAT(ProcessRanking::top(uses, resource("cpu"), 10), SizeIs(3));
  EXPECT_THAT(ProcessRanking::top(uses, resource("faults"), 10), SizeIs(1));
  EXPECT_THAT(ProcessRanking::top(uses, resource("io"), 10), IsEmpty());
}

}  // namespace
}  // namespace kpulse::probes
