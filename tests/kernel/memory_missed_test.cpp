// Stalls whose end is never shown: they must not go on for ever. They cannot be caused, so they are entered by hand.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "abi/memory.h"
#include "base/clock.h"
#include "kernel/memory_watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::memory;

struct Entries {
  kp_open_stall entry[KP_OPEN_STALLS];
};

class MissedEnds : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    watch_ = std::make_unique<MemoryWatch>(10ms);
    watch_->run_for(50ms);
  }

  /// From now on the task is thought to be in a stall.
  void begin(pid_t pid, std::uint32_t kind) {
    const __u32 zero = 0;
    const auto entries = std::make_unique<Entries>();
    bpf_map_lookup_elem(watch_->open_stalls_map(), &zero, entries.get());
    entries->entry[static_cast<std::uint32_t>(pid) % KP_OPEN_STALLS] = {
        .pid = static_cast<std::uint32_t>(pid), .kind = kind, .depth = 0, .reserved = 0, .begin = monotonic_ns()};
    ASSERT_EQ(bpf_map_update_elem(watch_->open_stalls_map(), &zero, entries.get(), BPF_ANY), 0);
  }

  [[nodiscard]] bool is_open(pid_t pid) const {
    const __u32 zero = 0;
    const auto entries = std::make_unique<Entries>();
    bpf_map_lookup_elem(watch_->open_stalls_map(), &zero, entries.get());
    return entries->entry[static_cast<std::uint32_t>(pid) % KP_OPEN_STALLS].pid == static_cast<std::uint32_t>(pid);
  }

  [[nodiscard]] bool ended_in_time(Child& child) {
    return watch_->run_until([&] { return child.finished(); });
  }

  std::unique_ptr<MemoryWatch> watch_;
};

TEST_F(MissedEnds, ATaskThatDiesInsideOfAStallIsNotStalledAnyLonger) {
  const std::uint64_t before = watch_->intake().events_dropped;
  const Shared<volatile bool> seen;
  Child child({.name = "kp_dies", .cpu = test_cpu()}, [&](Account&) {
    while (!*seen) usleep(1'000);
  });
  begin(child.pid(), KP_STALL_DIRECT);
  const std::uint64_t first = watch_->window_at(wall_ns());
  // While it lasts, and not sooner than its windows are published: that may be long after they have ended.
  ASSERT_TRUE(watch_->run_until([&] { return watch_->sum(id::kDirect, first, UINT64_MAX) > 100'000'000; }))
      << "it was not seen while it lasted";
  *seen = true;
  ASSERT_TRUE(ended_in_time(child));
  watch_->catch_up();
  const std::uint64_t end = watch_->window_at(wall_ns());
  EXPECT_FALSE(is_open(child.pid()));
  EXPECT_EQ(watch_->intake().events_dropped, before + 1);
  watch_->run_for(100ms);
  EXPECT_EQ(watch_->sum(id::kDirect, end + 1, end + 10), 0U);
}

TEST_F(MissedEnds, AStallOfTheSameKindBeginsAnew) {
  if (access("/proc/sys/vm/compact_memory", W_OK) != 0) GTEST_SKIP() << "no writable /proc/sys/vm/compact_memory";
  const std::uint64_t go = wall_ns() + 200'000'000, before = watch_->intake().events_dropped;
  Child child({.name = "kp_again", .cpu = test_cpu()}, [=](Account& account) {
    spin_until(go);
    std::ofstream("/proc/sys/vm/compact_memory") << "1" << std::flush;
    account.marks[0] = wall_ns();
    spin_until(wall_ns() + 200'000'000);
  });
  begin(child.pid(), KP_STALL_COMPACTION);
  ASSERT_TRUE(watch_->run_until([&] { return child.account().marks[0] != 0; }));
  EXPECT_FALSE(is_open(child.pid()));
  EXPECT_EQ(watch_->intake().events_dropped, before + 1);
  ASSERT_TRUE(ended_in_time(child));
  EXPECT_EQ(watch_->intake().events_dropped, before + 1) << "nothing was left of it";
}

}  // namespace
}  // namespace kpulse::test
