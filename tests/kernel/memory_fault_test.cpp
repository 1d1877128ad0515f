// Page faults against the kernel's own counters.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "kernel/memory_watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::memory;

/// Maps, touches and unmaps memory: a fault for each page.
void fault_until(std::uint64_t until) {
  constexpr std::size_t kBytes = 4UL << 20U;
  while (wall_ns() < until) {
    auto* memory =
        static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < kBytes; at += 4096) memory[at] = 1;
    munmap(memory, kBytes);
  }
}

TEST(MemoryFaults, FaultsEqualVmstat) {
  KPULSE_NEED_BPF();
  MemoryWatch watch(10ms);
  watch.run_for(100ms);
  const std::uint64_t until = wall_ns() + 2'500'000'000;
  Child load({.name = "kp_fault", .cpu = test_cpu()}, [=](Account&) { fault_until(until); });
  const auto faults = [] { return vmstat("pgfault"); };
  const AtWindowStart begin = read_at_window_start(watch.watch(), faults);
  watch.run_for(2s);
  const AtWindowStart end = read_at_window_start(watch.watch(), faults);
  watch.catch_up();
  const std::uint64_t counted =
      watch.sum(id::kUserFaults, begin.window, end.window) + watch.sum(id::kKernelFaults, begin.window, end.window);
  const std::uint64_t truth = end.value - begin.value;
  std::printf("faults: %lu counted, %lu in vmstat\n", counted, truth);
  ASSERT_GT(truth, 10'000U);
  EXPECT_LE(relative_error(counted, truth), 0.01);
  EXPECT_EQ(watch.intake().events_dropped, 0U);
}

TEST(MemoryFaults, FaultsAreInTheWindowTheyHappenedIn) {
  KPULSE_NEED_BPF();
  constexpr int kFaults = 2'000;
  MemoryWatch watch(10ms);
  watch.run_for(100ms);
  Child load({.name = "kp_burst", .cpu = test_cpu(), .nice = -20}, [](Account& account) {
    auto* memory =
        static_cast<char*>(mmap(nullptr, kFaults * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kFaults * 4096, MADV_NOHUGEPAGE);
    usleep(200'000);
    account.marks[0] = wall_ns();
    for (int page = 0; page < kFaults; ++page) memory[page * 4096] = 1;
    account.marks[1] = wall_ns();
  });
  ASSERT_TRUE(watch.run_until([&] { return load.finished(); }, 10s));
  watch.catch_up();
  const std::uint64_t first = watch.window_at(load.account().marks[0]);
  const std::uint64_t last = watch.window_at(load.account().marks[1]);
  // Only every 32nd fault reads the clock: as many less one may be counted one window early, and none is lost.
  constexpr std::uint64_t kEarly = 31;
  EXPECT_GE(watch.sum(id::kUserFaults, first - 1, last + 1), static_cast<std::uint64_t>(kFaults));
  EXPECT_GE(watch.sum(id::kUserFaults, first, last + 1), kFaults - kEarly);
}

TEST(MemoryFaults, MajorFaultsOfAFileThatIsNotCachedAreCounted) {
  KPULSE_NEED_BPF();
  const std::string path = "/var/tmp/kp_major_" + std::to_string(getpid());
  std::ofstream(path) << std::string(8U << 20U, 'x') << std::flush;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  unlink(path.c_str());
  ASSERT_GE(file, 0);
  fsync(file);
  MemoryWatch watch(10ms);
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns());
  Child reader({.name = "kp_major", .cpu = test_cpu()}, [=](Account& account) {
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    const auto* memory = static_cast<const volatile char*>(mmap(nullptr, 8U << 20U, PROT_READ, MAP_SHARED, file, 0));
    madvise(const_cast<char*>(memory), 8U << 20U, MADV_RANDOM);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    for (std::size_t at = 0; at < 8U << 20U; at += 1U << 16U) static_cast<void>(memory[at]);
    getrusage(RUSAGE_SELF, &after);
    account.marks[0] = static_cast<std::uint64_t>(after.ru_majflt - before.ru_majflt);
  });
  ASSERT_TRUE(watch.run_until([&] { return reader.finished(); }, 10s));
  watch.catch_up();
  close(file);
  const std::uint64_t truth = reader.account().marks[0];
  if (truth == 0) GTEST_SKIP() << "/var/tmp does not let go of its page cache";
  EXPECT_GE(watch.sum(id::kMajorFaults, first, watch.window_at(wall_ns())), truth);
}

}  // namespace
}  // namespace kpulse::test
