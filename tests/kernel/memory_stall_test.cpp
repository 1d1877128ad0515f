// Stalls and OOM kills, caused by a memory cgroup with a small limit.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kernel/block_device.h"
#include "kernel/kernel_trace.h"
#include "kernel/memory_cgroup.h"
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

constexpr std::size_t kLimit = 64UL << 20U;

#define KPULSE_NEED_MEMCG() \
  KPULSE_NEED_BPF();        \
  if (const std::string missing = missing_for_memcg(); !missing.empty()) GTEST_SKIP() << missing

std::string unique(const char* what) {
  return std::string("kp_") + what + "_" + std::to_string(getpid());
}

/// Reads a file of four times the limit, so that its page cache has to be reclaimed all the time.
void read_much(int file) {
  static char buffer[1U << 20U];
  for (std::size_t at = 0; at < 4 * kLimit; at += sizeof(buffer)) {
    if (pread(file, buffer, sizeof(buffer), static_cast<off_t>(at)) <= 0) break;
  }
}

/// A file that its writer's cgroup pays no page cache for. -1: cannot. In a guest, whose files are all in memory, a
/// disk.
int large_file(std::optional<NullDisk>& disk) {
  if (missing_for_null_disk().empty()) {
    disk.emplace(NullDisk::Attributes{{"irqmode", "0"}});
    return open(disk->path().c_str(), O_RDONLY | O_CLOEXEC);
  }
  const std::string path = "/var/tmp/" + unique("file");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  unlink(path.c_str());
  const std::string block(1U << 20U, 'x');
  for (std::size_t at = 0; at < 4 * kLimit; at += block.size()) {
    if (pwrite(file, block.data(), block.size(), static_cast<off_t>(at)) < 0) return -1;
  }
  fsync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  return file;
}

TEST(MemoryStalls, ReclaimOfACgroupAtItsLimitIsCountedTimedAndNamed) {
  KPULSE_NEED_MEMCG();
  std::optional<NullDisk> disk;
  const int file = large_file(disk);
  ASSERT_GE(file, 0);
  MemoryWatch watch(10ms);
  const MemoryCgroup cgroup(unique("reclaim"), kLimit);
  const Mark from = watch.mark();
  const std::uint64_t stalls_before = count_of(watch.watch().histogram(ids::kMemoryStall, "memcg_reclaim"));
  const std::uint64_t scanned = vmstat("pgsteal_direct");
  Child reader({.name = "kp_reclaim", .cpu = test_cpu()}, [&](Account&) {
    cgroup.join();
    read_much(file);
  });
  ASSERT_TRUE(watch.run_until([&] { return reader.finished(); }));
  const Mark to = watch.mark();
  const std::uint64_t stalls = count_of(watch.watch().histogram(ids::kMemoryStall, "memcg_reclaim")) - stalls_before;
  close(file);
  const std::uint64_t run = reader.account().end_wall - reader.account().begin_wall;
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, from.window, to.window); };
  const std::uint64_t count = sum(id::kMemcgCount), time = sum(id::kMemcg), bytes = sum(id::kMemcgBytes);
  std::printf("memcg reclaim: %lu times, %lu us of %lu us, %lu KiB; vmstat pgsteal_direct %lu KiB\n", count,
              time / 1000, run / 1000, bytes >> 10U, (vmstat("pgsteal_direct") - scanned) * 4);
  EXPECT_GT(count, 20U);
  EXPECT_GT(time, 0U);
  EXPECT_LT(time, run);
  EXPECT_GT(bytes, 2 * kLimit);
  expect_within(stalls, watch.bracket(id::kMemcgCount, from, to));
  EXPECT_GT(watch.peak(id::kStallMax), 0U);
  EXPECT_TRUE(std::ranges::any_of(watch.stalled(), [&](const Task& task) {
    return task.comm == "kp_reclaim" && task.pid == static_cast<std::uint32_t>(reader.pid()) &&
           task.cgroup == cgroup.id();
  }));
}

TEST(MemoryStalls, CompactionOnRequestIsAStallOfTheTaskThatAskedForIt) {
  KPULSE_NEED_BPF();
  if (access("/proc/sys/vm/compact_memory", W_OK) != 0) GTEST_SKIP() << "no writable /proc/sys/vm/compact_memory";
  if (const std::string missing = missing_for_trace(); !missing.empty()) GTEST_SKIP() << missing;
  KernelTrace before(both_ends_of_compactions());
  MemoryWatch watch(1ms);  // one compaction takes 2 ms and more
  KernelTrace after(both_ends_of_compactions());
  const Mark from = watch.mark();
  Child asker({.name = "kp_compact", .cpu = test_cpu()}, [](Account&) {
    for (int time = 0; time < 20; ++time) std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
  });
  ASSERT_TRUE(watch.run_until([&] { return asker.finished(); }));
  const Mark to = watch.mark();
  const StallSums traced = sums_between(compactions(before.stop(), after.stop()), from, to);
  const auto sum = [&](std::uint32_t field) { return watch.sum(field, from.window, to.window); };
  std::printf("compaction: %lu zones, %lu us, traced %lu to %lu us\n", sum(id::kCompactionCount),
              sum(id::kCompaction) / 1000, traced.ns.least / 1000, traced.ns.most / 1000);
  EXPECT_GT(traced.count.least, 0U);
  expect_within(sum(id::kCompactionCount), traced.count);
  expect_within(sum(id::kCompaction), traced.ns);
  // No window can have more of one task's time than it is long; without splitting, the last one would have it all.
  EXPECT_LE(watch.peak(id::kCompaction), 1'050'000U);
  EXPECT_GT(watch.peak(id::kStallMax), 1'050'000U) << "too short to show how it is split";
}

/// Of the calling process.
std::uint64_t anonymous_memory() {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line) && !line.starts_with("RssAnon:")) {
  }
  return line.empty() ? 0 : std::stoull(line.substr(line.find(':') + 1)) * 1024;
}

TEST(MemoryStalls, AnOomKillNamesItsVictimAtOnce) {
  KPULSE_NEED_MEMCG();
  MemoryWatch watch(10ms);
  watch.run_for(50ms);
  const MemoryCgroup cgroup(unique("oom"), kLimit);
  Child hog({.name = "kp_hog", .cpu = test_cpu()}, [&](Account& account) {
    account.marks[0] = anonymous_memory();
    cgroup.join();
    auto* memory =
        static_cast<char*>(mmap(nullptr, 2 * kLimit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t at = 0; at < 2 * kLimit; at += 4096) memory[at] = 1;
  });
  ASSERT_TRUE(watch.run_until([&] { return hog.finished(); }));
  // It was killed before it was gone: the next frame has it, or one before. It does not wait for its window.
  ASSERT_TRUE(watch.next_frame());
  ASSERT_EQ(watch.kills().size(), 1U);
  Kill kill = watch.kills().front();
  EXPECT_EQ(kill.victim.pid, static_cast<std::uint32_t>(hog.pid()));
  EXPECT_EQ(kill.victim.comm, "kp_hog");
  EXPECT_EQ(kill.victim.cgroup, cgroup.id());
  EXPECT_EQ(kill.invoker.pid, kill.victim.pid);
  std::printf("oom: anon %lu KiB, file %lu KiB, total %lu KiB, seen after %lu us\n",
              kill.fields[ids::oom::kAnon] >> 10U, kill.fields[ids::oom::kFile] >> 10U,
              kill.fields[ids::oom::kTotal] >> 10U, (kill.seen - kill.time) / 1000);
  // What it inherited from the test is its own, too, but not the cgroup's.
  EXPECT_LE(relative_error(kill.fields[ids::oom::kAnon], kLimit + hog.account().marks[0]), 0.1);
  EXPECT_LT(kill.fields[ids::oom::kFile], kLimit);
  EXPECT_LT(kill.fields[ids::oom::kShmem], kLimit);
  EXPECT_GT(kill.fields[ids::oom::kTotal], 2 * kLimit);
}

}  // namespace
}  // namespace kpulse::test
