// The culprits of all worst waits, against the scheduler's own trace, under mixed loads.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <iostream>
#include <string>

#include "base/clock.h"
#include "kernel/kernel_trace.h"
#include "kernel/sched_trace.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kWorthAsking = 1 * kMs;
/// The run queue's clock stands still from a wakeup that preempts to the switch that it causes
/// (rq_clock_skip_update()), so what comes then has had the CPU that much longer, by the kernel's account, than by the
/// trace's time: a microsecond or two as a rule, seldom this much.
constexpr std::uint64_t kClockStands = 40'000, kClockStandsAsARule = 2'000;

/// What the wall clock is ahead of the trace's. Whoever reads the two is taken off its CPU now and then, in between.
std::uint64_t wall_ahead_ns() {
  std::uint64_t ahead = 0, least = ~0ULL;
  for (int reading = 0; reading < 100; ++reading) {
    const std::uint64_t before = monotonic_ns(), wall = wall_ns(), took = monotonic_ns() - before;
    if (took >= least) continue;
    least = took;
    ahead = wall - before;
  }
  return ahead;
}

/// A pair that talks: short runs, short sleeps.
void talk(std::uint64_t until) {
  ping_pong(until, 50us);
}

void bursts(std::uint64_t until, std::uint64_t run_ns, unsigned pause_us) {
  while (wall_ns() < until) {
    spin_until(wall_ns() + run_ns);
    usleep(pause_us);
  }
}

void programs(std::uint64_t until) {
  while (wall_ns() < until) {
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(92);
    }
    waitpid(pid, nullptr, 0);
  }
}

void real_time_bursts(std::uint64_t until) {
  become_real_time(5);
  bursts(until, 3 * kMs, 15'000);
}

struct Part {
  int count;
  int nice;
  void (*work)(std::uint64_t until);
};

struct Mix {
  std::string name;
  std::vector<Part> parts;
};

const std::array<Mix, 3> kMixes{{
    {"hogs, bursts and pairs that talk",
     {{2, 0, spin_until}, {2, 0, talk}, {3, 0, [](std::uint64_t until) { bursts(until, kMs, 2'000); }}}},
    {"programs that come and go beside hogs", {{2, 5, spin_until}, {3, 0, programs}}},
    {"real-time bursts before hogs of different weight",
     {{1, 0, real_time_bursts}, {1, 0, spin_until}, {2, 10, spin_until}, {1, 0, talk}}},
}};

class Blame : public testing::TestWithParam<std::size_t> {
 protected:
  /// What the trace says of a row. A task that has as much of the wait as the one that is named is as good a culprit,
  /// as far as a trace of microseconds can tell.
  struct Verdict {
    int asked = 0, agreed = 0, stolen = 0, not_in_trace = 0;
    std::string disagreements;
  };

  /// Of a wait that ended in this window: what the hypervisor took away, which the trace cannot see, and which no task
  /// had.
  static std::uint64_t stolen_in(const Watch& watch, std::uint32_t cpu, std::uint64_t window, std::uint64_t wait) {
    return watch.sum(cpu, id::kStolen, window - wait / watch.window_ns() - 1, window + 1);
  }

  /// `ahead`: of the wall clock, before the trace's.
  static void judge(const Watch& watch, const SchedTrace& trace, std::uint32_t number, std::uint64_t window,
                    std::uint64_t ahead, Verdict& verdict) {
    const WindowRow& row = watch.rows(number).at(window);
    const int cpu = static_cast<int>(number);
    const std::uint64_t wait = row[id::kWaitMax], mono = window * watch.window_ns() - ahead;
    const auto victim = static_cast<pid_t>(watch.task(row[id::kVictim]).pid);
    const Task& culprit = watch.task(row[id::kCulprit]);
    const std::uint64_t came = trace.arrival(cpu, victim, mono, mono + watch.window_ns(), wait);
    if (came == 0) {
      ++verdict.not_in_trace;
      return;
    }
    ++verdict.asked;
    const auto shares = trace.shares(trace.longest_piece(cpu, victim, came - wait, came));
    const auto most = std::ranges::max_element(shares, {}, [](const auto& share) { return share.second.ns; });
    if (is_no_task_at_all(culprit)) {
      ++verdict.stolen;
      return;
    }
    const auto named = shares.find(static_cast<pid_t>(culprit.pid));
    const SchedTrace::Share share = named == shares.end() ? SchedTrace::Share{} : named->second;
    const std::uint64_t shifted = kClockStands + kClockStandsAsARule * (share.pieces + most->second.pieces) +
                                  stolen_in(watch, number, window, wait);
    if (share.ns + shifted >= most->second.ns) {
      ++verdict.agreed;
      return;
    }
    verdict.disagreements +=
        fmt::format("{} us of {}: {}({}) is said to have had {} us, the trace says {}, and {} with {} us\n",
                    wait / 1'000, watch.task(row[id::kVictim]).comm, culprit.comm, culprit.pid,
                    row[id::kCulpritTime] / 1'000, share.ns / 1'000, most->first, most->second.ns / 1'000);
  }
};

TEST_P(Blame, TheCulpritIsWhoHadMostOfTheWaitInTheTrace) {
  KPULSE_NEED_BPF();
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  const Mix& mix = kMixes.at(GetParam());
  Watch watch(10ms);
  SchedTrace trace;
  const std::uint64_t until = wall_ns() + 3'000 * kMs;
  std::deque<Child> load;
  for (const Part& part : mix.parts) {
    for (int number = 0; number < part.count; ++number) {
      load.emplace_back(ChildOptions{.name = "kp_mix", .nice = part.nice}, [=](Account&) {
        allow_all_cpus();
        part.work(until);
      });
    }
  }
  watch.run_for(500ms);
  const std::uint64_t first = watch.taken();
  watch.run_for(2s);
  const std::uint64_t end = watch.taken();
  trace.stop();
  Verdict verdict;
  const std::uint64_t ahead = wall_ahead_ns();
  for (const std::uint32_t cpu : watch.cpus()) {
    for (const auto& [window, row] : watch.rows(cpu)) {
      if (window >= first && window < end - 5 && row[id::kWaitMax] >= kWorthAsking)
        judge(watch, trace, cpu, window, ahead, verdict);
    }
  }
  const std::string all =
      fmt::format("{}: {} waits, {} agreed, {} stolen, {} not in the trace\n{}", mix.name, verdict.asked,
                  verdict.agreed, verdict.stolen, verdict.not_in_trace, verdict.disagreements);
  std::cout << all;
  EXPECT_GT(verdict.asked, 50) << all;
  // A crowd larger than a CPU's memory of stints, and switches that a sandbox hides from us but not from the trace.
  EXPECT_GE(verdict.agreed * 100, (verdict.asked - verdict.stolen) * 95) << all;
  // A wait that the trace does not know is none.
  EXPECT_LE(verdict.not_in_trace * 100, (verdict.asked + verdict.not_in_trace) * 5) << all;
}

INSTANTIATE_TEST_SUITE_P(Mixes, Blame, testing::Values(0, 1, 2));

}  // namespace
}  // namespace kpulse::test
