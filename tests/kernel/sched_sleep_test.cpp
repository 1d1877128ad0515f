// Sleep is not waiting. Since 6.12 a task that sleeps may stay in its run queue for a while, and when it is moved in
// that state the kernel stamps it as if it waited.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <thread>
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

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::size_t kMostSleepers = 300;

/// A thread, and the longest time for which it could not do what it wanted to do: run on, or wake up.
struct Sleeper {
  pid_t tid = 0;  ///< 0: it has not begun
  std::uint64_t held_up = 0;
};

/// The run queue's clock is not slewed, CLOCK_MONOTONIC may be by 500 ppm; and each is read a little before it is used.
std::uint64_t in_the_other_clock(std::uint64_t ns) {
  return ns + ns / 2'000 + 1'000;
}

/// Who has run a little is taken off the run queue late; so it runs a little, and sleeps for long.
void run_and_sleep(Sleeper& sleeper, const volatile std::uint64_t& until) {
  std::minstd_rand random(static_cast<unsigned>(gettid()));
  std::uint64_t last = monotonic_ns();
  sleeper.tid = gettid();
  const auto note = [&](std::uint64_t expected) {
    const std::uint64_t now = monotonic_ns();
    sleeper.held_up = std::max(sleeper.held_up, now - std::min(now, expected));
    last = now;
  };
  while (last < until) {
    for (const std::uint64_t end = last + random() % (2 * kMs); last < end;) note(last);
    const std::uint64_t length = (500 + random() % 2'000) * kMs;
    std::this_thread::sleep_for(std::chrono::nanoseconds(length));
    note(last + length);
  }
}

/// Threads that sleep, beside so many that do not that the kernel moves them.
class Crowd {
 public:
  Crowd() {
    *until_ = ~0ULL;  // as soon as that is known
    for (long number = 0; number <= sysconf(_SC_NPROCESSORS_ONLN); ++number) {
      hogs_.emplace_back(ChildOptions{.name = "kp_hog"}, [this](Account&) {
        allow_all_cpus();
        while (monotonic_ns() < *until_) {
        }
      });
    }
    process_.emplace(ChildOptions{.name = "kp_sleepers"}, [this](Account&) {
      allow_all_cpus();
      std::vector<std::thread> threads;
      threads.reserve(sleepers_.size());
      for (Sleeper& sleeper : sleepers_) threads.emplace_back([&] { run_and_sleep(sleeper, *until_); });
      for (std::thread& thread : threads) thread.join();
    });
  }

  [[nodiscard]] bool has_begun() const {
    return std::ranges::all_of(sleepers_, [](const Sleeper& sleeper) { return sleeper.tid != 0; });
  }
  void wait_until_it_has_begun() const {
    const std::uint64_t deadline = monotonic_ns() + patience_ns();
    while (!has_begun() && monotonic_ns() < deadline) std::this_thread::sleep_for(10ms);
    if (!has_begun()) throw std::runtime_error("not all sleepers have begun");
  }
  void end() { *until_ = monotonic_ns(); }  // one after the other
  [[nodiscard]] bool has_ended() { return process_->finished(); }

  /// When it has ended: none of it was the victim of a longer wait than it had, in these windows.
  void expect_no_sleep_in(const Watch& watch, std::uint64_t first, std::uint64_t end) const {
    int judged = 0;
    for (const std::uint32_t cpu : watch.cpus()) {
      for (const auto& [window, row] : watch.rows(cpu)) {
        if (window < first || window >= end || row[id::kWaitMax] == 0) continue;
        const auto pid = static_cast<pid_t>(watch.task(row[id::kVictim]).pid);
        const auto sleeper = std::ranges::find(sleepers_, pid, &Sleeper::tid);
        if (sleeper == sleepers_.end()) continue;
        ++judged;
        EXPECT_LE(row[id::kWaitMax], in_the_other_clock(sleeper->held_up)) << "thread " << pid;
      }
    }
    EXPECT_GT(judged, 0);
  }

 private:
  const Shared<std::array<Sleeper, kMostSleepers>> memory_;
  const std::span<Sleeper> sleepers_ = std::span(*memory_).first(emulated() ? 100 : kMostSleepers);
  const Shared<volatile std::uint64_t> until_;
  std::deque<Child> hogs_;
  std::optional<Child> process_;
};

TEST(SchedSleep, IsNeverCountedAsWaitingBesideALoadThatMovesSleepers) {
  KPULSE_NEED_BPF();
  Watch watch(10ms);
  Crowd crowd;
  // Before it begins, a thread waits as well, but does not know for how long.
  ASSERT_TRUE(watch.run_until([&] { return crowd.has_begun(); }));
  const std::uint64_t first = watch.window_at(wall_ns()) + 1;
  watch.run_for(7s);
  const std::uint64_t end = watch.taken();
  crowd.end();
  ASSERT_TRUE(watch.run_until([&] { return crowd.has_ended(); }));
  crowd.expect_no_sleep_in(watch, first, end);
}

TEST(SchedSleep, OfATaskThatWasMovedAsleepBeforeTheProbeCameIsNotCountedEither) {
  KPULSE_NEED_BPF();
  Crowd crowd;
  crowd.wait_until_it_has_begun();
  std::this_thread::sleep_for(3s);
  Watch watch(10ms);
  watch.run_for(4s);
  const std::uint64_t end = watch.taken();
  crowd.end();
  ASSERT_TRUE(watch.run_until([&] { return crowd.has_ended(); }));
  crowd.expect_no_sleep_in(watch, 0, end);
}

TEST(SchedSleep, OfATaskWhoseMoveWasNotShownIsNotCountedEither) {
  KPULSE_NEED_BPF();
  Crowd crowd;
  crowd.wait_until_it_has_begun();
  auto probe = std::make_unique<probes::SchedProbe>();
  probes::SchedProbe& sched = *probe;
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::move(probe));
  Watch watch(10ms, std::move(probes));
  sched.hide_moves();
  watch.run_for(2s);
  sched.hide_switches();  // who comes to a CPU now has a word that is not of its last arrival
  std::this_thread::sleep_for(1s);
  ASSERT_TRUE(sched.show_switches());
  watch.run_for(4s);
  const std::uint64_t end = watch.taken();
  crowd.end();
  ASSERT_TRUE(watch.run_until([&] { return crowd.has_ended(); }));
  crowd.expect_no_sleep_in(watch, 0, end);
}

}  // namespace
}  // namespace kpulse::test
