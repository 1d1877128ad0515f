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
#include "kernel/memory_cgroup.h"
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
  watch.run_for(50ms);
  const MemoryCgroup cgroup(unique("reclaim"), kLimit);
  const std::uint64_t first = watch.window_at(wall_ns());
  const std::uint64_t scanned = vmstat("pgsteal_direct");
  Child reader({.name = "kp_reclaim", .cpu = test_cpu()}, [&](Account&) {
    cgroup.join();
    read_much(file);
  });
  ASSERT_TRUE(watch.run_until([&] { return reader.finished(); }, 60s));
  watch.catch_up();
  close(file);
  const std::uint64_t end = watch.window_at(wall_ns()), run = reader.account().end_wall - reader.account().begin_wall;
  const std::uint64_t count = watch.sum(id::kMemcgCount, first, end), time = watch.sum(id::kMemcg, first, end);
  const std::uint64_t bytes = watch.sum(id::kMemcgBytes, first, end);
  std::printf("memcg reclaim: %lu times, %lu us of %lu us, %lu KiB; vmstat pgsteal_direct %lu KiB\n", count,
              time / 1000, run / 1000, bytes >> 10U, (vmstat("pgsteal_direct") - scanned) * 4);
  EXPECT_GT(count, 20U);
  EXPECT_GT(time, 0U);
  EXPECT_LT(time, run);
  EXPECT_GT(bytes, 2 * kLimit);
  EXPECT_EQ(count_of(watch.watch().histogram(ids::kMemoryStall, "memcg_reclaim")), count);
  EXPECT_GT(watch.peak(id::kStallMax), 0U);
  EXPECT_TRUE(std::ranges::any_of(watch.stalled(), [&](const Task& task) {
    return task.comm == "kp_reclaim" && task.pid == static_cast<std::uint32_t>(reader.pid()) &&
           task.cgroup == cgroup.id();
  }));
}

TEST(MemoryStalls, CompactionOnRequestIsAStallOfTheTaskThatAskedForIt) {
  KPULSE_NEED_BPF();
  if (access("/proc/sys/vm/compact_memory", W_OK) != 0) GTEST_SKIP() << "no writable /proc/sys/vm/compact_memory";
  MemoryWatch watch(1ms);  // one compaction takes 2 ms and more
  watch.run_for(50ms);
  const std::uint64_t first = watch.window_at(wall_ns());
  Child asker({.name = "kp_compact", .cpu = test_cpu()}, [](Account& account) {
    account.marks[0] = wall_ns();
    for (int time = 0; time < 20; ++time) std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
  });
  ASSERT_TRUE(watch.run_until([&] { return asker.finished(); }, 60s));
  watch.catch_up();
  const std::uint64_t end = watch.window_at(wall_ns()), run = asker.account().end_wall - asker.account().marks[0];
  const std::uint64_t time = watch.sum(id::kCompaction, first, end);
  std::printf("compaction: %lu zones, %lu us of %lu us\n", watch.sum(id::kCompactionCount, first, end), time / 1000,
              run / 1000);
  EXPECT_GT(watch.sum(id::kCompactionCount, first, end), 0U);
  EXPECT_LE(time, run);
  // No window can have more of one task's time than it is long; without splitting, the last one would have it all.
  EXPECT_LE(watch.peak(id::kCompaction), 1'050'000U);
  EXPECT_GT(watch.peak(id::kStallMax), 1'050'000U) << "too short to show how it is split";
  EXPECT_GE(time, run / 10 * 9);
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
  const std::uint64_t prompt_ns = emulated() ? 1'000'000'000 : 100'000'000;
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
  ASSERT_TRUE(watch.run_until([&] { return hog.finished(); }, 60s));
  watch.catch_up();
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
  EXPECT_LT(kill.seen - kill.time, prompt_ns) << "the test's own interval is 50 ms";
}

}  // namespace
}  // namespace kpulse::test
