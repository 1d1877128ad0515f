// Where the CPU's time went and who waited: against the kernel's own accounting of the tasks.
#include <gtest/gtest.h>

#include <deque>
#include <fstream>
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

double relative_error(std::uint64_t value, std::uint64_t truth) {
  return std::abs(static_cast<double>(value) / static_cast<double>(truth) - 1.0);
}

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

TEST_P(SchedTime, BusyTimeAndRunQueueWaitOfPinnedSpinnersEqualTheirSchedstat) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  for (int attempt = 0; attempt < 5; ++attempt) {
    Watch watch(1ms);
    Spinners spinners(GetParam(), static_cast<int>(cpu));
    ASSERT_TRUE(watch.run_until([&] { return spinners.finished(); }, 30s));
    watch.catch_up();
    const std::uint64_t elapsed = spinners.end_wall() - spinners.begin_wall();
    if (spinners.total(&Account::run_ns) < elapsed / 1000 * 995)
      continue;  // others had this CPU and waited for it, too
    const std::uint64_t first = watch.window_at(spinners.begin_wall());
    const std::uint64_t end = watch.window_at(spinners.end_wall()) + 1;
    EXPECT_LT(relative_error(watch.sum(cpu, id::kBusy, first, end), spinners.total(&Account::run_ns)), 0.01);
    if (GetParam() == 1) return;  // alone: there is no wait to compare
    EXPECT_LT(relative_error(watch.sum(cpu, id::kWait, first, end), spinners.total(&Account::wait_ns)), 0.03);
    return;
  }
  GTEST_SKIP() << "needs a CPU of its own: others used CPU " << cpu << " all the time";
}

INSTANTIATE_TEST_SUITE_P(Competitors, SchedTime, testing::Values(1, 2, 5));

TEST(SchedWindows, ASpinnerThatNeverYieldsReadsFullInEveryOneOfItsWindows) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  Watch watch(10ms);
  Child spinner({.name = "kp_spinner", .cpu = test_cpu(), .nice = -20},
                [](Account&) { spin_until(wall_ns() + 3 * kSecond); });
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }, 30s));
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

TEST(SchedWindows, ABurstOfFiveMillisecondsFillsTheRightOneMillisecondWindows) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  constexpr std::uint64_t kBurst = 5'000'000;
  Watch watch(1ms);
  Child burner({.name = "kp_burner", .cpu = test_cpu(), .nice = -20}, [](Account& account) {
    for (int burst = 0; burst < 10; ++burst) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 195'000'000};
      nanosleep(&pause, nullptr);
      const std::uint64_t begin = wall_ns();
      account.marks[account.mark_count++] = begin;
      spin_until(begin + kBurst);
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return burner.finished(); }, 30s));
  watch.catch_up();
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
  EXPECT_GE(clean_before, 5) << "the CPU was busy around most bursts";
}

/// Busy part of a CPU as /proc/stat has it, between two calls.
class ProcStatBusy {
 public:
  explicit ProcStatBusy(int cpu) : key_("cpu" + std::to_string(cpu)) { read(); }
  double since_last() {
    const auto [busy, total] = read();
    return static_cast<double>(busy) / static_cast<double>(total);
  }

 private:
  std::pair<std::uint64_t, std::uint64_t> read() {
    std::ifstream file("/proc/stat");
    std::string word;
    while (file >> word && word != key_) {
    }
    std::uint64_t values[8] = {}, total = 0;
    for (std::uint64_t& value : values) file >> value;
    for (const std::uint64_t value : values) total += value;
    const std::uint64_t busy = total - values[3] - values[4];
    const std::pair difference{busy - busy_, std::max<std::uint64_t>(total - total_, 1)};
    busy_ = busy;
    total_ = total;
    return difference;
  }
  std::string key_;
  std::uint64_t busy_ = 0, total_ = 0;
};

TEST(SchedWindows, AnIdleCpuReadsUnderTwoPercent) {
  KPULSE_NEED_BPF();
  const auto cpu = static_cast<std::uint32_t>(test_cpu());
  Watch watch(10ms);
  for (int attempt = 0; attempt < 10; ++attempt) {
    ProcStatBusy proc_stat(test_cpu());
    const std::uint64_t first = watch.window_at(wall_ns()) + 1;
    watch.run_for(2s);
    const std::uint64_t end = watch.window_at(wall_ns()) - 1;
    if (proc_stat.since_last() > 0.01) continue;  // somebody else uses this CPU
    const std::uint64_t busy = watch.sum(cpu, id::kBusy, first, end);
    EXPECT_LT(static_cast<double>(busy) / static_cast<double>((end - first) * watch.window_ns()), 0.02);
    return;
  }
  GTEST_SKIP() << "needs an idle CPU: /proc/stat says that others used CPU " << cpu << " all the time";
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
