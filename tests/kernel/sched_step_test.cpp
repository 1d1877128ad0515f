// After a step of the wall clock back the same window numbers come again: what was counted under them is over.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "agent/window_clock.h"
#include "base/clock.h"
#include "bpf/kernel.h"
#include "cgroups/table.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"
#include "probes/task_table.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMs = 1'000'000, kWindow = 10 * kMs;

/// The probe alone, with windows by a wall clock that is `ahead_ns` ahead of the one that it has here.
class SteppedClock : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    auto types = bpf::KernelTypes::load();
    ASSERT_TRUE(types) << types.error().message;
    auto cgroups = cgroups::Table::open(*types);
    ASSERT_TRUE(cgroups) << cgroups.error().message;
    cgroups_ = std::move(*cgroups);
    const auto attached = probe_.attach({.types = *types, .cgroups = *cgroups_, .window_ns = kWindow});
    ASSERT_TRUE(attached) << attached.error().message;
  }

  /// Begins a stream.
  void set_clock(std::uint64_t ahead_ns) {
    ahead_ = ahead_ns;
    for (int attempt = 0; attempt < 200; ++attempt) {
      std::this_thread::sleep_for(1ms);
      for (const auto& reading : probe_.take_clock_readings()) clock_.add(reading);
      auto now = agent::read_wall();
      now.wall_ns += ahead_;
      const std::uint32_t before = clock_.config().epoch;
      const auto config = attempt < 10 ? std::nullopt : clock_.update(now);
      if (!config || config->epoch == before) continue;
      probe_.set_windows(*config);
      next_ = window_now();
      return;
    }
    throw std::runtime_error("no stream has begun");
  }

  /// What was counted in the windows from the begin of the stream, or the last call, on.
  std::uint64_t collect(std::uint32_t field) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(grace_ns() + 2 * kWindow));
    const std::uint64_t end = window_now();
    probe_.drain(end);
    std::vector<Task> named;
    probes::TaskTable tasks(named);
    std::vector<Series> series;
    probe_.collect({.first = next_, .count = static_cast<std::uint32_t>(end - next_)}, tasks, series);
    next_ = end;
    std::uint64_t sum = 0;
    for (const Series& row : series) {
      for (const Column& column : row.columns) {
        if (row.measurement != ids::kSched || column.field != field) continue;
        for (const std::uint64_t value : column.values) sum += value;
      }
    }
    return sum;
  }

 private:
  [[nodiscard]] std::uint64_t window_now() const { return (wall_ns() + ahead_) / kWindow; }

  std::unique_ptr<cgroups::Table> cgroups_;
  probes::SchedProbe probe_;
  agent::WindowClock clock_{kWindow};
  std::uint64_t ahead_ = 0, next_ = 0;
};

/// One after the other, for half a second. Returns how many.
std::uint64_t fork_children() {
  std::uint64_t count = 0;
  for (const std::uint64_t end = monotonic_ns() + 500 * kMs; monotonic_ns() < end; ++count) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
    usleep(1'000);
  }
  return count;
}

TEST_F(SteppedClock, WhatWasForkedInTheWindowsOfTheSameNumbersDoesNotCountAgain) {
  for (std::uint64_t attempt = 1;; ++attempt) {
    const std::uint64_t ahead = attempt * 100'000 * kMs;
    set_clock(ahead);
    const std::uint64_t begin = wall_ns(), children = fork_children();
    EXPECT_GE(collect(ids::sched::kForks), children);
    const std::uint64_t passed = wall_ns() - begin, before = proc_stat("processes");
    if (passed > 2'500 * kMs && attempt < 20) continue;  // the slots are for 3 s
    set_clock(ahead - passed);
    std::this_thread::sleep_for(std::chrono::nanoseconds(passed));
    EXPECT_LE(collect(ids::sched::kForks), proc_stat("processes") - before);
    return;
  }
}

}  // namespace
}  // namespace kpulse::test
