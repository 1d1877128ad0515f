// The two ways to measure run-queue waits, on the same events at the same time.
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
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
  Watch by_info(10ms, one_probe(probes::WaitMethod::sched_info));
  Watch by_wakeup(10ms, one_probe(probes::WaitMethod::wakeup));
  const std::uint64_t until = wall_ns() + 5'000'000'000;
  const auto nap = [=](Account&) {
    while (wall_ns() < until) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
    }
  };
  Child spinner({.name = "kp_spinner", .cpu = test_cpu()}, [=](Account&) { spin_until(until); });
  Child second({.name = "kp_spinner2", .cpu = test_cpu()}, [=](Account&) { spin_until(until); });
  Child sleeper({.name = "kp_sleeper", .cpu = test_cpu()}, nap);
  const auto catch_up = [&] {
    by_info.catch_up();
    by_wakeup.catch_up();
  };
  catch_up();
  const std::uint64_t first = std::max(by_info.taken(), by_wakeup.taken());
  const auto info_before = by_info.histogram(ids::kSchedWait), wakeup_before = by_wakeup.histogram(ids::kSchedWait);
  while (wall_ns() < until - 500'000'000) catch_up();
  const std::uint64_t end = std::min(by_info.taken(), by_wakeup.taken());
  const auto info = since(info_before, by_info.histogram(ids::kSchedWait));
  const auto wakeup = since(wakeup_before, by_wakeup.histogram(ids::kSchedWait));
  ASSERT_GT(count_of(info), 500U);
  const auto waits = [&](const Watch& watch) { return static_cast<double>(watch.sum(ids::sched::kWaits, first, end)); };
  // The two tell windows apart by different clocks: equal but for a few at both ends.
  EXPECT_NEAR(waits(by_info), waits(by_wakeup), 2 + 0.001 * waits(by_info));
  EXPECT_GE(quantile_bucket(info, 0.5) + 1, quantile_bucket(wakeup, 0.45));  // most are waits after a wakeup
  EXPECT_LE(quantile_bucket(info, 0.5), quantile_bucket(wakeup, 0.55) + 1);
  // The two begin and end a little apart from each other, so a few of the longest may be in one of them only.
  EXPECT_GE(quantile_bucket(info, 0.99) + 1, quantile_bucket(wakeup, 0.985));
  EXPECT_LE(quantile_bucket(info, 0.99), quantile_bucket(wakeup, 0.995) + 1);
}

/// One that is about to wait while another one wakes it already, and then sleeps for long.
struct Woken {
  volatile std::uint32_t word = 0;        ///< waited at
  volatile std::uint64_t woken_ns = 0;    ///< begin of the call that woke it, CLOCK_MONOTONIC
  volatile std::uint64_t held_up_ns = 0;  ///< the longest that it came late
};

void wait_and_sleep(Woken& woken, std::uint64_t until) {
  constexpr std::uint64_t kSleep = 10'000'000;
  const auto late = [&](std::uint64_t expected) {
    const std::uint64_t now = monotonic_ns(), before = woken.held_up_ns;
    woken.held_up_ns = std::max(before, now - std::min(now, expected));
  };
  while (wall_ns() < until) {
    woken.woken_ns = 0;
    syscall(SYS_futex, &woken.word, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    while (woken.woken_ns == 0) {  // the waker is about to say it
    }
    late(woken.woken_ns);
    const std::uint64_t expected = monotonic_ns() + kSleep;
    std::this_thread::sleep_for(std::chrono::nanoseconds(kSleep));
    late(expected);
  }
}

TEST(SchedMethods, AStampOfATaskThatWasWokenBeforeItSleptIsNoBeginOfItsNextWait) {
  KPULSE_NEED_BPF();
  if (test_cpu() == 0) GTEST_SKIP() << "needs two CPUs";
  Watch watch(10ms, one_probe(probes::WaitMethod::wakeup));
  const Shared<Woken> woken;
  const std::uint64_t until = wall_ns() + 3'000'000'000;
  Child waker({.name = "kp_waker", .cpu = 0}, [&](Account&) {
    for (;;) {  // has the lock that the waiter gives back just before it sleeps as soon as it does
      const std::uint64_t begin = monotonic_ns();
      if (syscall(SYS_futex, &woken->word, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 1) woken->woken_ns = begin;
    }
  });
  Child waiter({.name = "kp_waiter", .cpu = test_cpu()}, [&](Account&) { wait_and_sleep(*woken, until); });
  ASSERT_TRUE(watch.run_until([&] { return waiter.finished(); }));
  watch.catch_up();
  const std::uint64_t first = watch.window_at(waiter.account().begin_wall) + 1, end = watch.window_at(until);
  int judged = 0;
  for (const auto& [window, row] : watch.rows(static_cast<std::uint32_t>(test_cpu()))) {
    if (window < first || window >= end) continue;
    if (row[ids::sched::kWaitMax] == 0 || watch.task(row[ids::sched::kVictim]).comm != "kp_waiter") continue;
    ++judged;
    EXPECT_LE(row[ids::sched::kWaitMax], woken->held_up_ns);
  }
  EXPECT_GT(judged, 10);
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
