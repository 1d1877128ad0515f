// What memory management did by cgroup: against the cgroups' own accounts and the figures of the whole machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <string>

#include "base/clock.h"
#include "kernel/memory_cgroup.h"
#include "kernel/memory_truth.h"
#include "kernel/memory_watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::memory;
namespace group = ids::cgroup_memory;

constexpr std::size_t kPage = 4096;

#define KPULSE_NEED_MEMCG() \
  KPULSE_NEED_BPF();        \
  if (const std::string missing = missing_for_memcg(); !missing.empty()) GTEST_SKIP() << missing

std::string unique(const char* what) {
  return std::string("kp_") + what + "_" + std::to_string(getpid());
}

char* fresh_memory(std::size_t bytes) {
  auto* memory = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  return memory;
}

/// A fault of user space for each page, and one of the kernel for as many.
void fault(std::size_t pages) {
  constexpr std::size_t kPass = 500;
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  for (std::size_t done = 0; done < pages; done += kPass) {
    char* touched = fresh_memory(kPass * kPage);
    for (std::size_t page = 0; page < kPass; ++page) touched[page * kPage] = 1;
    char* filled = fresh_memory(kPass * kPage);
    if (read(zero, filled, kPass * kPage) < 0) break;
    munmap(touched, kPass * kPage);
    munmap(filled, kPass * kPage);
    usleep(100);  // to make the two take turns
  }
  close(zero);
}

/// How many faults the calling process has meanwhile, by its own account.
std::uint64_t faults_of(const std::function<void()>& work) {
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  work();
  getrusage(RUSAGE_SELF, &after);
  return static_cast<std::uint64_t>(after.ru_minflt - before.ru_minflt);
}

/// Pages of files in a file system that is in memory itself are not let go of.
bool is_in_memory(const char* folder) {
  struct statfs info {};
  return statfs(folder, &info) != 0 || info.f_type == TMPFS_MAGIC || info.f_type == OVERLAYFS_SUPER_MAGIC;
}

/// Sum of a field over all cgroups.
std::uint64_t total_of_all(MemoryWatch& watch, std::uint32_t field) {
  std::uint64_t total = 0;
  for (const std::string& cgroup : watch.watch().tags(ids::kCgroupMemory)) {
    total += watch.watch().total(ids::kCgroupMemory, cgroup, field);
  }
  return total;
}

TEST(MemoryCgroups, FaultsOfTwoCgroupsThatShareACpuEqualTheirAccounts) {
  KPULSE_NEED_MEMCG();
  MemoryWatch watch(10ms);
  watch.run_for(50ms);
  const MemoryCgroup much(unique("much")), little(unique("little"));
  Child first({.name = "kp_much", .cpu = test_cpu()}, [&](Account& account) {
    much.join();
    account.marks[0] = faults_of([] { fault(60'000); });
  });
  Child second({.name = "kp_little", .cpu = test_cpu()}, [&](Account& account) {
    little.join();
    account.marks[0] = faults_of([] { fault(20'000); });
  });
  ASSERT_TRUE(watch.run_until([&] { return first.finished() && second.finished(); }));
  const auto added_up = [&] {
    return much.stat("pgfault") >= first.account().marks[0] && little.stat("pgfault") >= second.account().marks[0];
  };
  ASSERT_TRUE(watch.run_until(added_up)) << "the kernel adds up its accounts every 2 s";
  watch.catch_up();
  for (const MemoryCgroup* cgroup : {&much, &little}) {
    const std::uint64_t counted = watch.watch().total(ids::kCgroupMemory, cgroup->path(), group::kFaults);
    const std::uint64_t truth = cgroup->stat("pgfault");
    std::printf("faults of %s: %lu counted, %lu in memory.stat\n", cgroup->path().c_str(), counted, truth);
    EXPECT_GT(truth, cgroup == &much ? 110'000U : 36'000U);
    EXPECT_LE(relative_error(counted, truth), 0.01);
  }
}

TEST(MemoryCgroups, FaultsOfAllCgroupsAddUpToThoseOfTheMachine) {
  KPULSE_NEED_MEMCG();
  MemoryWatch watch(10ms);
  const MemoryCgroup cgroup(unique("sum"));
  const Mark from = watch.mark();
  const std::uint64_t before = total_of_all(watch, group::kFaults);
  Child load({.name = "kp_sum", .cpu = test_cpu()}, [&](Account&) {
    cgroup.join();
    fault(60'000);
  });
  ASSERT_TRUE(watch.run_until([&] { return load.finished(); }));
  const Mark to = watch.mark();
  const std::uint64_t counted = total_of_all(watch, group::kFaults) - before;
  // The cgroups' counters are not by window: they were read inside of one. Of a window, as many faults of a CPU may be
  // counted one window early.
  const std::uint64_t early = 31 * watch.watch().cpus().size();
  const Bracket all = watch.bracket(id::kUserFaults, from, to) + watch.bracket(id::kKernelFaults, from, to);
  std::printf("faults: %lu to %lu, %lu of all cgroups\n", all.least, all.most, counted);
  EXPECT_GE(counted + early, all.least);
  EXPECT_LE(counted, all.most + early);
}

TEST(MemoryCgroups, ReclaimOfACgroupAtItsLimitIsItsOwn) {
  KPULSE_NEED_MEMCG();
  constexpr std::uint64_t kLimit = 32UL << 20U;
  if (is_in_memory("/var/tmp")) GTEST_SKIP() << "needs a /var/tmp that is on a disk";
  const std::string path = "/var/tmp/" + unique("pages");
  std::ofstream(path) << std::string(4 * kLimit, 'x') << std::flush;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  unlink(path.c_str());
  fsync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  MemoryWatch watch(10ms);
  const MemoryCgroup small(unique("small"), kLimit), roomy(unique("roomy"));
  const Mark from = watch.mark();
  Child other({.name = "kp_roomy", .cpu = test_cpu()}, [&](Account&) {
    roomy.join();
    fault(10'000);
  });
  Child reader({.name = "kp_small", .cpu = test_cpu()}, [&](Account&) {
    small.join();
    static char buffer[1U << 20U];
    for (std::size_t at = 0; at < 4 * kLimit; at += sizeof(buffer)) {
      if (pread(file, buffer, sizeof(buffer), static_cast<off_t>(at)) <= 0) break;
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return reader.finished() && other.finished(); }));
  const Mark to = watch.mark();
  close(file);
  const auto of = [&](const MemoryCgroup& cgroup, std::uint32_t field) {
    return watch.watch().total(ids::kCgroupMemory, cgroup.path(), field);
  };
  const std::uint64_t count = of(small, group::kMemcgCount), time = of(small, group::kMemcg);
  std::printf("memcg reclaim of the cgroup: %lu times, %lu us\n", count, time / 1000);
  EXPECT_GT(count, 20U);
  expect_within(count, watch.bracket(id::kMemcgCount, from, to));
  expect_within(time, watch.bracket(id::kMemcg, from, to));
  EXPECT_EQ(of(roomy, group::kMemcgCount), 0U);
  EXPECT_EQ(of(roomy, group::kMemcg), 0U);
  EXPECT_GT(of(roomy, group::kFaults), 10'000U);
}

TEST(MemoryCgroups, TheTimeOfStallsLongerThanAWindowIsCompleteAndTheirCgroups) {
  KPULSE_NEED_MEMCG();
  if (access("/proc/sys/vm/compact_memory", W_OK) != 0) GTEST_SKIP() << "no writable /proc/sys/vm/compact_memory";
  MemoryWatch watch(1ms);
  const MemoryCgroup cgroup(unique("compact"));
  const Mark from = watch.mark();
  const std::uint64_t count = total_of_all(watch, group::kCompactionCount),
                      time = total_of_all(watch, group::kCompaction);
  Child asker({.name = "kp_compact", .cpu = test_cpu()}, [&](Account&) {
    cgroup.join();
    for (int round = 0; round < 20; ++round) std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
  });
  ASSERT_TRUE(watch.run_until([&] { return asker.finished(); }));
  const Mark to = watch.mark();
  const std::uint64_t counted = total_of_all(watch, group::kCompactionCount) - count,
                      took = total_of_all(watch, group::kCompaction) - time;
  EXPECT_GT(watch.watch().total(ids::kCgroupMemory, cgroup.path(), group::kCompaction), 0U);
  EXPECT_GE(watch.watch().total(ids::kCgroupMemory, cgroup.path(), group::kCompactionCount), 20U);
  expect_within(counted, watch.bracket(id::kCompactionCount, from, to));
  expect_within(took, watch.bracket(id::kCompaction, from, to));
}

TEST(MemoryCgroups, MajorFaultsAreThoseOfTheTaskThatReadTheFile) {
  KPULSE_NEED_MEMCG();
  constexpr std::size_t kBytes = 8U << 20U;
  const std::string path = "/var/tmp/" + unique("major");
  std::ofstream(path) << std::string(kBytes, 'x') << std::flush;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  unlink(path.c_str());
  fsync(file);
  MemoryWatch watch(10ms);
  watch.run_for(50ms);
  const MemoryCgroup cgroup(unique("reads"));
  Child reader({.name = "kp_major", .cpu = test_cpu()}, [&](Account& account) {
    cgroup.join();
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    const auto* memory = static_cast<const volatile char*>(mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0));
    madvise(const_cast<char*>(memory), kBytes, MADV_RANDOM);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    for (std::size_t at = 0; at < kBytes; at += 1U << 16U) static_cast<void>(memory[at]);
    getrusage(RUSAGE_SELF, &after);
    account.marks[0] = static_cast<std::uint64_t>(after.ru_majflt - before.ru_majflt);
  });
  ASSERT_TRUE(watch.run_until([&] { return reader.finished(); }));
  watch.catch_up();
  close(file);
  const std::uint64_t truth = reader.account().marks[0];
  if (truth == 0) GTEST_SKIP() << "/var/tmp does not let go of its page cache";
  const std::uint64_t counted = watch.watch().total(ids::kCgroupMemory, cgroup.path(), group::kMajorFaults);
  EXPECT_GE(counted, truth);
  EXPECT_LE(counted, truth + 8);
}

}  // namespace
}  // namespace kpulse::test
