// Page faults against the kernel's own counters.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"
#include "kernel/memory_watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::memory;

/// Only every 32nd fault of a CPU reads the clock: as many less one may be counted one window early, and none is lost.
constexpr std::uint64_t kEarly = 31;

/// Maps, touches and unmaps memory as long as it lives: a fault for each page.
void fault_for_ever() {
  constexpr std::size_t kBytes = 4UL << 20U;
  for (;;) {
    auto* memory =
        static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < kBytes; at += 4096) memory[at] = 1;
    munmap(memory, kBytes);
  }
}

/// Faults of all tasks that were a trap, by the kernel's own event. vmstat has those, too, that the kernel takes
/// without one, such as an exec's for its arguments: kpulse does not see them.
class Traps {
 public:
  explicit Traps(const std::vector<std::uint32_t>& cpus) {
    for (const std::uint32_t cpu : cpus) {
      perf_event_attr attributes{};
      attributes.type = PERF_TYPE_SOFTWARE;
      attributes.size = sizeof(attributes);
      attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
      events_.emplace_back(static_cast<int>(
          syscall(SYS_perf_event_open, &attributes, -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
      if (!events_.back()) throw std::runtime_error("cannot count page faults");
    }
  }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const FileDescriptor& event : events_) {
      std::uint64_t value = 0;
      if (read(event.get(), &value, sizeof(value)) != sizeof(value)) throw std::runtime_error("cannot read an event");
      sum += value;
    }
    return sum;
  }

 private:
  std::vector<FileDescriptor> events_;
};

/// Both counters of the kernel, as of some moment.
struct Reading {
  explicit Reading(const Traps& all) : traps(all.count()) { mark.latest = wall_ns(); }

  Mark mark{.earliest = wall_ns(), .latest = 0, .window = 0};
  std::uint64_t vmstat = test::vmstat("pgfault"), traps;
};

TEST(MemoryFaults, FaultsEqualVmstat) {
  KPULSE_NEED_BPF();
  MemoryWatch watch(10ms);
  watch.run_for(100ms);
  const Traps traps(watch.watch().cpus());
  const Reading from(traps);
  watch.run_for(50ms);
  std::optional<Child> load;
  load.emplace(ChildOptions{.name = "kp_fault", .cpu = test_cpu()}, [](Account&) { fault_for_ever(); });
  const auto enough = [&] {
    return wall_ns() > from.mark.latest + 2'000'000'000 && traps.count() > from.traps + 10'000;
  };
  ASSERT_TRUE(watch.run_until(enough));
  load.reset();  // next to nothing happens in the windows of the two readings
  watch.run_for(50ms);
  const Reading to(traps);
  // The kernel's counters were read inside of some windows: with those kpulse counts no less, without them no more.
  const Bracket counted =
      watch.bracket(id::kUserFaults, from.mark, to.mark) + watch.bracket(id::kKernelFaults, from.mark, to.mark);
  const std::uint64_t early = kEarly * watch.watch().cpus().size();
  std::printf("faults: %lu to %lu counted, %lu in vmstat, %lu traps\n", counted.least, counted.most,
              to.vmstat - from.vmstat, to.traps - from.traps);
  EXPECT_LE(counted.least, to.vmstat - from.vmstat + early);
  EXPECT_GE(counted.most + early, to.traps - from.traps);
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
  ASSERT_TRUE(watch.run_until([&] { return load.finished(); }));
  watch.catch_up();
  const std::uint64_t first = watch.window_at(load.account().marks[0] - kSkewNs);
  const std::uint64_t last = watch.window_at(load.account().marks[1] + kSkewNs);
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
  ASSERT_TRUE(watch.run_until([&] { return reader.finished(); }));
  watch.catch_up();
  close(file);
  const std::uint64_t truth = reader.account().marks[0];
  if (truth == 0) GTEST_SKIP() << "/var/tmp does not let go of its page cache";
  EXPECT_GE(watch.sum(id::kMajorFaults, first, watch.window_at(wall_ns())), truth);
}

}  // namespace
}  // namespace kpulse::test
