// What is counted by cgroup: against the kernel's own accounting of each cgroup and of the tasks in it.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "abi/cgroup.h"
#include "base/clock.h"
#include "base/handle.h"
#include "cgroups/hierarchy.h"
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
  // It says that it has stopped before it does. Whoever has its CPU can be sure.
  const PinnedTo beside(test_cpu());
  cgroup.join(child.pid());
  kill(child.pid(), SIGCONT);
}

/// Equal to the ns. Of a switch that a sandbox hides, only the clock tells.
void expect_accounted(Watch& watch, const TestCgroup& cgroup) {
  const std::uint64_t counted = watch.total(ids::kCgroupSched, cgroup.path(), id::kCpu);
  EXPECT_GT(counted, 0U) << cgroup.path();
  if (cgroup.as_accounted(counted) != cgroup.cpu_ns()) {
    EXPECT_GT(watch.sampler().intake().switches_missed, 0U)
        << cgroup.path() << ": " << counted << " ns instead of " << cgroup.cpu_ns();
  }
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
  const Shared<volatile std::uint64_t> end;
  std::deque<Child> children;
  for (const TestCgroup& cgroup : cgroups) {
    children.emplace_back(ChildOptions{.name = "kp_share", .cpu = test_cpu()}, once_moved([&] {
                            while (*end == 0 || wall_ns() < *end) {
                            }
                          }));
    move(children.back(), cgroup);
  }
  *end = wall_ns() + 3 * kSecond;
  ASSERT_TRUE(watch.run_until([&] { return all_finished(children); }));
  watch.catch_up();
  for (std::size_t index = 0; index < cgroups.size(); ++index) {
    const std::string path = cgroups[index].path();
    EXPECT_GT(cgroups[index].cpu_ns(), kSecond / 20) << path;
    expect_accounted(watch, cgroups[index]);
    EXPECT_EQ(count_of(watch.histogram(ids::kCgroupWait, path)), watch.total(ids::kCgroupSched, path, id::kWaits));
  }
}

TEST(CgroupSched, TheTimeOfATaskThatNeverYieldsIsInEachFrame) {
  KPULSE_NEED_CGROUPS();
  Watch watch(10ms);
  const TestCgroup cgroup(name_of("spin", 0));
  cgroup.set_shares(10'000);
  Child spinner({.name = "kp_spin", .cpu = test_cpu(), .nice = -20},
                once_moved([=] { spin_until(wall_ns() + kSecond); }));
  move(spinner, cgroup);
  watch.run_for(200ms);
  const std::uint64_t before = cgroup.cpu_ns();  // at its last tick
  watch.run_for(300ms);
  const std::uint64_t meanwhile = watch.total(ids::kCgroupSched, cgroup.path(), id::kCpu), after = cgroup.cpu_ns();
  EXPECT_GE(meanwhile, before);
  EXPECT_LE(cgroup.as_accounted(meanwhile), after);
  EXPECT_GT(meanwhile, 0U);
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }));
  watch.catch_up();
  expect_accounted(watch, cgroup);
}

TEST(CgroupSched, CgroupsThatGetTheSlotsOfOthersCountTheirOwnTimeAndNothingElse) {
  KPULSE_NEED_CGROUPS();
  constexpr int kCgroups = 15;
  Watch watch(10ms);
  for (int round = 0; round < 2; ++round) {
    for (int number = 0; number < kCgroups; ++number) {
      TestCgroup cgroup(name_of("again", round * kCgroups + number));
      Child child({.name = "kp_again", .cpu = test_cpu()}, once_moved([] { spin_until(wall_ns() + 200'000); }));
      move(child, cgroup);
      ASSERT_TRUE(watch.run_until([&] { return child.finished(); }));
      watch.catch_up();
      expect_accounted(watch, cgroup);
      cgroup.remove();
    }
    watch.run_for(2500ms);  // longer than a cgroup that is gone keeps its slot
  }
  EXPECT_EQ(watch.total(ids::kCgroupSched, "(other)", id::kSwitches), 0U);
}

/// On how many CPUs the programs know the cgroup's slot by heart, as the table that was made last has it.
int cpus_that_know(std::uint64_t cgroup) {
  FileDescriptor newest;
  for (__u32 map = 0; bpf_map_get_next_id(map, &map) == 0;) {
    FileDescriptor candidate(bpf_map_get_fd_by_id(map));
    bpf_map_info info{};
    __u32 size = sizeof(info);
    const bool read = candidate.get() >= 0 && bpf_obj_get_info_by_fd(candidate.get(), &info, &size) == 0;
    if (read && std::string_view(info.name) == "kp_cgroup_cpus") newest = std::move(candidate);
  }
  int know = 0;
  kp_cgroup_cpu cpu{};
  for (__u32 number = 0; bpf_map_lookup_elem(newest.get(), &number, &cpu) == 0; ++number)
    know += cpu.cache.entry[cgroup % KP_CGROUP_CACHE] >> KP_CGROUP_SLOT_BITS == cgroup ? 1 : 0;
  return know;
}

TEST(CgroupSched, TheSlotOfOneThatIsGoneIsForgottenOnEachCpu) {
  KPULSE_NEED_CGROUPS();
  Watch watch(10ms);
  struct stat folder{};
  // There is one place for some cgroups, and others may take it all the time; so several are tried.
  for (int number = 0; number < 20 && (number == 0 || cpus_that_know(folder.st_ino) == 0); ++number) {
    TestCgroup cgroup(name_of("forgotten", number));
    ASSERT_EQ(stat((cgroups::this_hierarchy().mount + cgroup.path()).c_str(), &folder), 0);
    Child child({.name = "kp_forgotten", .cpu = test_cpu()}, once_moved([] { spin_until(wall_ns() + 200'000); }));
    move(child, cgroup);
    while (!child.finished()) usleep(1'000);
    cgroup.remove();
  }
  EXPECT_GE(cpus_that_know(folder.st_ino), 1);
  EXPECT_TRUE(watch.run_until([&] { return cpus_that_know(folder.st_ino) == 0; }));
}

/// A cgroup in which one process lived that did only a little.
TestCgroup come_and_go(const std::string& name, std::uint64_t spin_ns) {
  TestCgroup cgroup(name);
  Child child({.name = "kp_brief", .cpu = test_cpu()}, once_moved([=] { spin_until(wall_ns() + spin_ns); }));
  move(child, cgroup);
  while (!child.finished()) usleep(100);
  return cgroup;
}

TEST(CgroupSched, MoreCgroupsThanSlotsThatComeAndGoLeaveNothingBehindAndAreNamedOrCounted) {
  KPULSE_NEED_CGROUPS();
  constexpr int kMost = 1'000;
  const int cgroups = emulated() ? KP_CGROUP_SLOTS + 50 : kMost, accounts = cgroups - 1;
  const Shared<std::array<std::uint64_t, kMost>> used;
  Watch watch(10ms);
  Child maker({.name = "kp_maker"}, [&](Account&) {
    // Neighbours in time differ: one that got another's name is noticed.
    std::optional<TestCgroup> last;
    for (int number = 0; number < cgroups; ++number) {
      TestCgroup cgroup = come_and_go(name_of("brief", number), 200'000 + number % 3 * 1'000'000);
      // Its process may be in its last lines still; that of the one before has left the CPU, for both had the same one.
      if (last) {
        used->at(number - 1) = last->cpu_ns();
        last->remove();
      }
      last.emplace(std::move(cgroup));
    }
  });
  const pid_t prefix = maker.pid();
  ASSERT_TRUE(watch.run_until([&] { return maker.finished(); }));
  watch.run_for(3s);  // longer than a cgroup that is gone keeps its slot
  const TestCgroup last(name_of("last", 0));
  int named = 0, beyond = 0;
  for (int number = 0; number < accounts; ++number) {
    const std::string path = "/kp_brief_" + std::to_string(prefix) + "_" + std::to_string(number);
    const std::uint64_t cpu = watch.total(ids::kCgroupSched, path, id::kCpu);
    if (cpu == 0) continue;
    ++named;
    // Less where there was no slot until its process had run for a while: that is in "(other)".
    if (last.as_accounted(cpu) == used->at(number) || (cpu < used->at(number) && named < number)) continue;
    ++beyond;
    if (beyond <= 5) std::cout << path << ": " << cpu << " ns instead of " << used->at(number) << '\n';
  }
  // Of a switch that a sandbox hides, only the clock tells.
  EXPECT_LE(static_cast<std::uint64_t>(beyond), watch.sampler().intake().switches_missed);
  const std::uint64_t other = watch.total(ids::kCgroupSched, "(other)", id::kSwitches);
  EXPECT_GE(named, 200);
  EXPECT_THAT(watch.tags(ids::kCgroupSched), testing::Not(testing::Contains(testing::StartsWith("(id "))));
  if (named < accounts) {
    EXPECT_GE(other, static_cast<std::uint64_t>(accounts - named));
    EXPECT_GE(watch.sampler().intake().cgroups_refused, static_cast<std::uint64_t>(accounts - named));
  }
  // The slots are free again: one more cgroup is known by its name.
  Child child({.name = "kp_last", .cpu = test_cpu()}, inside(last, [] { spin_until(wall_ns() + 5'000'000); }));
  ASSERT_TRUE(watch.run_until([&] { return child.finished(); }));
  watch.catch_up();
  EXPECT_GT(watch.total(ids::kCgroupSched, last.path(), id::kCpu), 0U);
}

}  // namespace
}  // namespace kpulse::test
