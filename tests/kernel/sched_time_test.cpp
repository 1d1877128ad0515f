// Where the CPU's time went and who waited: against the kernel's own accounting of the tasks.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <numeric>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Spinners pinned to one CPU, begun together and ended together, so that the CPU's windows are the sum of their
/// accounts.
class Spinners {
 public:
  Spinners(int count, int cpu) {
    const std::uint64_t begin = wall_ns() + kSecond / 4;
    const std::uint64_t end = begin + 2 * kSecond;
    for (int index = 0; index < count; ++index) {
      children_.emplace_back(ChildOptions{.name = "kp_spinner", .cpu = cpu, .nice = -20},
                             [=](Account&) { spin_until(end); });
    }
  }
  bool finished() {
    bool all = true;
    for (Child& child : children_) all = child.finished() && all;
    return all;
  }
  [[nodiscard]] std::uint64_t total(std::uint64_t Account::*member) const {
    return std::accumulate(children_.begin(), children_.end(), std::uint64_t{0},
                           [=](std::uint64_t sum, const Child& child) { return sum + child.account().*member; });
  }
  [[nodiscard]] std::uint64_t begin_wall() const {
    std::uint64_t begin = UINT64_MAX;
    for (const Child& child : children_) begin = std::min(begin, child.account().begin_wall);
    return begin;
  }
  [[nodiscard]] std::uint64_t end_wall() const {
    std::uint64_t end = 0;
    for (const Child& child : children_) end = std::max(end, child.account().end_wall);
    return end;
  }

 private:
  std::deque<Child> children_;
};

class SchedTime : public testing::TestWithParam<int> {};

TEST_P(SchedTime, BusyTimeOfPinnedSpinnersEqualsTheirSchedstat) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  for (int attempt = 0; attempt < 5; ++attempt) {
    Watch watch(1ms);
    Spinners spinners(GetParam(), static_cast<int>(cpu));
    ASSERT_TRUE(watch.run_until([&] { return spinners.finished(); }));
    watch.catch_up();
    const std::uint64_t elapsed = spinners.end_wall() - spinners.begin_wall();
    if (spinners.total(&Account::run_ns) < elapsed / 1000 * 995) {
      std::printf("others used CPU %u: %d of 5 tries\n", cpu, attempt + 1);
      std::fflush(stdout);
      continue;
    }
    // Around their account there is no less, and in it no more is idle than they did not have. The bounds of windows
    // may be a little off.
    const std::uint64_t first = watch.window_at(spinners.begin_wall());
    const std::uint64_t end = watch.window_at(spinners.end_wall()) + 1;
    EXPECT_GE(watch.sum(cpu, id::kBusy, first - 1, end + 1), spinners.total(&Account::run_ns));
    const std::uint64_t inner = (end - first - 2) * watch.window_ns(),
                        others = elapsed - spinners.total(&Account::run_ns);
    EXPECT_GE(watch.sum(cpu, id::kBusy, first + 1, end - 1) + others, inner);
    return;
  }
  GTEST_SKIP() << "needs a CPU of its own: others used CPU " << cpu << " all the time";
}

INSTANTIATE_TEST_SUITE_P(Competitors, SchedTime, testing::Values(1, 2, 5));

/// Distributions are read as they are when the agent comes, later than the last window ended. So what was read first is
/// compared with the windows read next, and the other way round, at both ends.
TEST(SchedOncpu, AllStintsTakeTheTimeThatTheCpuWasBusyAndNoneIsLost) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  const std::string tag = std::to_string(cpu);
  Watch watch(10ms);
  struct Reading {
    std::uint64_t stints = 0, stint_ns = 0, left = 0, busy_ns = 0;
  };
  const auto read = [&] {
    { const PinnedTo look(test_cpu()); }  // ends the stint that goes on
    watch.catch_up();
    const auto sum = [&](std::uint32_t field) { return watch.sum(cpu, field, 0, watch.taken()); };
    Reading reading{.stint_ns = watch.total(ids::kSchedOnCpu, tag, ids::histogram::kDistribution),
                    .left = sum(id::kVoluntary) + sum(id::kInvoluntary),
                    .busy_ns = sum(id::kBusy)};
    for (const Bucket& bucket : watch.histogram(ids::kSchedOnCpu, tag)) reading.stints += bucket.count;
    std::printf("%lu stints, %lu tasks left; %lu of %lu ns\n", reading.stints, reading.left, reading.stint_ns,
                reading.busy_ns);
    return reading;
  };
  const Reading begin = read(), begun = read();
  Child load({.name = "kp_pingpong", .cpu = test_cpu()}, [](Account&) { ping_pong(wall_ns() + 2 * kSecond); });
  Child spinner({.name = "kp_spinner", .cpu = test_cpu()}, [](Account&) { spin_until(wall_ns() + kSecond); });
  ASSERT_TRUE(watch.run_until([&] { return load.finished() && spinner.finished(); }));
  const Reading end = read(), ended = read();
  EXPECT_GT(end.left, 1'000U);
  EXPECT_GE(ended.stints - begin.stints, end.left - begun.left);
  EXPECT_GE(ended.stint_ns - begin.stint_ns, end.busy_ns - begun.busy_ns);
  EXPECT_LE(end.stints - begin.stints, ended.left - begin.left + 1);
  constexpr std::uint64_t kFirstStintNs = 50'000'000;  // it had begun before the first of these windows
  EXPECT_LE(end.stint_ns - begin.stint_ns, ended.busy_ns - begin.busy_ns + kFirstStintNs);
}

TEST(SchedWindows, ASpinnerThatNeverYieldsReadsFullInEveryOneOfItsWindows) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  Watch watch(10ms);
  Child spinner({.name = "kp_spinner", .cpu = test_cpu(), .nice = -20},
                [](Account&) { spin_until(wall_ns() + 3 * kSecond); });
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }));
  watch.catch_up();
  const std::uint64_t first = watch.window_at(spinner.account().begin_wall) + 1;
  const std::uint64_t end = watch.window_at(spinner.account().end_wall);
  ASSERT_GT(end, first + 250);
  for (std::uint64_t window = first; window < end; ++window) {
    const WindowRow& row = watch.rows(cpu).at(window);
    ASSERT_FALSE(row.absent) << "window " << window - first;
    EXPECT_GE(row[id::kBusy], 99 * (row[id::kBusy] + row[id::kIdle]) / 100) << "window " << window - first;
  }
}

/// Time a CPU was idle, as /proc/stat has it: kept to the ns by the kernel, shown in hundredths of a second.
std::uint64_t idle_time(int cpu) {
  const std::string line = "cpu" + std::to_string(cpu);
  return (proc_stat(line, 3) + proc_stat(line, 4)) * (kSecond / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)));
}

TEST(SchedWindows, ABurstOfFiveMillisecondsFillsTheRightOneMillisecondWindows) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  constexpr std::uint64_t kBurst = 5'000'000;
  Watch watch(1ms);
  const std::uint64_t idle = idle_time(test_cpu()), start = wall_ns();
  Child burner({.name = "kp_burner", .cpu = test_cpu()}, [](Account& account) {
    become_real_time(50);
    for (int burst = 0; burst < 10; ++burst) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 195'000'000};
      nanosleep(&pause, nullptr);
      const std::uint64_t begin = wall_ns();
      account.marks[account.mark_count++] = begin;
      spin_until(begin + kBurst);
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return burner.finished(); }));
  watch.catch_up();
  const bool mostly_idle = idle_time(test_cpu()) - idle >= (wall_ns() - start) / 2;
  int clean_before = 0;
  for (std::uint64_t burst = 0; burst < burner.account().mark_count; ++burst) {
    const std::uint64_t begin = burner.account().marks[burst];
    const std::uint64_t first = watch.window_at(begin) + 1;
    const std::uint64_t end = watch.window_at(begin + kBurst);
    for (std::uint64_t window = first; window < end; ++window) {
      const WindowRow& row = watch.rows(cpu).at(window);
      EXPECT_GE(row[id::kBusy], 98 * (row[id::kBusy] + row[id::kIdle]) / 100)
          << "burst " << burst << ", window " << window - first;
    }
    // Beyond the windows it touched (+-1) the burst must not be seen; other tasks may run there now and then.
    if (watch.sum(cpu, id::kBusy, first - 7, first - 2) < watch.window_ns() &&
        watch.sum(cpu, id::kBusy, end + 2, end + 7) < watch.window_ns()) {
      ++clean_before;
    }
  }
  if (mostly_idle) {
    EXPECT_GE(clean_before, 5) << "the CPU was busy around most bursts";
  } else {
    std::printf("CPU %u was busy: what lies around the bursts is not asked\n", cpu);
  }
}

TEST(SchedWindows, AnIdleCpuReadsUnderTwoPercent) {
  KPULSE_NEED_BPF();
  if (test_cpu() == 0) GTEST_SKIP() << "needs two CPUs";
  const int cpu = test_cpu();
  const PinnedTo other_cpu(0);  // this test is load, too
  Watch watch(10ms);
  bool was_idle = false;
  for (int attempt = 0; attempt < 40; ++attempt) {
    { const PinnedTo look(cpu); }
    watch.catch_up();
    // Of a CPU on which no switch has been shown yet nothing is known.
    if (std::ranges::count(watch.cpus(), static_cast<std::uint32_t>(cpu)) == 0) continue;
    const std::uint64_t missed = watch.sampler().intake().switches_missed;
    const std::uint64_t begin = wall_ns();
    const std::uint64_t idle_before = idle_time(cpu);
    watch.run_for(500ms);
    const std::uint64_t end = wall_ns();
    const std::uint64_t idle = idle_time(cpu) - idle_before;
    watch.catch_up();
    { const PinnedTo look(cpu); }  // a switch there, which shows whether one was missed
    const auto elapsed = static_cast<double>(end - begin);
    if (static_cast<double>(idle) < 0.97 * elapsed) continue;  // somebody else uses this CPU
    was_idle = true;
    if (watch.sampler().intake().switches_missed != missed) continue;  // the kernel hides what it does
    const std::uint64_t counted =
        watch.sum(static_cast<std::uint32_t>(cpu), id::kBusy, watch.window_at(begin), watch.window_at(end));
    // The kernel's counter has steps of 10 ms: as long as it allows for what was counted, this CPU may have been a
    // little busy.
    constexpr double kStep = 10e6;
    const bool may_be_true = static_cast<double>(counted) <= elapsed - static_cast<double>(idle) + kStep;
    if (static_cast<double>(counted) >= 0.02 * elapsed && may_be_true) continue;
    EXPECT_LT(static_cast<double>(counted), 0.02 * elapsed);
    return;
  }
  GTEST_SKIP() << "needs "
               << (was_idle ? "a kernel that shows every context switch; this one hides those of its sandbox"
                            : "an idle CPU; /proc/stat says that others use this one all the time");
}

TEST(SchedWindows, EveryWindowOfEveryCpuIsThereOnceAndAsLongAsItIs) {
  KPULSE_NEED_BPF();
  Watch watch(1ms);
  watch.run_for(2s);
  ASSERT_EQ(watch.cpus().size(), static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  for (const std::uint32_t cpu : watch.cpus()) {
    const auto& rows = watch.rows(cpu);
    const std::uint64_t first = rows.begin()->first, last = rows.rbegin()->first;
    EXPECT_EQ(rows.size(), last - first + 1);
    std::uint64_t length = 0;
    for (const auto& [window, row] : rows) {
      EXPECT_FALSE(row.absent);
      length += row[id::kBusy] + row[id::kIdle];
    }
    EXPECT_LT(relative_error(length, rows.size() * watch.window_ns()), 0.0005);
  }
}

}  // namespace
}  // namespace kpulse::test
