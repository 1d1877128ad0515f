// A whole machine short of memory: only in a small guest (tests/vm), never on a machine that others use.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"
#include "kernel/block_device.h"
#include "kernel/kernel_trace.h"
#include "kernel/memory_trace.h"
#include "kernel/memory_truth.h"
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

/// How many have a place in the distribution so far.
std::uint64_t stalls(const MemoryWatch& watch, const std::string& kind) {
  return count_of(watch.watch().histogram(ids::kMemoryStall, kind));
}

struct Truth {
  std::uint64_t stalls = vmstat_sum("allocstall"), kswapd_runs = vmstat("pageoutrun"),
                stolen = vmstat("pgsteal_direct"), compactions = vmstat("compact_stall"), kswapd_ns = kswapd_cpu_ns();
};

/// The kernel's counters before and after all of kpulse's were read: what they say of that moment lies between.
struct Reading {
  explicit Reading(MemoryWatch& watch) : mark(watch.mark()), direct(stalls(watch, "direct_reclaim")) {}

  Truth before;
  Mark mark;
  std::uint64_t direct;  ///< with a place in the distribution
  Truth after;
};

/// Growth of a counter between two moments.
Bracket growth(std::uint64_t Truth::*counter, const Reading& from, const Reading& to) {
  return {.least = to.before.*counter - from.after.*counter, .most = to.after.*counter - from.before.*counter};
}

/// Fills the page cache as fast as pages can be had, or makes pages dirty faster than a slow disk can write them.
void run_over_disk(const std::string& path, bool writes, int part, const volatile std::uint64_t& until) {
  static char buffer[1U << 18U];
  const FileDescriptor disk(open(path.c_str(), (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  const off_t start = static_cast<off_t>(part) << 31;
  for (off_t at = start; wall_ns() < until; at += sizeof(buffer)) {
    const ssize_t moved =
        writes ? pwrite(disk.get(), buffer, sizeof(buffer), at) : pread(disk.get(), buffer, sizeof(buffer), at);
    if (moved <= 0) _exit(1);
  }
}

/// Takes a part of the machine's memory for good: there is no swap, so all the rest has to make do with what is left.
void hold(double part, const volatile std::uint64_t& until) {
  const auto bytes = static_cast<std::size_t>(part * static_cast<double>(total_memory()));
  auto* memory = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (std::size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
  while (wall_ns() < until) usleep(10'000);
}

bool all_finished(std::deque<Child>& children) {
  return std::ranges::all_of(children, [](Child& child) { return child.finished(); });
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
  const Reading from(watch);
  const Shared<volatile std::uint64_t> until;
  *until = UINT64_MAX;
  std::deque<Child> children;
  children.emplace_back(ChildOptions{.name = "kp_hold"}, [&](Account&) { hold(0.5, *until); });
  for (int number = 0; number < 4; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_short", .cpu = number % 2 == 0 ? 0 : test_cpu()},
                          [&, number](Account&) { run_over_disk(disk.path(), false, number, *until); });
  }
  // How soon tasks have to reclaim by themselves depends on how fast the emulator is.
  const std::uint64_t least_end = wall_ns() + 5'000'000'000;
  ASSERT_TRUE(
      watch.run_until([&] { return wall_ns() > least_end && vmstat_sum("allocstall") > from.after.stalls + 10; }));
  *until = 0;
  ASSERT_TRUE(watch.run_until([&] { return all_finished(children); }));
  watch.run_for(500ms);  // kswapd comes to rest
  const Reading to(watch);
  const Bracket direct = growth(&Truth::stalls, from, to), kswapd_runs = growth(&Truth::kswapd_runs, from, to),
                stolen = growth(&Truth::stolen, from, to), kswapd_ns = growth(&Truth::kswapd_ns, from, to);
  const std::uint64_t windows_ns = (to.mark.window - from.mark.window) * watch.watch().window_ns();
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, from.mark.window, to.mark.window); };
  std::printf("direct reclaim: %lu times, vmstat %lu to %lu; %lu us, %lu KiB, vmstat %lu KiB\n", sum(id::kDirectCount),
              direct.least, direct.most, sum(id::kDirect) / 1000, sum(id::kDirectBytes) >> 10U, stolen.least * 4);
  std::printf("kswapd: %lu wakes, vmstat %lu to %lu; %lu us at work, CPU %lu us of %lu us\n", sum(id::kKswapdWakes),
              kswapd_runs.least, kswapd_runs.most, sum(id::kKswapd) / 1000, kswapd_ns.least / 1000, windows_ns / 1000);
  std::printf("compactions of a zone %lu (%lu us), vmstat stalls %lu; throttled %lu times; fallbacks %lu\n",
              sum(id::kCompactionCount), sum(id::kCompaction) / 1000, growth(&Truth::compactions, from, to).least,
              sum(id::kThrottleCount), sum(id::kFallbacks));
  ASSERT_GT(direct.least, 5U);
  expect_within(sum(id::kDirectCount), direct);
  expect_within(to.direct - from.direct, direct);
  EXPECT_GT(sum(id::kDirect), 0U);
  EXPECT_GE(sum(id::kDirectBytes), stolen.least * 4096);  // slab counts as well
  expect_within(sum(id::kKswapdWakes), kswapd_runs);
  EXPECT_GE(sum(id::kKswapd), kswapd_ns.least / 10 * 9);
  EXPECT_LE(sum(id::kKswapd), windows_ns);
  EXPECT_EQ(watch.intake().windows_lost, 0U);
}

/// A file of /proc/sys with another value as long as this lives.
class Setting {
 public:
  Setting(std::string path, const std::string& value) : path_(std::move(path)) {
    std::ifstream(path_) >> before_;
    std::ofstream(path_) << value << std::flush;
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() { std::ofstream(path_) << before_ << std::flush; }

 private:
  std::string path_, before_;
};

std::uint64_t free_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Takes memory, page by page, until this much is free. The pages lie in one range of addresses.
std::span<char> take_all_but(std::uint64_t rest) {
  const std::size_t bytes = total_memory();
  auto* memory = static_cast<char*>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  std::size_t taken = 0;
  for (; taken < bytes && free_memory() > rest; taken += 1UL << 20U) {
    for (std::size_t page = 0; page < 1UL << 20U; page += 4096) memory[taken + page] = 1;
  }
  return {memory, taken};
}

/// A child that takes memory for as long as it lives; made once it has it.
class Holder {
 public:
  Holder(const std::string& name, std::uint64_t rest, bool with_holes, MemoryWatch& watch)
      : child_({.name = name}, [=, this](Account&) {
          const std::span<char> memory = take_all_but(rest);
          // Pages that lie side by side: there is memory then, but hardly any two free pages together.
          for (std::size_t at = 0; with_holes && at < memory.size(); at += 8192)
            madvise(&memory[at], 4096, MADV_DONTNEED);
          *has_it_ = true;
          pause();
        }) {
    if (!watch.run_until([this] { return *has_it_; })) throw std::runtime_error("could not take the memory");
  }

 private:
  Shared<volatile bool> has_it_;
  Child child_;
};

TEST_F(MemoryPressure, CompactionsEqualTheKernelsTrace) {
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  KernelTrace before(both_ends_of_compactions());
  MemoryWatch watch(10ms);
  KernelTrace after(both_ends_of_compactions());
  const Holder holder("kp_holes", 16UL << 20U, true, watch);
  // Not until now: to make a trace takes memory, and so may compact.
  const Mark from = watch.mark();
  const std::uint64_t stalls_before = stalls(watch, "compaction");
  const Truth truth_before;
  Child asker({.name = "kp_huge", .cpu = test_cpu()}, [](Account&) {
    for (int round = 0; round < 3; ++round) {
      // As many as there can be, which stalls where there are no more; and all zones, whatever the kernel thinks of it.
      const Setting huge_pages("/proc/sys/vm/nr_hugepages", "60");
      std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return asker.finished(); }));
  const Mark to = watch.mark();
  const std::uint64_t distribution = stalls(watch, "compaction") - stalls_before;
  const StallSums traced = sums_between(compactions(before.stop(), after.stop()), from, to);
  const std::uint64_t counted = watch.sum(id::kCompactionCount, from.window, to.window),
                      took = watch.sum(id::kCompaction, from.window, to.window);
  std::printf("compactions: %lu (%lu us), traced %lu to %lu (%lu to %lu us)\n", counted, took / 1000,
              traced.count.least, traced.count.most, traced.ns.least / 1000, traced.ns.most / 1000);
  ASSERT_GT(traced.count.least, 3U);
  EXPECT_GT(Truth().compactions, truth_before.compactions);
  expect_within(counted, traced.count);
  expect_within(distribution, traced.count);
  expect_within(took, traced.ns);
}

TEST_F(MemoryPressure, WaitsOfReclaimingTasksEqualTheKernelsTrace) {
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  const Setting most_may_be_dirty("/proc/sys/vm/dirty_ratio", "90"),
      written_early("/proc/sys/vm/dirty_background_ratio", "5");
  const NullDisk slow(NullDisk::Attributes{
      {"size", "8192"}, {"irqmode", "2"}, {"completion_nsec", "20000000"}, {"hw_queue_depth", "4"}});
  KernelTrace trace({"vmscan/mm_vmscan_throttled"});
  MemoryWatch watch(10ms);
  const Holder holder("kp_hold", 40UL << 20U, false, watch);
  const Mark from = watch.mark();
  const std::uint64_t stalls_before = stalls(watch, "throttle"), dropped_before = watch.intake().events_dropped;
  const Shared<volatile std::uint64_t> until;
  *until = UINT64_MAX;
  std::deque<Child> children;
  for (int number = 0; number < 4; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_dirty", .cpu = number % 2 == 0 ? 0 : test_cpu()},
                          [&, number](Account&) { run_over_disk(slow.path(), true, number, *until); });
  }
  // How soon they have to wait depends on how fast the emulator is.
  const std::uint64_t least_end = wall_ns() + 5'000'000'000;
  ASSERT_TRUE(watch.run_until(
      [&] { return wall_ns() > least_end && watch.sum(id::kThrottleCount, from.window, UINT64_MAX) > 5; }));
  *until = 0;
  ASSERT_TRUE(watch.run_until([&] { return all_finished(children); }));
  watch.run_for(300ms);  // longer than a processor may be away between the trace and kpulse
  const Mark to = watch.mark();
  const std::uint64_t distribution = stalls(watch, "throttle") - stalls_before;
  const std::vector<TracedStall> waits = throttles(trace.stop());
  std::vector<TracedStall> with_a_time = waits;
  std::erase_if(with_a_time, [](const TracedStall& wait) { return wait.ns.most == 0; });
  const StallSums traced = sums_between(waits, from, to);
  const std::uint64_t counted = watch.sum(id::kThrottleCount, from.window, to.window),
                      took = watch.sum(id::kThrottle, from.window, to.window);
  std::printf("throttled: %lu times (%lu us), traced %lu to %lu (%lu to %lu us)\n", counted, took / 1000,
              traced.count.least, traced.count.most, traced.ns.least / 1000, traced.ns.most / 1000);
  ASSERT_GT(traced.count.least, 3U);
  const std::uint64_t missing = watch.intake().events_dropped - dropped_before;
  expect_within(counted, traced.count, missing);
  expect_within(distribution, sums_between(with_a_time, from, to).count, missing);
  if (missing == 0) {
    expect_within(took, traced.ns);
  } else {
    std::printf("%lu of them not counted: this test did not get to read for seconds\n", missing);
  }
}

}  // namespace
}  // namespace kpulse::test
