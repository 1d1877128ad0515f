// Switches that are not shown, as in a sandbox that hides those of its own tasks. When a task got the CPU is known all
// the same.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/clock.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMs = 1'000'000;
/// What comes and goes while nothing is shown is not known: the less time, the less of it.
constexpr std::uint64_t kPromptNs = 20 * kMs;
constexpr int kAttempts = 10;

/// A child has all descriptors of its parent, and as long as it has those of the programs, they stay attached.
void let_go_of_the_programs() {
  close_range(3, ~0U, 0);
}

class MissedSwitches : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
    if (cpu_ == 0) GTEST_SKIP() << "needs two CPUs";
    auto probe = std::make_unique<probes::SchedProbe>();
    probe_ = probe.get();
    std::vector<std::unique_ptr<probes::Probe>> probes;
    probes.push_back(std::move(probe));
    watch_ = std::make_unique<Watch>(10ms, std::move(probes));
    watch_->run_for(100ms);
  }

  /// The pid that the CPU of the tests is thought to run.
  [[nodiscard]] std::uint32_t thought() const {
    return *const_cast<const volatile __u32*>(&probe_->cpus()[static_cast<std::size_t>(cpu_)].open.running);
  }

  /// No switch is shown any more, and `pid` is what was seen to come last.
  [[nodiscard]] bool hide_while_running(std::uint32_t pid) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      probe_->hide_switches();
      if (thought() == pid) return true;
      if (!probe_->show_switches()) return false;
      usleep(1'000);
    }
    return false;
  }

  /// Shows switches again, and has one happen. Returns when.
  [[nodiscard]] std::uint64_t show_at(std::uint64_t wall) {
    sleep_until(wall);
    if (const auto shown = probe_->show_switches(); !shown) throw std::runtime_error(shown.error().message);
    const sched_param before_all{.sched_priority = 60}, normal{.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_FIFO, &before_all) != 0) throw std::runtime_error("needs real-time priority");
    { const PinnedTo look(cpu_); }
    sched_setscheduler(0, SCHED_OTHER, &normal);
    return wall_ns();
  }

  [[nodiscard]] std::uint64_t middle_of_a_window(std::uint64_t from_now) const {
    return watch_->window_at(wall_ns() + from_now) * watch_->window_ns() + watch_->window_ns() / 2;
  }

  /// Without the time of its coming a task would be off by half and more.
  void expect_account(const TestCgroup& cgroup) const {
    const std::uint64_t counted = watch_->total(ids::kCgroupSched, cgroup.path(), ids::cgroup_sched::kCpu);
    EXPECT_LE(relative_error(counted, cgroup.cpu_ns()), 0.25)
        << cgroup.path() << ": " << counted << " ns instead of " << cgroup.cpu_ns();
  }

  [[nodiscard]] double busy(std::uint64_t begin, std::uint64_t end) const {
    const std::uint64_t first = watch_->window_at(begin) + 1, last = watch_->window_at(end);
    const std::uint64_t busy = watch_->sum(static_cast<std::uint32_t>(cpu_), ids::sched::kBusy, first, last);
    return static_cast<double>(busy) / static_cast<double>((last - first) * watch_->window_ns());
  }

  [[nodiscard]] double busy_in_window_of(std::uint64_t wall) const {
    return busy(wall - watch_->window_ns(), wall + watch_->window_ns());
  }

  const int cpu_ = test_cpu();
  const PinnedTo other_cpu_{0};  // nothing that the test itself does is to be on the CPU it looks at
  probes::SchedProbe* probe_ = nullptr;
  std::unique_ptr<Watch> watch_;
};

TEST_F(MissedSwitches, ATaskWhoseComingWasHiddenIsChargedFromThenOn) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const TestCgroup cgroup(name_of("hidden", attempt));
    const std::uint64_t come = middle_of_a_window(500 * kMs), leave = come + 300 * kMs;
    Child child({.name = "kp_hidden", .cpu = cpu_, .nice = -20}, [&](Account&) {
      let_go_of_the_programs();
      cgroup.join();
      sleep_until(come);
      spin_until(leave);
    });
    watch_->run_for(100ms);
    if (!hide_while_running(0)) GTEST_SKIP() << "needs an idle CPU; others use this one all the time";
    const std::uint64_t hidden = wall_ns();
    if (show_at(come + 5 * kMs) > come + kPromptNs) continue;
    ASSERT_TRUE(watch_->run_until([&] { return child.finished(); }));
    watch_->catch_up();
    expect_account(cgroup);
    EXPECT_LT(busy(hidden, come), 0.5);
    EXPECT_LT(busy_in_window_of(come), 0.9);
    EXPECT_GT(busy(come, leave), 0.9);
    EXPECT_GT(watch_->sampler().intake().switches_missed, 0U);
    return;
  }
  FAIL() << "to attach the program took too long each time";
}

/// Not a switch, but time that was missed as well.
TEST_F(MissedSwitches, WhatTheHypervisorTookFromATaskIsSeenFromOtherCpus) {
  if (proc_stat("cpu", 7) == 0) GTEST_SKIP() << "needs a machine that a hypervisor has taken time from";
  for (std::size_t cpu = 0; cpu < probe_->cpus().size(); ++cpu) {
    const auto at_last_switch = [&] { return *const_cast<const volatile __u64*>(&probe_->cpus()[cpu].lost.stolen); };
    const std::uint64_t before = at_last_switch();
    watch_->run_for(50ms);
    const std::uint64_t looked = probe_->looked(cpu).lost.stolen;
    EXPECT_GE(looked, before) << "CPU " << cpu;
    const auto shown = [&] {  // this one may be hidden
      const PinnedTo look(static_cast<int>(cpu));
      return at_last_switch() >= looked;
    };
    EXPECT_TRUE(watch_->run_until(shown)) << "CPU " << cpu;
  }
}

TEST_F(MissedSwitches, ATaskWhoseLeavingWasHiddenIsChargedUntilTheNextOneCame) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const TestCgroup first(name_of("first", attempt)), second(name_of("second", attempt));
    first.allow_real_time();
    second.allow_real_time();
    const std::uint64_t come = middle_of_a_window(300 * kMs), leave = come + 200 * kMs, end = leave + 200 * kMs;
    // Real-time tasks: nobody else gets the CPU, however many want it.
    Child waits({.name = "kp_second", .cpu = cpu_}, [&](Account&) {
      let_go_of_the_programs();
      second.join();
      become_real_time(50);
      raise(SIGSTOP);
      spin_until(end);
    });
    Child runs({.name = "kp_first", .cpu = cpu_}, [&](Account&) {
      let_go_of_the_programs();
      first.join();
      become_real_time(50);
      sleep_until(come);
      spin_until(leave);
      kill(waits.pid(), SIGCONT);
      sleep_until(end);
    });
    watch_->run_until([&] { return wall_ns() > leave - 100 * kMs; });
    if (!hide_while_running(static_cast<std::uint32_t>(runs.pid()))) continue;
    if (show_at(leave + 5 * kMs) > leave + kPromptNs) continue;
    ASSERT_TRUE(watch_->run_until([&] { return waits.finished() && runs.finished(); }));
    watch_->catch_up();
    expect_account(first);
    expect_account(second);
    EXPECT_GT(busy_in_window_of(leave), 0.9);
    EXPECT_GT(busy(come, end), 0.9);
    return;
  }
  FAIL() << "to attach the program took too long each time";
}

}  // namespace
}  // namespace kpulse::test
