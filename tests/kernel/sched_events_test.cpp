// Counts and names: switches, forks, execs, exits, migrations, victim and culprit, and what is said when records are
// lost.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cgroups/hierarchy.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

/// A counter of /proc/stat, read within these windows. When next to nothing happens in them, a sum over windows between
/// two readings is the difference of the two.
struct Reading {
  std::uint64_t window = 0, end = 0, value = 0;
};

Reading read(const Watch& watch, const std::string& key) {
  const std::uint64_t before = wall_ns(), value = proc_stat(key), after = wall_ns();
  return {.window = watch.window_at(before) - 1, .end = watch.window_at(after) + 2, .value = value};
}

/// What happened between two readings was counted, once, less what a sandbox hides. Each CPU may have one event in
/// hand: in the kernel's counter already, and not in a window yet, or the other way round.
void expect_equal(const Watch& watch, std::uint32_t field, const Reading& begin, const Reading& end,
                  std::uint64_t hidden) {
  const std::uint64_t truth = end.value - begin.value, in_hand = watch.cpus().size();
  const std::uint64_t least = watch.sum(field, begin.end, end.window), most = watch.sum(field, begin.window, end.end);
  std::printf("%lu to %lu counted, %lu in /proc/stat, %lu hidden\n", least, most, truth, hidden);
  EXPECT_LE(least, truth + in_hand);
  EXPECT_GE(most + in_hand + hidden, truth);
}

/// Has the second thread of a process start a program: it gets the pid of the first one, which ends.
void exec_in_a_thread() {
  const pid_t pid = fork();
  if (pid == 0) {
    std::thread([] {
      execl("/bin/sleep", "sleep", "0.005", nullptr);
      _exit(1);
    }).join();
  }
  int status = 0;
  waitpid(pid, &status, 0);
}

TEST(SchedEvents, AThreadThatGetsTheFirstOnesPidByExecIsStillTheTaskThatItWas) {
  KPULSE_NEED_BPF();
  const std::uint64_t execs = emulated() ? 30 : 100;
  Watch watch(10ms);
  watch.run_for(200ms);
  const std::uint64_t first = watch.taken(), hidden_before = watch.sampler().intake().switches_missed;
  Child load({.name = "kp_exec", .cpu = test_cpu()}, [=](Account&) {
    for (std::uint64_t count = 0; count < execs; ++count) exec_in_a_thread();
  });
  ASSERT_TRUE(watch.run_until([&] { return load.finished(); }));
  watch.catch_up();
  EXPECT_GE(watch.sum(id::kExecs, first, watch.taken()), execs);
  const std::uint64_t partial = watch.sum(test_cpu(), id::kWaitsPartial, first, watch.taken()),
                      missed = watch.sampler().intake().switches_missed - hidden_before;
  std::printf("%lu waits known in part, %lu switches missed\n", partial, missed);
  EXPECT_LT(partial, execs / 2);
  EXPECT_LT(missed, execs / 2);
}

TEST(SchedEvents, SwitchesOfFiveSecondsEqualProcStat) {
  KPULSE_NEED_BPF();
  Watch watch(10ms);
  watch.run_for(100ms);
  const Reading begin = read(watch, "ctxt");
  const std::uint64_t hidden_before = watch.sampler().intake().switches_missed;
  watch.run_for(50ms);
  Child load({.name = "kp_pingpong", .cpu = test_cpu()}, [](Account&) { ping_pong(wall_ns() + 5'000'000'000); });
  ASSERT_TRUE(watch.run_until([&] { return load.finished(); }));
  watch.run_for(50ms);
  const Reading end = read(watch, "ctxt");
  watch.catch_up();
  // A sandbox hides what its own tasks do. Their switches are noticed, and counted, when a task that is shown comes
  // next, but not when one goes to another.
  expect_equal(watch, id::kSwitches, begin, end, watch.sampler().intake().switches_missed - hidden_before);
  EXPECT_GT(end.value - begin.value, 1'000U);
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, begin.window, end.end); };
  EXPECT_LE(sum(id::kVoluntary) + sum(id::kInvoluntary), sum(id::kSwitches));
}

TEST(SchedEvents, ForksEqualProcStatAndExecsAndExitsAreCounted) {
  KPULSE_NEED_BPF();
  constexpr int kChildren = 50;
  Watch watch(10ms);
  watch.run_for(50ms);
  const Reading begin = read(watch, "processes");
  watch.run_for(50ms);
  Child maker({.name = "kp_maker"}, [](Account& account) {
    for (int child = 0; child < kChildren; ++child) {
      const pid_t pid = fork();
      if (pid == 0) {
        execl("/bin/true", "true", nullptr);
        _exit(92);
      }
      int status = 0;
      if (waitpid(pid, &status, 0) == pid && status == 0) ++account.mark_count;
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return maker.finished(); }));
  ASSERT_EQ(maker.account().mark_count, static_cast<std::uint64_t>(kChildren));
  watch.run_for(50ms);
  const Reading end = read(watch, "processes");
  watch.catch_up();
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, begin.window, end.end); };
  EXPECT_GE(end.value - begin.value, kChildren);
  expect_equal(watch, id::kForks, begin, end, 0);
  EXPECT_GE(sum(id::kExecs), kChildren);
  EXPECT_GE(sum(id::kExits), kChildren);
}

TEST(SchedEvents, MigrationsAreCounted) {
  KPULSE_NEED_BPF();
  if (test_cpu() == 0) GTEST_SKIP() << "needs two CPUs";
  constexpr int kMoves = 100;
  Watch watch(10ms);
  watch.catch_up();
  const std::uint64_t first = watch.window_at(wall_ns());
  std::thread([other = test_cpu()] {
    for (int move = 0; move < kMoves; ++move) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<std::size_t>(move % 2 == 0 ? other : 0), &set);
      sched_setaffinity(0, sizeof(set), &set);
    }
  }).join();
  watch.catch_up();
  EXPECT_GE(watch.sum(id::kMigrations, first, watch.window_at(wall_ns()) + 1), kMoves - 1);
}

TEST(SchedEvents, WindowsThatDidNotFitIntoTheRingBufferAreAbsentAndCounted) {
  KPULSE_NEED_BPF();
  std::vector<std::unique_ptr<probes::Probe>> sched;  // the others lose windows of their own
  sched.push_back(std::make_unique<probes::SchedProbe>());
  Watch watch(1ms, std::move(sched));
  watch.catch_up();
  std::atomic<bool> full = false;
  std::array<std::thread, 2> loads;
  for (int cpu = 0; cpu < 2; ++cpu) {
    loads[static_cast<std::size_t>(cpu)] = std::thread([&] {
      while (!full) std::this_thread::sleep_for(300us);  // an event in every window, on most CPUs
    });
  }
  const std::uint64_t limit = monotonic_ns() + 60'000'000'000;
  while (watch.sampler().intake().ring_dropped < 100 && monotonic_ns() < limit) usleep(10'000);  // nothing is drained
  full = true;
  for (auto& load : loads) load.join();
  watch.catch_up();
  watch.run_for(1100ms);  // as long as they may still come
  const probes::Intake intake = watch.sampler().intake();
  EXPECT_GT(intake.ring_dropped, 0U);
  const std::uint64_t absent = watch.absent();
  EXPECT_EQ(absent, intake.windows_lost);
  EXPECT_GE(absent, intake.ring_dropped);
}

}  // namespace
}  // namespace kpulse::test
