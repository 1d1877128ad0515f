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
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"
#include "kernel/block_device.h"
#include "kernel/kernel_trace.h"
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
  std::uint64_t stalls = vmstat_sum("allocstall"), kswapd_runs = vmstat("pageoutrun"),
                stolen = vmstat("pgsteal_direct"), compactions = vmstat("compact_stall"), kswapd_ns = kswapd_cpu_ns();

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
  const std::uint64_t begin = wall_ns();
  const Shared<volatile std::uint64_t> until;
  *until = begin + 40'000'000'000;
  std::deque<Child> children;
  children.emplace_back(ChildOptions{.name = "kp_hold"}, [&](Account&) { hold(0.5, *until); });
  for (int number = 0; number < 4; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_short", .cpu = number % 2 == 0 ? 0 : test_cpu()},
                          [&, number](Account&) { run_over_disk(disk.path(), false, number, *until); });
  }
  // How soon tasks have to reclaim by themselves depends on how fast the emulator is.
  ASSERT_TRUE(watch.run_until(
      [&] { return wall_ns() > begin + 5'000'000'000 && vmstat_sum("allocstall") > before.stalls + 10; }, 40s));
  *until = wall_ns();
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

/// What tasks other than the kernel's own caused: kswapd and kcompactd are not stalled by their work.
std::vector<TraceEvent> caused_by_tasks(std::vector<TraceEvent> events) {
  std::erase_if(events, [](const TraceEvent& event) {
    return event.comm.starts_with("kswapd") || event.comm.starts_with("kcompactd");
  });
  return events;
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
    if (!watch.run_until([this] { return *has_it_; }, 60s)) throw std::runtime_error("could not take the memory");
  }

 private:
  Shared<volatile bool> has_it_;
  Child child_;
};

/// How many have a place in the distribution so far.
std::uint64_t stalls(const MemoryWatch& watch, const std::string& kind) {
  return count_of(watch.watch().histogram(ids::kMemoryStall, kind));
}

/// The kernel's trace tells times in whole microseconds.
constexpr std::uint64_t kTraceStepNs = 1'000;

struct Compaction {
  std::uint32_t pid = 0;
  std::uint64_t begin = 0, end = 0;
};

/// Those that began and ended in the trace and were not a kernel thread's own.
std::vector<Compaction> compactions(std::vector<TraceEvent> events) {
  std::vector<Compaction> all;
  std::map<std::uint32_t, std::uint64_t> begins;
  for (const TraceEvent& event : caused_by_tasks(std::move(events))) {
    if (event.name == "mm_compaction_begin") {
      begins[event.pid] = event.mono_ns;
    } else if (const auto begin = begins.extract(event.pid); !begin.empty()) {
      all.push_back({.pid = event.pid, .begin = begin.mapped(), .end = event.mono_ns});
    }
  }
  return all;
}

TEST_F(MemoryPressure, CompactionsEqualTheKernelsTrace) {
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  // Traced from before our programs were attached, and so at each event asked before them; and, below, after them.
  const std::vector<std::string> both_ends{"compaction/mm_compaction_begin", "compaction/mm_compaction_end"};
  KernelTrace trace_before(both_ends);
  MemoryWatch watch(10ms);
  const Holder holder("kp_holes", 16UL << 20U, true, watch);
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns());
  const std::uint64_t stalls_before = stalls(watch, "compaction");
  const Truth truth_before;
  KernelTrace trace_after(both_ends);
  Child asker({.name = "kp_huge", .cpu = test_cpu()}, [](Account&) {
    for (int round = 0; round < 3; ++round) {
      // As many as there can be, which stalls where there are no more; and all zones, whatever the kernel thinks of it.
      const Setting huge_pages("/proc/sys/vm/nr_hugepages", "60");
      std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
    }
  });
  ASSERT_TRUE(watch.run_until([&] { return asker.finished(); }, 60s));
  const std::vector<Compaction> after = compactions(trace_after.stop()), before = compactions(trace_before.stop());
  watch.catch_up();
  const std::uint64_t end = watch.window_at(wall_ns()), count = after.size();
  std::uint64_t least = 0, most = 0;
  for (const Compaction& later : after) {
    // Nobody compacts twice at the same time.
    const auto earlier = std::find_if(before.rbegin(), before.rend(), [&](const Compaction& one) {
      return one.pid == later.pid && one.begin <= later.begin;
    });
    ASSERT_NE(earlier, before.rend());
    least += earlier->end - std::min(later.begin + kTraceStepNs, earlier->end);
    most += later.end + kTraceStepNs - earlier->begin;
  }
  const std::uint64_t counted = watch.sum(id::kCompactionCount, first, end),
                      took = watch.sum(id::kCompaction, first, end);
  std::printf("compactions: %lu (%lu us), traced %lu (%lu to %lu us)\n", counted, took / 1000, count, least / 1000,
              most / 1000);
  ASSERT_GT(count, 3U);
  EXPECT_GT((Truth() - truth_before).compactions, 0U);
  EXPECT_EQ(counted, count);
  EXPECT_EQ(stalls(watch, "compaction") - stalls_before, count);
  EXPECT_GE(took, least);
  EXPECT_LE(took, most);
}

TEST_F(MemoryPressure, WaitsOfReclaimingTasksEqualTheKernelsTrace) {
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  const Setting most_may_be_dirty("/proc/sys/vm/dirty_ratio", "90"),
      written_early("/proc/sys/vm/dirty_background_ratio", "5");
  const NullDisk slow(NullDisk::Attributes{
      {"size", "8192"}, {"irqmode", "2"}, {"completion_nsec", "20000000"}, {"hw_queue_depth", "4"}});
  MemoryWatch watch(10ms);
  const Holder holder("kp_hold", 40UL << 20U, false, watch);
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns()), until = wall_ns() + 5'000'000'000;
  const std::uint64_t stalls_before = stalls(watch, "throttle");
  KernelTrace trace({"vmscan/mm_vmscan_throttled"});
  std::deque<Child> children;
  for (int number = 0; number < 4; ++number) {
    children.emplace_back(ChildOptions{.name = "kp_dirty", .cpu = number % 2 == 0 ? 0 : test_cpu()},
                          [&, number](Account&) { run_over_disk(slow.path(), true, number, until); });
  }
  const auto finished = [&] { return std::ranges::all_of(children, [](Child& child) { return child.finished(); }); };
  ASSERT_TRUE(watch.run_until(finished, 60s));
  const std::vector<TraceEvent> waits = caused_by_tasks(trace.stop());
  watch.catch_up();
  const std::uint64_t end = watch.window_at(wall_ns());
  std::uint64_t time = 0;
  for (const TraceEvent& wait : waits) time += wait.number("delayed") * 1'000;
  const std::uint64_t counted = watch.sum(id::kThrottleCount, first, end), took = watch.sum(id::kThrottle, first, end);
  std::printf("throttled: %lu times (%lu us), traced %zu (%lu us)\n", counted, took / 1000, waits.size(), time / 1000);
  ASSERT_GT(waits.size(), 3U);
  EXPECT_EQ(counted, waits.size());
  EXPECT_EQ(stalls(watch, "throttle") - stalls_before,
            std::ranges::count_if(waits, [](const TraceEvent& wait) { return wait.number("delayed") > 0; }));
  EXPECT_EQ(took, time);
}

}  // namespace
}  // namespace kpulse::test
