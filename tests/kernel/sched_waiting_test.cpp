// What has not ended is seen all the same: who waits for a CPU, while it waits.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/window_clock.h"
#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::waiting;

constexpr std::uint64_t kMs = 1'000'000;

/// A row of kpulse_waiting in which a task of this name has waited longest.
struct Seen {
  std::uint64_t wall = 0;  ///< end of its interval
  std::uint64_t waiting = 0, longest_ns = 0;
  std::string running;
};

std::uint64_t value(const Series& row, std::uint32_t field) {
  for (const Column& column : row.columns) {
    if (column.field == field) return column.values.at(0);
  }
  return 0;
}

/// Collects those rows of one CPU.
class Rows {
 public:
  Rows(int cpu, std::string victim) : cpu_(std::to_string(cpu)), victim_(std::move(victim)) {}

  void take(const Frame& frame) {
    for (const Series& row : frame.series) {
      if (row.measurement != ids::kWaiting || row.tags.at(0) != cpu_) continue;
      ++looked_;
      const std::uint64_t task = value(row, id::kTask), running = value(row, id::kRunning);
      if (task == 0 || frame.tasks.at(task - 1).comm != victim_) continue;
      seen_.push_back({.wall = (frame.first_window + frame.windows) * frame.window_ns,
                       .waiting = value(row, id::kTasks),
                       .longest_ns = value(row, id::kLongest),
                       .running = running == 0 ? "" : frame.tasks.at(running - 1).comm});
    }
  }

  [[nodiscard]] const std::vector<Seen>& seen() const { return seen_; }
  [[nodiscard]] int looked() const { return looked_; }

 private:
  std::string cpu_, victim_;
  std::vector<Seen> seen_;
  int looked_ = 0;
};

TEST(SchedWaiting, AStarvingTaskIsSeenWhileItStarvesAndOnceWhenItDoesNoMore) {
  KPULSE_NEED_BPF();
  const int cpu = test_cpu();
  if (cpu == 0) GTEST_SKIP() << "needs two CPUs";
  const PinnedTo other_cpu(0);
  Watch watch(10ms);
  Rows rows(cpu, "kp_starved");
  watch.on_frame([&](const Frame& frame) { rows.take(frame); });
  watch.run_for(200ms);
  const Shared<volatile bool> enough;
  std::array<int, 2> go{};
  ASSERT_EQ(pipe(go.data()), 0);
  // Both are real-time tasks: what the others are given in each second (6.12+) does not end the wait.
  Child starved({.name = "kp_starved", .cpu = cpu}, [&](Account& account) {
    become_real_time(40);
    account.mark_count = 1;
    char byte = 0;
    if (read(go[0], &byte, 1) != 1) _exit(91);
    account.marks[0] = own_wait_ns();
  });
  ASSERT_TRUE(watch.run_until([&] { return starved.account().mark_count == 1; }));
  Child hog({.name = "kp_hog", .cpu = cpu}, [&](Account&) {
    become_real_time(50);
    if (write(go[1], "g", 1) != 1) _exit(94);
    while (!*enough) {
    }
  });
  const std::uint64_t begin = monotonic_ns();  // three seconds, or as long as it takes: looks that cost much are rare
  ASSERT_TRUE(watch.run_until([&] { return rows.seen().size() >= 20 && monotonic_ns() > begin + 3'000 * kMs; }));
  *enough = true;
  ASSERT_TRUE(watch.run_until([&] { return hog.finished() && starved.finished(); }));
  watch.catch_up();
  // When a wait has ended, it is in a window: whole, and once.
  const auto ended = [&](std::uint64_t wait) {
    return std::ranges::count_if(watch.rows(static_cast<std::uint32_t>(cpu)), [&](const auto& row) {
      return row.second[ids::sched::kWaitMax] + agent::WindowClock::kToleranceNs >= wait;
    });
  };
  const Seen* before = nullptr;
  std::size_t behind_the_hog = 0;
  int waits = 1;
  for (const Seen& seen : rows.seen()) {
    EXPECT_GE(seen.waiting, 1U);
    behind_the_hog += seen.running == "kp_hog" ? 1U : 0U;
    // The agent knows the run queue's clock by CLOCK_MONOTONIC, as far off as windows may be.
    EXPECT_LE(seen.longest_ns, starved.account().marks[0] + agent::WindowClock::kToleranceNs);
    if (before != nullptr && seen.longest_ns <= before->longest_ns) {  // the hog had to wait for something for a moment
      ++waits;
      EXPECT_GE(ended(before->longest_ns), 1) << "it does not grow";
    }
    before = &seen;
  }
  EXPECT_GE(behind_the_hog, rows.seen().size() * 2 / 3) << "the kernel leaves a twentieth to others";
  const auto last = ended(rows.seen().back().longest_ns);
  EXPECT_LE(last, waits);
  if (watch.sampler().intake().switches_missed == 0) {
    EXPECT_GE(last, 1);
  }
}

TEST(SchedWaiting, WhoWaitsIsFoundInTheRunQueueAndNotAmongAllTasks) {
  KPULSE_NEED_BPF();
  constexpr std::uint64_t kSpinners = 5;
  const int cpu = test_cpu();
  if (cpu == 0) GTEST_SKIP() << "needs two CPUs";
  const PinnedTo other_cpu(0);
  auto owned = std::make_unique<probes::SchedProbe>();
  const probes::SchedProbe& probe = *owned;
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::move(owned));
  Watch watch(10ms, std::move(probes));
  const Shared<volatile bool> enough;
  std::deque<Child> spinners;
  for (std::uint64_t number = 0; number < kSpinners; ++number) {
    spinners.emplace_back(ChildOptions{.name = "kp_spinner", .cpu = cpu, .nice = -20}, [&](Account& account) {
      account.mark_count = 1;
      while (!*enough) {
      }
    });
  }
  const auto all_spin = [&] {
    return std::ranges::all_of(spinners, [](const Child& spinner) { return spinner.account().mark_count == 1; });
  };
  ASSERT_TRUE(watch.run_until(all_spin));
  Rows rows(cpu, "kp_spinner");
  // Where a task of another class waits in the meantime, or the queue changes, all are looked at: one after the other, so
  // that each may have the CPU just then.
  std::size_t walked = 0;
  auto before = probe.waiting_looks();
  watch.on_frame([&](const Frame& frame) {
    const std::size_t seen = rows.seen().size();
    rows.take(frame);
    const auto looks = probe.waiting_looks();
    if (rows.seen().size() > seen && std::exchange(before, looks).scans == looks.scans) {
      ++walked;
      EXPECT_GE(rows.seen().back().waiting, kSpinners - 1);
    }
  });
  EXPECT_TRUE(watch.run_until([&] { return walked >= 20; })) << walked << " of " << rows.seen().size();
  *enough = true;
}

TEST(SchedWaiting, ARunQueueIsAsLongAsTheTasksThatSpinInIt) {
  KPULSE_NEED_BPF();
  constexpr std::uint64_t kSpinners = 5;
  const int cpu = test_cpu();
  if (cpu == 0) GTEST_SKIP() << "needs two CPUs";
  const PinnedTo other_cpu(0);
  Watch watch(10ms);
  const std::uint64_t until = wall_ns() + 2'500 * kMs;
  std::deque<Child> spinners;
  for (std::uint64_t number = 0; number < kSpinners; ++number)
    spinners.emplace_back(ChildOptions{.name = "kp_spinner", .cpu = cpu, .nice = -20},
                          [=](Account&) { spin_until(until); });
  watch.run_for(std::chrono::nanoseconds(until - wall_ns()));
  // All have begun, and none has ended.
  std::uint64_t first = 0;
  for (const Child& spinner : spinners) first = std::max(first, watch.window_at(spinner.account().begin_wall) + 1);
  const std::uint64_t end = watch.window_at(until);
  ASSERT_GT(end, first + 10);
  std::map<std::uint64_t, int> lengths;
  for (std::uint64_t window = first; window < end; ++window) {
    const std::uint64_t length = watch.rows(static_cast<std::uint32_t>(cpu)).at(window)[ids::sched::kRunnableMax];
    EXPECT_GE(length, kSpinners) << "window " << window - first;
    ++lengths[length];
  }
  EXPECT_GT(lengths[kSpinners], 0) << "others want to run there all the time";
}

}  // namespace
}  // namespace kpulse::test
