// Waits of tasks that are moved from CPU to CPU: whole, equal to what the kernel adds to the tasks' own run_delay, to
// the ns.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <functional>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/clock.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

constexpr std::uint64_t kMs = 1'000'000;
constexpr int kAttempts = 10;

void allow_cpus(pid_t pid, std::initializer_list<int> cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(pid, sizeof(set), &set);
}

/// What a task waited while it was in the cgroup. It can read its own account only a little before and after it comes
/// and goes, so the truth lies between two readings; mostly they are equal.
struct Truth {
  std::uint64_t at_least = 0, at_most = 0;
};

/// Joins the cgroup, works, and leaves it again. The marks are the account at the four places; while they are made, the
/// others sleep.
std::function<void(Account&)> inside(const TestCgroup& cgroup, const TestCgroup& outside, std::uint64_t begin,
                                     unsigned number, std::function<void()> work) {
  return [=, &cgroup, &outside](Account& account) {
    account.marks[0] = own_wait_ns();
    cgroup.join();
    account.marks[1] = own_wait_ns();
    sleep_until(begin);
    work();
    usleep(20'000 * number);
    account.marks[2] = own_wait_ns();
    outside.join();
    account.marks[3] = own_wait_ns();
  };
}

Truth truth_of(const Child& child) {
  const auto& marks = child.account().marks;
  return {.at_least = marks[2] - marks[1], .at_most = marks[3] - marks[0]};
}

/// Short runs and short sleeps, so that the scheduler has something to balance.
void run_and_sleep(std::uint64_t until, unsigned seed) {
  std::minstd_rand random(seed);
  while (wall_ns() < until) {
    spin_until(wall_ns() + random() % (4 * kMs));
    if (random() % 4 == 0) usleep(static_cast<useconds_t>(random() % 3'000));
  }
}

using Load = std::function<void(std::uint64_t until, unsigned seed)>;

/// Moves tasks from CPU to CPU while they run, wait or sleep, at a real-time priority: every half millisecond another
/// one, to and fro.
class Mover {
 public:
  Mover(const std::deque<Child>& children, std::uint64_t begin, std::uint64_t until)
      : thread_([&children, begin, until] {
          const sched_param parameter{.sched_priority = 50};
          pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter);
          sleep_until(begin);
          for (unsigned round = 0; wall_ns() < until; ++round) {
            const Child& child = children[round % children.size()];
            allow_cpus(child.pid(), {round / children.size() % 2 == 0 ? 0 : test_cpu()});
            std::this_thread::sleep_for(500us);
          }
        }) {}

 private:
  std::jthread thread_;
};

/// Switches a CPU off and on again: who waits for it or runs on it is moved.
class Switcher {
 public:
  Switcher(int cpu, std::uint64_t begin, std::uint64_t until)
      : thread_([cpu, begin, until] {
          sleep_until(begin);
          while (wall_ns() < until) {
            const Offline offline(cpu);
            std::this_thread::sleep_for(20ms);
            offline.end();
            std::this_thread::sleep_for(20ms);
          }
        }) {}

 private:
  std::jthread thread_;
};

class MovedTasks : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
    if (test_cpu() == 0) GTEST_SKIP() << "needs two CPUs";
  }

  enum class By { kScheduler, kMover, kSwitcher };

  /// Runs six tasks in a cgroup of their own. What was waited in the cgroup is what the kernel has for its tasks, to
  /// the ns.
  void expect_whole_waits(const Load& load, By moved = By::kScheduler, std::uint64_t least_ns = 100 * kMs) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (compare(attempt, load, moved, least_ns)) return;
    }
    FAIL() << "the kernel hid switches of these tasks each time";
  }

 private:
  /// False when there was nothing to compare: a sandbox that hides some switches (they are counted) may have hidden the
  /// last one of a task.
  bool compare(int attempt, const Load& load, By moved, std::uint64_t least_ns) {
    Watch watch(10ms);
    watch.catch_up();
    const TestCgroup cgroup(name_of("moved", attempt)), outside(name_of("outside", attempt));
    cgroup.allow_real_time();
    outside.allow_real_time();
    const std::uint64_t first = watch.window_at(wall_ns()), begin = wall_ns() + 300 * kMs, until = begin + 1500 * kMs;
    const int cpu = test_cpu();
    std::deque<Child> children;
    for (unsigned seed = 1; seed <= 6; ++seed) {
      children.emplace_back(ChildOptions{.name = "kp_moved"}, inside(cgroup, outside, begin, seed, [=] {
                              allow_cpus(0, {0, cpu});
                              load(until, seed);
                            }));
    }
    std::optional<Mover> mover;
    std::optional<Switcher> switcher;
    if (moved == By::kMover) mover.emplace(children, begin, until);
    if (moved == By::kSwitcher) switcher.emplace(cpu, begin, until);
    const auto all_finished = [&] {
      return std::ranges::all_of(children, [](Child& child) { return child.finished(); });
    };
    if (!watch.run_until(all_finished)) throw std::runtime_error("the tasks did not end");
    watch.catch_up();
    Truth truth;
    for (const Child& child : children) {
      truth.at_least += truth_of(child).at_least;
      truth.at_most += truth_of(child).at_most;
    }
    const std::uint64_t counted = watch.total(ids::kCgroupSched, cgroup.path(), ids::cgroup_sched::kWait);
    // Where the kernel takes sleep for waiting (6.12 and later), such waits are left out, and how long they were is
    // said.
    const std::uint64_t discarded = watch.sum(id::kDiscarded, first, watch.window_at(wall_ns()) + 1);
    const std::string all = fmt::format("{} ns counted, {} to {} in the tasks' accounts, {} discarded", counted,
                                        truth.at_least, truth.at_most, discarded);
    if (watch.sampler().intake().switches_missed > 0 &&
        (counted > truth.at_most || counted + discarded < truth.at_least)) {
      std::cout << all << ", and switches were hidden\n";
      return false;
    }
    EXPECT_LE(counted, truth.at_most) << all;
    EXPECT_GE(counted + discarded, truth.at_least) << all;
    EXPECT_GT(counted, least_ns) << "they hardly waited";
    return true;
  }
};

TEST_F(MovedTasks, WhoMayRunOnOneCpuOnly) {
  expect_whole_waits([](std::uint64_t until, unsigned seed) {
    allow_cpus(0, {test_cpu()});
    run_and_sleep(until, seed);
  });
}

/// Whom it moves while they wait, if anybody, is its own affair: on a busy machine it may be nobody.
TEST_F(MovedTasks, WhomTheSchedulerBalances) {
  expect_whole_waits(run_and_sleep);
}

/// Thousands are moved while they wait: 40 % of their waiting is before a move.
TEST_F(MovedTasks, WhoseAffinityChangesAllTheTime) {
  expect_whole_waits(run_and_sleep, By::kMover);
}

TEST_F(MovedTasks, WhoseCpuIsSwitchedOff) {
  if (!emulated()) GTEST_SKIP() << "switches a CPU off: only in a machine of its own";
  expect_whole_waits(run_and_sleep, By::kSwitcher);
}

TEST_F(MovedTasks, OfTheRealTimeClassThatArePushedAndPulled) {
  const Load load = [](std::uint64_t until, unsigned seed) {
    become_real_time(static_cast<int>(seed));
    std::minstd_rand random(seed);
    while (wall_ns() < until) {  // together below the 95 % that the kernel leaves to real-time tasks
      spin_until(wall_ns() + random() % (2 * kMs));
      usleep(static_cast<useconds_t>(4'000 + random() % 3'000));
    }
  };
  expect_whole_waits(load, By::kScheduler, 10 * kMs);  // less where timers are late
}

TEST(SchedWaits, OfTasksThatWereThereBeforeTheProbeTheFirstIsKnownAsAWhole) {
  KPULSE_NEED_BPF();
  constexpr std::uint64_t kTasks = 40;
  const Shared<volatile std::uint32_t> go, asleep;
  std::deque<Child> children;
  for (std::uint64_t number = 0; number < kTasks; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_before", .cpu = test_cpu()}, [&](Account&) {
      __atomic_fetch_add(&*asleep, 1, __ATOMIC_RELAXED);
      while (*go == 0) syscall(SYS_futex, &*go, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    });
  }
  while (*asleep < kTasks) usleep(1'000);
  usleep(100'000);  // who does not sleep yet is seen to come
  Watch watch(10ms);
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns());
  *go = 1;
  syscall(SYS_futex, &*go, FUTEX_WAKE, kTasks, nullptr, nullptr, 0);
  const auto all_finished = [&] {
    return std::ranges::all_of(children, [](Child& child) { return child.finished(); });
  };
  ASSERT_TRUE(watch.run_until(all_finished));
  watch.catch_up();
  const std::uint64_t end = watch.taken();
  EXPECT_GE(watch.sum(id::kWaits, first, end), kTasks / 2);  // who was preempted when about to sleep has none
  EXPECT_LT(watch.sum(id::kWaitsPartial, first, end), kTasks / 4);  // others' as well, and of switches that a sandbox hides
}

/// Two accounts of the same waits. The cgroups' counters are read a little after the windows of the frame have ended.
TEST(SchedWaits, WhatAllCgroupsWaitedIsWhatTheWindowsHave) {
  KPULSE_NEED_BPF();
  Watch watch(10ms);
  watch.catch_up();
  std::deque<Child> load;
  const std::uint64_t until = wall_ns() + 2500 * kMs;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    load.emplace_back(ChildOptions{.name = "kp_load"}, [=](Account&) {
      allow_cpus(0, {0, test_cpu()});
      run_and_sleep(until, seed);
    });
  }
  const auto of_cgroups = [&] {
    std::uint64_t sum = 0;
    for (const std::string& cgroup : watch.tags(ids::kCgroupSched))
      sum += watch.total(ids::kCgroupSched, cgroup, ids::cgroup_sched::kWait);
    return sum;
  };
  watch.run_for(300ms);
  const std::uint64_t begin = watch.taken(), begin_read = watch.window_at(wall_ns()), before = of_cgroups();
  watch.run_for(1500ms);
  const std::uint64_t end = watch.taken(), end_read = watch.window_at(wall_ns()), waited = of_cgroups() - before;
  watch.catch_up();
  ASSERT_EQ(watch.absent(), 0U);
  EXPECT_GT(waited, 100 * kMs);
  EXPECT_GE(waited, watch.sum(id::kWait, begin_read + 1, end));
  EXPECT_LE(waited, watch.sum(id::kWait, begin, end_read + 1));
}

}  // namespace
}  // namespace kpulse::test
