// What is counted by cgroup: against the kernel's own accounting of each cgroup and of the tasks in it.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <string>

#include "base/clock.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/histogram.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::cgroup_sched;

constexpr std::uint64_t kSecond = 1'000'000'000;
/// In emulation single cgroups differ from the kernel's account by 2 ms, now and then. Why is not known.
constexpr double kEmulatedSlackNs = 5e6;

#define KPULSE_NEED_CGROUPS() \
  KPULSE_NEED_BPF();          \
  if (const std::string missing = missing_for_cgroups(); !missing.empty()) GTEST_SKIP() << missing

/// Runs `work` in a child that first joins the cgroup.
std::function<void(Account&)> inside(const TestCgroup& cgroup, std::function<void()> work) {
  return [&cgroup, work = std::move(work)](Account&) {
    cgroup.join();
    work();
  };
}

/// For a child that move() moves before it begins. Of a task that runs when it is moved, the kernel charges the new
/// cgroup with the time since its last tick, too.
std::function<void(Account&)> once_moved(std::function<void()> work) {
  return [work = std::move(work)](Account&) {
    raise(SIGSTOP);
    work();
  };
}

void move(const Child& child, const TestCgroup& cgroup) {
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  cgroup.join(child.pid());
  kill(child.pid(), SIGCONT);
}

bool all_finished(std::deque<Child>& children) {
  return std::ranges::all_of(children, [](Child& child) { return child.finished(); });
}

TEST(CgroupSched, CpuTimeOfCgroupsThatShareACpuEqualsTheirAccounts) {
  KPULSE_NEED_CGROUPS();
  Watch watch(10ms);
  std::deque<TestCgroup> cgroups;
  for (int number = 0; number < 4; ++number) {
    cgroups.emplace_back(name_of("share", number)).set_shares(256 << number);
  }
  const std::uint64_t end = wall_ns() + 3 * kSecond;
  std::deque<Child> children;
  for (const TestCgroup& cgroup : cgroups) {
    children.emplace_back(ChildOptions{.name = "kp_share", .cpu = test_cpu()}, once_moved([=] { spin_until(end); }));
    move(children.back(), cgroup);
  }
  ASSERT_TRUE(watch.run_until([&] { return all_finished(children); }, 30s));
  watch.catch_up();
  for (std::size_t index = 0; index < cgroups.size(); ++index) {
    const std::string path = cgroups[index].path();
    EXPECT_GT(cgroups[index].cpu_ns(), kSecond / 20) << path;
    EXPECT_LE(relative_error(watch.total(ids::kCgroupSched, path, id::kCpu), cgroups[index].cpu_ns()), 0.01) << path;
    EXPECT_EQ(count_of(watch.histogram(ids::kCgroupWait, path)), watch.total(ids::kCgroupSched, path, id::kWaits));
  }
}

TEST(CgroupSched, TheTimeOfATaskThatNeverYieldsIsInEachFrame) {
  KPULSE_NEED_CGROUPS();
  Watch watch(10ms);
  const TestCgroup cgroup(name_of("spin", 0));
  cgroup.set_shares(10'000);
  const std::uint64_t begin = wall_ns(), end = begin + kSecond;
  Child spinner({.name = "kp_spin", .cpu = test_cpu(), .nice = -20}, inside(cgroup, [=] { spin_until(end); }));
  watch.run_for(500ms);
  const std::uint64_t half = watch.total(ids::kCgroupSched, cgroup.path(), id::kCpu);
  EXPECT_GT(half, 300'000'000U);
  EXPECT_LT(half, wall_ns() - begin);
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }, 10s));
  watch.catch_up();
  EXPECT_LE(relative_error(watch.total(ids::kCgroupSched, cgroup.path(), id::kCpu), cgroup.cpu_ns()), 0.01);
}

TEST(CgroupSched, CgroupsThatGetTheSlotsOfOthersCountTheirOwnTimeAndNothingElse) {
  KPULSE_NEED_CGROUPS();
  constexpr int kCgroups = 15;
  const double slack_ns = emulated() ? kEmulatedSlackNs : 1e6;
  Watch watch(10ms);
  for (int round = 0; round < 2; ++round) {
    for (int number = 0; number < kCgroups; ++number) {
      TestCgroup cgroup(name_of("again", round * kCgroups + number));
      Child child({.name = "kp_again", .cpu = test_cpu()}, once_moved([] { spin_until(wall_ns() + 200'000); }));
      move(child, cgroup);
      ASSERT_TRUE(watch.run_until([&] { return child.finished(); }, 10s));
      watch.catch_up();
      const auto counted = static_cast<double>(watch.total(ids::kCgroupSched, cgroup.path(), id::kCpu));
      EXPECT_NEAR(counted, static_cast<double>(cgroup.cpu_ns()), slack_ns) << cgroup.path();
      EXPECT_GT(counted, 0) << cgroup.path();
      cgroup.remove();
    }
    watch.run_for(2500ms);  // longer than a cgroup that is gone keeps its slot
  }
  EXPECT_EQ(watch.total(ids::kCgroupSched, "(other)", id::kSwitches), 0U);
}

/// One process in a cgroup of its own that lives only as long as it takes to do a little. Returns its CPU time.
std::uint64_t come_and_go(const std::string& name, std::uint64_t spin_ns) {
  TestCgroup cgroup(name);
  Child child({.name = "kp_brief", .cpu = test_cpu()}, inside(cgroup, [=] { spin_until(wall_ns() + spin_ns); }));
  while (!child.finished()) usleep(100);
  const std::uint64_t used = cgroup.cpu_ns();
  cgroup.remove();
  return used;
}

TEST(CgroupSched, AThousandCgroupsThatComeAndGoLeaveNothingBehindAndAreNamedOrCounted) {
  KPULSE_NEED_CGROUPS();
  constexpr int kCgroups = 1'000;
  const auto slack_ns = static_cast<std::uint64_t>(emulated() ? kEmulatedSlackNs : 5e5);
  const Shared<std::array<std::uint64_t, kCgroups>> used;
  const std::uint64_t stolen_before = proc_stat("cpu", 7);
  Watch watch(10ms);
  Child maker({.name = "kp_maker"}, [&](Account&) {
    // Neighbours in time differ by more than the slack: one that got another's name is noticed.
    for (int number = 0; number < kCgroups; ++number)
      used->at(number) = come_and_go(name_of("brief", number), 200'000 + number % 3 * 2 * slack_ns);
  });
  const pid_t prefix = maker.pid();
  ASSERT_TRUE(watch.run_until([&] { return maker.finished(); }, 120s));
  watch.run_for(3s);  // longer than a cgroup that is gone keeps its slot
  int named = 0, beyond = 0;
  for (int number = 0; number < kCgroups; ++number) {
    const std::string path = "/kp_brief_" + std::to_string(prefix) + "_" + std::to_string(number);
    const std::uint64_t cpu = watch.total(ids::kCgroupSched, path, id::kCpu);
    if (cpu == 0) continue;
    ++named;
    const double at_most = static_cast<double>(used->at(number)) * 1.01 + static_cast<double>(slack_ns);
    if (static_cast<double>(cpu) <= at_most) continue;
    ++beyond;
    std::cout << path << ": " << cpu << " ns instead of " << used->at(number) << '\n';
  }
  // Of the task that runs when a frame ends it is not known what was taken away since the last tick (docs/METRICS.md).
  EXPECT_LE(beyond, proc_stat("cpu", 7) > stolen_before ? kCgroups / 100 : 0);
  const std::uint64_t other = watch.total(ids::kCgroupSched, "(other)", id::kSwitches);
  EXPECT_GE(named, 200);
  EXPECT_THAT(watch.tags(ids::kCgroupSched), testing::Not(testing::Contains(testing::StartsWith("(id "))));
  if (named < kCgroups) {
    EXPECT_GE(other, static_cast<std::uint64_t>(kCgroups - named));
    EXPECT_GE(watch.sampler().intake().cgroups_refused, static_cast<std::uint64_t>(kCgroups - named));
  }
  // The slots are free again: one more cgroup is known by its name.
  const TestCgroup last(name_of("last", 0));
  Child child({.name = "kp_last", .cpu = test_cpu()}, inside(last, [] { spin_until(wall_ns() + 5'000'000); }));
  ASSERT_TRUE(watch.run_until([&] { return child.finished(); }, 10s));
  watch.catch_up();
  EXPECT_GT(watch.total(ids::kCgroupSched, last.path(), id::kCpu), 0U);
}

}  // namespace
}  // namespace kpulse::test
