// What the hypervisor took away: window by window as much as the kernel says, and nothing is said where it does not
// know.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

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

/// All that was stolen so far: by the run queues' own sums as of the last look at them, and by /proc/stat.
struct Stolen {
  std::uint64_t sums_ns = 0, steps = 0;
};

TEST(SchedLost, WhatWasStolenIsWhatTheKernelAccountsFor) {
  KPULSE_NEED_BPF();
  if (stolen_steps() == 0) GTEST_SKIP() << "needs a machine that a hypervisor has taken time from";
  const std::uint64_t steps_before_all = stolen_steps();
  auto own = std::make_unique<probes::SchedProbe>();
  const probes::SchedProbe& probe = *own;
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::move(own));
  Watch watch(10ms, std::move(probes));
  const auto stolen = [&] {
    Stolen now{.sums_ns = 0, .steps = stolen_steps()};
    for (std::size_t cpu = 0; cpu < probe.cpus().size(); ++cpu) now.sums_ns += probe.looked(cpu).lost.stolen;
    return now;
  };
  const AllCpusBusy busy;
  watch.run_for(200ms);  // on each CPU a task goes on now: a look shows its sum as of its last tick
  const std::uint64_t sums_before_all = stolen().sums_ns, first = watch.window_at(wall_ns()) + 1;
  watch.run_for(100ms);
  const std::uint64_t sums_begin = stolen().sums_ns;
  watch.run_for(1s);  // what was stolen before the first window is accounted for
  const std::uint64_t steps_begin = stolen().steps;
  watch.run_for(4s);
  const Stolen end = stolen();
  watch.run_for(100ms);  // what was stolen last is in a window, ...
  const std::uint64_t last = watch.taken();
  watch.run_for(1s);  // ... and accounted for
  const Stolen after_all = stolen();
  const std::uint64_t sum = watch.sum(id::kStolen, first, last);
  std::printf("%lu us in the windows, %lu to %lu us in the run queues, %lu to %lu us in /proc/stat\n", sum / 1'000,
              (end.sums_ns - sums_begin) / 1'000, (after_all.sums_ns - sums_before_all) / 1'000,
              (end.steps - steps_begin) * kStep / 1'000, (after_all.steps - steps_before_all) * kStep / 1'000);
  EXPECT_GE(sum, end.sums_ns - sums_begin);
  EXPECT_LE(sum, after_all.sums_ns - sums_before_all);
  EXPECT_GE(sum + kStep, (end.steps - steps_begin) * kStep);
  EXPECT_LE(sum, (after_all.steps - steps_before_all + 1) * kStep);
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
