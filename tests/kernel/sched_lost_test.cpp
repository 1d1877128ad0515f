// What the hypervisor took away: window by window as much as the kernel says, and nothing is said where it does not
// know.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

/// A step of the counters in /proc/stat, ns.
constexpr std::uint64_t kStep = 10'000'000;

std::uint64_t stolen_steps() {
  return proc_stat("cpu", 7);
}

/// Some that keep all CPUs busy, so that each has its ticks, in which the kernel accounts for what was stolen.
class AllCpusBusy {
 public:
  AllCpusBusy() {
    for (int cpu = 0; cpu <= test_cpu(); ++cpu) {
      spinners_.emplace_back(ChildOptions{.name = "kp_busy", .cpu = cpu, .nice = 19},
                             [](Account&) { spin_until(~0ULL); });
    }
  }

 private:
  std::deque<Child> spinners_;
};

TEST(SchedLost, WhatWasStolenIsWhatTheKernelAccountsFor) {
  KPULSE_NEED_BPF();
  if (stolen_steps() == 0) GTEST_SKIP() << "needs a machine that a hypervisor has taken time from";
  const std::uint64_t before_all = stolen_steps();
  Watch watch(10ms);
  const AllCpusBusy busy;
  const std::uint64_t first = watch.window_at(wall_ns()) + 1;
  watch.run_for(1s);  // what was stolen before and not accounted for yet is in none of the two
  const std::uint64_t begin = stolen_steps();
  watch.run_for(4s);
  const std::uint64_t end = stolen_steps();
  watch.run_for(200ms);  // what was stolen last is in a window
  const std::uint64_t last = watch.taken();
  watch.run_for(1s);  // and accounted for
  const std::uint64_t after_all = stolen_steps(), sum = watch.sum(id::kStolen, first, last);
  std::printf("%lu us in the windows, %lu to %lu us in /proc/stat\n", sum / 1'000, (end - begin) * kStep / 1'000,
              (after_all - before_all) * kStep / 1'000);
  EXPECT_GE(sum + kStep, (end - begin) * kStep);
  EXPECT_LE(sum, (after_all - before_all + 1) * kStep);
  for (const std::uint32_t cpu : watch.cpus()) {
    for (const auto& [window, row] : watch.rows(cpu)) EXPECT_LE(row[id::kStolen], watch.window_ns()) << window;
  }
}

TEST(SchedLost, WhereNothingIsKnownThereIsNoValue) {
  KPULSE_NEED_BPF();
  const bool stolen = stolen_steps() > 0;
  if (!stolen && !emulated()) GTEST_SKIP() << "whether less than 10 ms were stolen here is not known";
  Watch watch(10ms);
  std::uint32_t rows = 0, without = 0;
  watch.on_frame([&](const Frame& frame) {
    for (const Series& series : frame.series) {
      if (series.measurement != ids::kSched) continue;
      ++rows;
      without += std::ranges::count(series.unmeasured, id::kStolen) > 0 ? 1U : 0U;
    }
  });
  watch.run_for(300ms);
  EXPECT_GT(rows, 0U);
  EXPECT_EQ(without, stolen ? 0U : rows);
}

}  // namespace
}  // namespace kpulse::test
