// A whole machine short of memory: only in a small guest (tests/vm), never on a machine that others use.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "base/handle.h"
#include "kernel/block_device.h"
#include "kernel/memory_watch.h"
#include "kernel/workload.h"
#include "model/histogram.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::memory;

constexpr std::uint64_t kSmall = 1UL << 30U;

std::uint64_t total_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string missing_for_pressure() {
  if (total_memory() >= kSmall) return "needs a machine with less than 1 GiB of memory, to be run short of it";
  return missing_for_null_disk();
}

/// Sum of all counters of /proc/vmstat that begin like this: allocstall_dma32, allocstall_normal, ...
std::uint64_t vmstat_sum(const std::string& head) {
  std::ifstream file("/proc/vmstat");
  std::uint64_t sum = 0;
  std::string key;
  for (std::uint64_t value = 0; file >> key >> value;) sum += key.starts_with(head) ? value : 0;
  return sum;
}

/// CPU time of all kswapd threads so far.
std::uint64_t kswapd_cpu_ns() {
  std::uint64_t sum = 0;
  std::error_code gone;
  for (const auto& process : std::filesystem::directory_iterator("/proc", gone)) {
    std::string comm;
    std::ifstream(process.path() / "comm") >> comm;
    std::uint64_t run = 0;
    if (comm.starts_with("kswapd") && std::ifstream(process.path() / "schedstat") >> run) sum += run;
  }
  return sum;
}

struct Truth {
  std::uint64_t stalls = vmstat_sum("allocstall"), kswapd_runs = vmstat("pageoutrun"), stolen = vmstat("pgsteal_direct"),
                compactions = vmstat("compact_stall"), kswapd_ns = kswapd_cpu_ns();

  Truth operator-(const Truth& before) const {
    Truth difference = *this;
    difference.stalls -= before.stalls;
    difference.kswapd_runs -= before.kswapd_runs;
    difference.stolen -= before.stolen;
    difference.compactions -= before.compactions;
    difference.kswapd_ns -= before.kswapd_ns;
    return difference;
  }
};

/// Fills the page cache as fast as pages can be had.
void read_disk(const std::string& path, int part, std::uint64_t until) {
  static char buffer[1U << 18U];
  const FileDescriptor disk(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const off_t start = static_cast<off_t>(part) << 31;
  for (off_t at = 0; wall_ns() < until; at += sizeof(buffer)) {
    if (pread(disk.get(), buffer, sizeof(buffer), start + at) <= 0) _exit(1);
  }
}

/// Takes a part of the machine's memory for good: there is no swap, so all the rest has to make do with what is left.
void hold(double part, std::uint64_t until) {
  const auto bytes = static_cast<std::size_t>(part * static_cast<double>(total_memory()));
  auto* memory = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (std::size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
  while (wall_ns() < until) usleep(10'000);
}

class MemoryPressure : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    if (const std::string missing = missing_for_pressure(); !missing.empty()) GTEST_SKIP() << missing;
    // Or this program would be read again and again from where it lies, which takes longer than the test.
    ASSERT_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
  }
  void TearDown() override { munlockall(); }
};

TEST_F(MemoryPressure, DirectReclaimsAndRunsOfKswapdEqualVmstat) {
  const NullDisk disk(NullDisk::Attributes{{"size", "8192"}, {"irqmode", "0"}});
  MemoryWatch watch(10ms);
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns());
  const Truth before;
  const std::uint64_t begin = wall_ns(), until = begin + 5'000'000'000;
  std::deque<Child> children;
  children.emplace_back(ChildOptions{.name = "kp_hold"}, [=](Account&) { hold(0.5, until); });
  for (int number = 0; number < 4; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_short", .cpu = number % 2 == 0 ? 0 : test_cpu()},
                          [&, number](Account&) { read_disk(disk.path(), number, until); });
  }
  const auto finished = [&] { return std::ranges::all_of(children, [](Child& child) { return child.finished(); }); };
  ASSERT_TRUE(watch.run_until(finished, 60s));
  watch.run_for(500ms);  // kswapd comes to rest
  const Truth truth = Truth() - before;
  const std::uint64_t elapsed = wall_ns() - begin;
  watch.catch_up();
  const std::uint64_t end = watch.window_at(wall_ns()) + 1;
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, first, end); };
  std::printf("direct reclaim: %lu times, vmstat %lu; %lu us, %lu KiB, vmstat %lu KiB\n", sum(id::kDirectCount),
              truth.stalls, sum(id::kDirect) / 1000, sum(id::kDirectBytes) >> 10U, truth.stolen * 4);
  std::printf("kswapd: %lu wakes, vmstat %lu; %lu us at work, CPU %lu us of %lu us\n", sum(id::kKswapdWakes),
              truth.kswapd_runs, sum(id::kKswapd) / 1000, truth.kswapd_ns / 1000, elapsed / 1000);
  std::printf("compactions of a zone %lu (%lu us), vmstat stalls %lu; throttled %lu times; fallbacks %lu\n",
              sum(id::kCompactionCount), sum(id::kCompaction) / 1000, truth.compactions, sum(id::kThrottleCount),
              sum(id::kFallbacks));
  ASSERT_GT(truth.stalls, 5U);
  EXPECT_EQ(sum(id::kDirectCount), truth.stalls);
  EXPECT_EQ(count_of(watch.watch().histogram(ids::kMemoryStall, "direct_reclaim")), truth.stalls);
  EXPECT_GT(sum(id::kDirect), 0U);
  EXPECT_GE(sum(id::kDirectBytes), truth.stolen * 4096);  // slab counts as well
  EXPECT_EQ(sum(id::kKswapdWakes), truth.kswapd_runs);
  EXPECT_GE(sum(id::kKswapd), truth.kswapd_ns / 10 * 9);
  EXPECT_LE(sum(id::kKswapd), elapsed);
  EXPECT_EQ(watch.intake().windows_lost, 0U);
}

}  // namespace
}  // namespace kpulse::test
