// The two ways to measure run-queue waits, on the same events at the same time.
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "abi/histogram.h"
#include "base/clock.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/histogram.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::unique_ptr<probes::Probe>> one_probe(probes::WaitMethod method) {
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::make_unique<probes::SchedProbe>(method));
  return probes;
}

/// What has been recorded since.
std::vector<Bucket> since(const std::vector<Bucket>& before, std::vector<Bucket> now) {
  for (const Bucket& bucket : before) {
    const auto found = std::ranges::find(now, bucket.index, &Bucket::index);
    found->count -= bucket.count;
  }
  return now;
}

/// Bucket that holds the q-quantile.
std::uint64_t quantile_bucket(const std::vector<Bucket>& buckets, double q) {
  return kp_hist_bucket(quantile(buckets, q));
}

TEST(SchedMethods, SchedInfoAndWakeupStampsAgreeOnTheMedianAndTheNinetyNinthPercentile) {
  KPULSE_NEED_BPF();
  if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
  Watch by_info(10ms, one_probe(probes::WaitMethod::sched_info));
  Watch by_wakeup(10ms, one_probe(probes::WaitMethod::wakeup));
  const auto catch_up = [&] {
    by_info.catch_up();
    by_wakeup.catch_up();
  };
  catch_up();
  // Of tasks that begin and end meanwhile, both have all waits.
  const TestCgroup cgroup(name_of("methods", 0));
  const std::uint64_t until = wall_ns() + 5'000'000'000;
  const auto spin = [&](Account&) {
    cgroup.join();
    spin_until(until);
  };
  Child spinner({.name = "kp_spinner", .cpu = test_cpu()}, spin);
  Child second({.name = "kp_spinner2", .cpu = test_cpu()}, spin);
  Child sleeper({.name = "kp_sleeper", .cpu = test_cpu()}, [&](Account&) {
    cgroup.join();
    while (wall_ns() < until) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
    }
  });
  while (!spinner.finished() || !second.finished() || !sleeper.finished()) catch_up();
  catch_up();
  const auto info = by_info.histogram(ids::kCgroupWait, cgroup.path());
  const auto wakeup = by_wakeup.histogram(ids::kCgroupWait, cgroup.path());
  ASSERT_GT(count_of(info), 200U);
  std::printf("%lu waits by sched_info, %lu by wakeups\n", count_of(info), count_of(wakeup));
  // Who was about to sleep when it was preempted has a stamp in one of them only.
  EXPECT_NEAR(static_cast<double>(count_of(info)), static_cast<double>(count_of(wakeup)), 2 + 0.001 * static_cast<double>(count_of(info)));
  for (const double q : {0.5, 0.99}) {
    EXPECT_GE(quantile_bucket(info, q) + 1, quantile_bucket(wakeup, q - 0.005)) << q;
    EXPECT_LE(quantile_bucket(info, q), quantile_bucket(wakeup, q + 0.005) + 1) << q;
  }
}

/// One that is about to wait while another one wakes it already, and then sleeps for long.
struct Woken {
  volatile std::uint32_t word = 0;      ///< waited at
  volatile std::uint32_t said = 0;      ///< 1: the waker knows that it has woken it
  volatile std::uint32_t step = 0;      ///< of the test
  std::uint64_t noted_ns = 0;           ///< CLOCK_MONOTONIC
  volatile std::uint64_t held_up = 0;   ///< the longest time between two notes, in ns, less what it wanted to sleep

  void note(std::uint64_t sleep_ns = 0) {
    const std::uint64_t now = monotonic_ns(), passed = now - noted_ns, before = held_up;
    if (noted_ns != 0) held_up = std::max(before, passed - std::min(passed, sleep_ns));
    noted_ns = now;
  }
};

void sleep_until_step(Woken& woken, std::uint32_t step) {
  constexpr std::uint64_t kSleep = 1'000'000;
  for (woken.note(); woken.step < step; woken.note(kSleep)) std::this_thread::sleep_for(std::chrono::nanoseconds(kSleep));
}

void wait_and_sleep(Woken& woken) {
  constexpr std::uint64_t kSleep = 10'000'000;
  for (int round = 0; round < 200; ++round) {
    woken.said = 0;
    syscall(SYS_futex, &woken.word, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    while (woken.said == 0) {
    }
    woken.note();
    std::this_thread::sleep_for(std::chrono::nanoseconds(kSleep));
    woken.note(kSleep);
  }
}

TEST(SchedMethods, AStampOfATaskThatWasWokenBeforeItSleptIsNoBeginOfItsNextWait) {
  KPULSE_NEED_BPF();
  if (test_cpu() == 0) GTEST_SKIP() << "needs two CPUs";
  if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
  Watch watch(10ms, one_probe(probes::WaitMethod::wakeup));
  const Shared<Woken> woken;
  const TestCgroup cgroup(name_of("woken", 0));
  Child waker({.name = "kp_waker", .cpu = 0}, [&](Account&) {
    for (;;) {  // has the lock that the waiter gives back just before it sleeps as soon as it does
      if (syscall(SYS_futex, &woken->word, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 1) woken->said = 1;
    }
  });
  Child waiter({.name = "kp_waiter", .cpu = test_cpu()}, [&](Account& account) {
    cgroup.join();
    account.mark_count = 1;
    sleep_until_step(*woken, 1);
    wait_and_sleep(*woken);
    account.mark_count = 2;
    sleep_until_step(*woken, 2);
  });
  const auto waits_when_done = [&](std::uint64_t part) {
    EXPECT_TRUE(watch.run_until([&] { return waiter.account().mark_count == part; }));
    watch.catch_up();
    return watch.histogram(ids::kCgroupWait, cgroup.path());
  };
  const auto before = waits_when_done(1);
  woken->step = 1;
  const auto waits = since(before, waits_when_done(2));
  woken->step = 2;
  ASSERT_TRUE(watch.run_until([&] { return waiter.finished(); }));
  EXPECT_GT(count_of(waits), 50U);
  for (const Bucket& bucket : waits) EXPECT_TRUE(bucket.count == 0 || kp_hist_lower(bucket.index) <= woken->held_up);
  std::printf("held up for %lu ns at most\n", woken->held_up);
}

TEST(SchedMethods, TheFallbackAttachesItsWakeupProgramsAndTheUsualWayDoesNot) {
  KPULSE_NEED_BPF();
  const auto types = bpf::KernelTypes::load();
  ASSERT_TRUE(types) << types.error().message;
  const auto cgroups = cgroups::Table::open(*types);
  ASSERT_TRUE(cgroups) << cgroups.error().message;
  const auto attached = [&](probes::WaitMethod method, const char* name) {
    probes::SchedProbe probe(method);
    const auto done = probe.attach({.types = *types, .cgroups = **cgroups});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    for (const ProgramStatus& program : probe.programs()) {
      if (program.name == name) return program.attached;
    }
    return false;
  };
  EXPECT_TRUE(attached(probes::WaitMethod::wakeup, "kp_wakeup"));
  EXPECT_FALSE(attached(probes::WaitMethod::sched_info, "kp_wakeup"));
}

}  // namespace
}  // namespace kpulse::test
