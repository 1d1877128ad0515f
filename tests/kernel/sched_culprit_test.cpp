// Whose fault the worst wait of a window is: who had the CPU most while the victim waited for it, wherever the wait
// ended and whoever came last.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "abi/histogram.h"
#include "base/clock.h"
#include "cgroups/hierarchy.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::sched;

constexpr std::uint64_t kMs = 1'000'000;

/// Inode of this process' group in the unified hierarchy: what the kernel calls the cgroup's id. 0 when there is none.
/// "4:memory:/x" or "0::/x" in /proc/self/cgroup, of the hierarchy that kpulse watches.
std::uint64_t own_cgroup_id() {
  const cgroups::Hierarchy hierarchy = cgroups::this_hierarchy();
  const std::string head = std::to_string(hierarchy.number) + ":";
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(head)) continue;
    struct stat info {};
    if (stat((hierarchy.mount + line.substr(line.find(':', head.size()) + 1)).c_str(), &info) == 0) return info.st_ino;
  }
  return 0;
}

void move_to(pid_t pid, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  ASSERT_EQ(sched_setaffinity(pid, sizeof(set), &set), 0);
}

TEST(SchedCulprit, OfTwoThatShareACpuEachIsTheOthers) {
  KPULSE_NEED_BPF();
  Watch watch(10ms);
  const auto spin = [](Account&) { spin_until(wall_ns() + 600'000 * kMs); };
  Child culprit({.name = "kp_culprit", .cpu = test_cpu(), .nice = -10}, spin);
  Child victim({.name = "kp_victim", .cpu = test_cpu(), .nice = -10}, spin);
  const auto named_so_far = [&] {
    return std::ranges::count_if(watch.rows(static_cast<std::uint32_t>(test_cpu())), [&](const auto& row) {
      const std::uint64_t had = row.second[id::kCulprit], waited = row.second[id::kVictim];
      return had != 0 && watch.task(had).comm == "kp_culprit" && watch.task(waited).comm == "kp_victim";
    });
  };
  watch.run_for(2s);
  ASSERT_TRUE(watch.run_until([&] { return named_so_far() > 20; }));
  // At first one may have had the CPU for itself for a while, longer than the other one then waits.
  const std::uint64_t both = watch.window_at(std::max(culprit.account().begin_wall, victim.account().begin_wall)) + 10;
  int named = 0, others = 0;
  for (const auto& [window, row] : watch.rows(static_cast<std::uint32_t>(test_cpu()))) {
    if (window < both || row[id::kVictim] == 0 || watch.task(row[id::kVictim]).comm != "kp_victim") continue;
    const Task& waited = watch.task(row[id::kVictim]);
    const Task& had = watch.task(row[id::kCulprit]);
    EXPECT_EQ(waited.pid, static_cast<std::uint32_t>(victim.pid()));
    EXPECT_EQ(waited.tgid, waited.pid);
    EXPECT_EQ(waited.cgroup, own_cgroup_id());
    EXPECT_GT(row[id::kCulpritTime], 0U);
    EXPECT_LE(row[id::kCulpritTime], row[id::kWaitMax]);
    if (row[id::kWaitMax] < 1 * kMs) continue;  // not for the other one's time slice
    if (had.pid == 0) {                         // the hypervisor had more of it than the other one
      EXPECT_TRUE(is_no_task_at_all(had)) << had.comm;
      continue;
    }
    if (had.comm != "kp_culprit") {  // which does not get the CPU first each time when a third task wants it, too
      ++others;
      continue;
    }
    EXPECT_EQ(had.pid, static_cast<std::uint32_t>(culprit.pid()));
    EXPECT_EQ(had.cgroup, own_cgroup_id());
    ++named;
  }
  EXPECT_GT(named, 5);
  EXPECT_LE(others, named / 10);
}

/// Of a cgroup, against 1024 (v1) or 100 (v2) of each other one.
constexpr int kMostShares = 10'000;

/// A task that waits behind a real-time one again and again.
class BehindAHog : public testing::Test {
 protected:
  static constexpr int kRounds = 10;
  static constexpr std::uint64_t kWait = 60 * kMs, kHog = kWait + 30 * kMs;

  void SetUp() override {
    KPULSE_NEED_BPF();
    if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
    if (cpu_ == 0) GTEST_SKIP() << "needs two CPUs";
    ASSERT_EQ(pipe(go_.data()), 0);
    ASSERT_EQ(pipe(done_.data()), 0);
  }

  /// In each round the waiter waits for its CPU behind a hog; `then` is done to it when it has waited for kWait. Each
  /// of these waits is there, and where it is the longest of its window, it is the hog's fault.
  /// A wait of `not_whole` and more may have been for somebody else as long as for the hog.
  void expect_hog(int ends_on, std::uint64_t not_whole, const std::function<void(pid_t waiter)>& then) {
    Watch watch(10ms);
    const TestCgroup cgroup(name_of("waiter", 0));
    cgroup.set_shares(kMostShares);  // it waits for nobody but the hog
    Child waiter({.name = "kp_waiter", .cpu = cpu_}, [&](Account&) {
      cgroup.join();
      wait_for_the_cpu();
    });
    expect_done();  // it waits in its cgroup from now on
    for (int round = 0; round < kRounds; ++round) {
      move_to(waiter.pid(), cpu_);
      Child hog({.name = "kp_hog", .cpu = cpu_}, [&](Account&) {
        become_real_time(50);
        if (write(go_[1], "g", 1) != 1) _exit(94);
        const std::uint64_t begin = wall_ns();
        spin_until(begin + kWait);
        then(waiter.pid());
        spin_until(begin + kHog);
      });
      ASSERT_TRUE(watch.run_until([&] { return hog.finished(); }));
      expect_done();
    }
    ASSERT_EQ(write(go_[1], "q", 1), 1);
    ASSERT_TRUE(watch.run_until([&] { return waiter.finished(); }));
    watch.catch_up();
    std::uint64_t waits = 0;
    for (const Bucket& bucket : watch.histogram(ids::kCgroupWait, cgroup.path()))
      waits += kp_hist_lower(bucket.index + 1) > kWait ? bucket.count : 0;
    EXPECT_GE(waits + watch.sampler().intake().switches_missed, kRounds);  // a sandbox may have hidden some
    EXPECT_GE(waits, kRounds / 2);
    for (const auto& [window, row] : watch.rows(static_cast<std::uint32_t>(ends_on))) {
      if (row[id::kWaitMax] < kWait || watch.task(row[id::kVictim]).comm != "kp_waiter") continue;
      if (row[id::kWaitMax] >= not_whole) continue;
      if (is_no_task_at_all(watch.task(row[id::kCulprit]))) continue;  // the hypervisor had even more of it
      EXPECT_EQ(watch.task(row[id::kCulprit]).comm, "kp_hog");
      EXPECT_LE(row[id::kCulpritTime], row[id::kWaitMax]);
      EXPECT_GT(row[id::kCulpritTime], kWait / 2);
    }
  }

  const int cpu_ = test_cpu();  // of the process as it is before it is pinned
  const PinnedTo other_cpu_{0};

 private:
  void wait_for_the_cpu() const {
    char byte = 'g';
    while (byte == 'g' && write(done_[1], "d", 1) == 1) {
      if (read(go_[0], &byte, 1) != 1) return;
    }
  }

  void expect_done() const {
    char byte = 0;
    ASSERT_EQ(read(done_[0], &byte, 1), 1);
  }

  std::array<int, 2> go_{}, done_{};
};

TEST_F(BehindAHog, AWaitThatEndsThereIsItsFault) {
  expect_hog(cpu_, 2 * kHog, [](pid_t) {});
}

TEST_F(BehindAHog, AWaitThatEndsOnAnotherCpuIsSeenWholeAndItsFault) {
  expect_hog(0, 2 * kWait, [](pid_t waiter) { move_to(waiter, 0); });
}

/// Pids of which the last seven bits are in common, as tasks that are moved while they wait are told apart by.
constexpr int kAlike = 128;

TEST_F(BehindAHog, AWaitThatEndsOnAnotherCpuIsItsFaultAlsoIfAnotherTaskWasMovedWithIt) {
  constexpr std::uint64_t kShort = 15 * kMs;
  constexpr int kOften = 5;
  std::array<int, 2> go_first{}, go_waiter{}, go_other{};
  ASSERT_EQ(pipe(go_first.data()) + pipe(go_waiter.data()) + pipe(go_other.data()), 0);
  Watch watch(10ms);
  const auto waits = [](int go, int priority, std::uint64_t run_ns) {
    return [=](Account&) {
      become_real_time(priority);
      for (char byte = 0; read(go, &byte, 1) == 1;) spin_until(wall_ns() + run_ns);
    };
  };
  const Child first({.name = "kp_first", .cpu = cpu_}, waits(go_first[0], 40, kShort));
  std::optional<Child> waiter;
  for (int attempt = 0; attempt < 20 * kAlike; ++attempt) {
    waiter.emplace(ChildOptions{.name = "kp_waiter", .cpu = cpu_}, waits(go_waiter[0], 30, 0));
    if (waiter->pid() % kAlike == first.pid() % kAlike) break;
  }
  ASSERT_EQ(waiter->pid() % kAlike, first.pid() % kAlike);
  for (int round = 0; round < kOften; ++round) {
    move_to(first.pid(), cpu_);
    move_to(waiter->pid(), cpu_);
    watch.run_for(50ms);
    Child other({.name = "kp_other_hog", .cpu = 0}, [&](Account&) {
      become_real_time(50);
      char byte = 0;
      if (read(go_other[0], &byte, 1) == 1) spin_until(wall_ns() + kShort);
    });
    Child hog({.name = "kp_hog", .cpu = cpu_}, [&](Account&) {
      become_real_time(50);
      usleep(20'000);
      const std::uint64_t begin = wall_ns();
      if (write(go_first[1], "g", 1) + write(go_waiter[1], "g", 1) != 2) _exit(94);
      spin_until(begin + kWait - kShort / 2);
      if (write(go_other[1], "g", 1) != 1) _exit(94);
      spin_until(begin + kWait);
      move_to(first.pid(), 0);
      move_to(waiter->pid(), 0);
      spin_until(begin + kHog);
    });
    ASSERT_TRUE(watch.run_until([&] { return hog.finished() && other.finished(); }));
  }
  watch.catch_up();
  int judged = 0;
  for (const auto& [window, row] : watch.rows(0)) {
    if (row[id::kWaitMax] < kWait || watch.task(row[id::kVictim]).comm != "kp_waiter") continue;
    if (row[id::kWaitMax] >= 2 * kWait) continue;  // it may have been for one of the others as long as for the hog
    const Task culprit = watch.task(row[id::kCulprit]);
    if (is_no_task_at_all(culprit)) continue;  // the hypervisor had even more of it
    ++judged;
    EXPECT_EQ(culprit.comm, "kp_hog");
    EXPECT_GT(row[id::kCulpritTime], kWait / 2);
  }
  EXPECT_GT(judged, 0);
}

/// A hog that gets 10 ms of CPU time in 100 ms.
class Quota : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing;
    cgroup_ = std::make_unique<TestCgroup>(name_of("quota", 0));
    if (!cgroup_->set_quota_us(10'000)) GTEST_SKIP() << "needs the cpu controller";
    cgroup_->set_shares(kMostShares);  // what it may run it runs at once, whoever else wants the CPU
    watch_ = std::make_unique<Watch>(10ms);
  }

  /// Runs it in the cgroup or one below it, until it has waited for its quota often enough: on a busy machine a period
  /// in which it gets too much is paid for with several that are one wait.
  void run(const TestCgroup& cgroup) {
    Child hog({.name = "kp_limited", .cpu = test_cpu()}, [&](Account&) {
      cgroup.join();
      while (!*enough_) {
      }
    });
    EXPECT_TRUE(watch_->run_until([&] { return waits_of("kp_limited", 50 * kMs)["(throttled)"].count >= 15; }));
    *enough_ = true;
    ASSERT_TRUE(watch_->run_until([&] { return hog.finished(); }));
    watch_->catch_up();
  }

  struct Waits {
    int count = 0;
    std::uint64_t ns = 0, culprit_ns = 0;
  };

  /// By culprit: of the windows' longest waits those of `victim` that are longer than `wait`.
  [[nodiscard]] std::map<std::string, Waits> waits_of(const std::string& victim, std::uint64_t wait) const {
    std::map<std::string, Waits> all;
    const auto cpu = static_cast<std::uint32_t>(test_cpu());
    if (std::ranges::count(watch_->cpus(), cpu) == 0) return all;
    for (const auto& [window, row] : watch_->rows(cpu)) {
      if (row[id::kWaitMax] < wait || watch_->task(row[id::kVictim]).comm != victim) continue;
      if (is_no_task_at_all(watch_->task(row[id::kCulprit]))) continue;  // the hypervisor had even more of it
      Waits& waits = all[watch_->task(row[id::kCulprit]).comm];
      ++waits.count;
      waits.ns += row[id::kWaitMax];
      waits.culprit_ns += row[id::kCulpritTime];
      EXPECT_LE(row[id::kCulpritTime], row[id::kWaitMax]);
      EXPECT_GT(row[id::kCulpritTime], 0U) << watch_->task(row[id::kCulprit]).comm;
    }
    return all;
  }

  /// But for its first wait, before it has used any of its quota: on a busy machine that may be long.
  void expect_throttled() const {
    auto all = waits_of("kp_limited", 50 * kMs);
    const Waits throttled = all["(throttled)"];
    EXPECT_GE(throttled.count, 15);
    EXPECT_GE(throttled.culprit_ns, throttled.ns / 2);
    EXPECT_LE(throttled.culprit_ns, cgroup_->throttled_ns() + 1'000);  // cut off to microseconds
    for (const auto& [name, waits] : all)
      EXPECT_LE(waits.count, name == "(throttled)" ? throttled.count : 1 + throttled.count / 20) << name;
  }

  const Shared<volatile bool> enough_;
  std::unique_ptr<TestCgroup> cgroup_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(Quota, OfItsOwnIsTheFaultWhenATaskWaitsForTheNextPeriod) {
  run(*cgroup_);
  expect_throttled();
}

TEST_F(Quota, OfACgroupAboveIsItsFaultAsWell) {
  const TestCgroup below(name_of("quota", 0) + "/below");
  run(below);
  expect_throttled();
}

TEST_F(Quota, IsToldApartFromTheOneThatHasTheCpuMeanwhile) {
  Child other({.name = "kp_other", .cpu = test_cpu()}, [&](Account&) {
    while (!*enough_) {
    }
  });
  run(*cgroup_);
  expect_throttled();
  // It waits for the one with a quota for as long as that may run, and for nobody's quota.
  const auto others = waits_of("kp_other", kMs);
  EXPECT_FALSE(others.contains("(throttled)"));
  EXPECT_TRUE(others.contains("kp_limited"));
}

}  // namespace
}  // namespace kpulse::test
