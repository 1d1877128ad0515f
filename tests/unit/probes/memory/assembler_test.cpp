#include "probes/memory/assembler.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>

#include "model/ids.h"
#include "unit/probes/assembler_fixture.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace id = ids::memory;

/// Windows of 1000 ns; window n begins at n * 1000 of the run queue's clock, which is 500 behind CLOCK_MONOTONIC.
class MemoryAssemblerTest : public AssemblerTest<MemoryAssembler> {
 protected:
  MemoryAssemblerTest() : AssemblerTest(4096U) { assembler_.set_windows(config(1)); }

  static kp_window_config config(std::uint32_t epoch) {
    return {.base_clock = 0, .base_window = 0, .length = 1'000, .mono_offset = 500, .epoch = epoch, .reserved = 0};
  }

  /// `begin` and `end` are of the run queue's clock.
  static kp_stall_record stall(std::uint32_t kind, std::uint64_t begin, std::uint64_t end, std::uint32_t pid = 7) {
    kp_stall_record record{};
    record.begin = begin + 500;
    record.end = end + 500;
    record.kind = kind;
    record.task.pid = pid;
    return record;
  }

  void open(std::uint32_t kind, std::uint64_t begin, std::uint32_t pid = 7) {
    const std::array entries{kp_open_stall{},
                             kp_open_stall{.pid = pid, .kind = kind, .depth = 0, .reserved = 0, .begin = begin + 500}};
    assembler_.on_open(entries);
  }
};

TEST_F(MemoryAssemblerTest, FaultsOfAllCpusAreSummedByWindow) {
  assembler_.on_faults(5, {.window = 5, .user = 10, .kernel = 1});
  assembler_.on_faults(5, {.window = 5, .user = 20, .kernel = 2});
  assembler_.on_faults(6, {.window = 6, .user = 3, .kernel = 0});
  const Series& series = collect(5, 3);
  EXPECT_THAT(values(series, id::kUserFaults), ElementsAre(30, 3, 0));
  EXPECT_THAT(values(series, id::kKernelFaults), ElementsAre(3, 0, 0));
}

TEST_F(MemoryAssemblerTest, CountsOfASlotBecomeARow) {
  kp_memory_slot slot{};
  slot.count[KP_STALL_MEMCG] = 3;
  slot.ns[KP_STALL_MEMCG] = 90;
  slot.ns[KP_STALL_KSWAPD] = 40;
  slot.memcg_pages = 2;
  slot.major_faults = 4;
  slot.fallbacks = 5;
  assembler_.on_slot(5, slot);
  const Series& series = collect(5, 1);
  EXPECT_THAT(values(series, id::kMemcgCount), ElementsAre(3));
  EXPECT_THAT(values(series, id::kMemcg), ElementsAre(90));
  EXPECT_THAT(values(series, id::kKswapd), ElementsAre(40));
  EXPECT_THAT(values(series, id::kMemcgBytes), ElementsAre(8192));
  EXPECT_THAT(values(series, id::kMajorFaults), ElementsAre(4));
  EXPECT_THAT(values(series, id::kFallbacks), ElementsAre(5));
}

TEST_F(MemoryAssemblerTest, TheTimeOfAStallIsSplitBetweenTheWindowsItCovers) {
  kp_memory_slot slot{};
  slot.ns[KP_STALL_DIRECT] = 300;  // the last part is counted by the kernel
  assembler_.on_slot(7, slot);
  ASSERT_TRUE(assembler_.on_stall(stall(KP_STALL_DIRECT, 4'800, 7'300)));
  EXPECT_THAT(values(collect(4, 5), id::kDirect), ElementsAre(200, 1'000, 1'000, 300, 0));
}

TEST_F(MemoryAssemblerTest, AStallThatLastsIsInEachWindowOnce) {
  open(KP_STALL_COMPACTION, 4'800);
  EXPECT_THAT(values(collect(4, 2), id::kCompaction), ElementsAre(200, 1'000));
  open(KP_STALL_COMPACTION, 4'800);  // read before its end came out of the ring buffer in the same drain
  kp_memory_slot slot{};
  slot.ns[KP_STALL_COMPACTION] = 300;
  ASSERT_TRUE(assembler_.on_stall(stall(KP_STALL_COMPACTION, 4'800, 7'300)));
  assembler_.on_slot(7, slot);
  EXPECT_THAT(values(collect(6, 3), id::kCompaction), ElementsAre(1'000, 300, 0));
}

TEST_F(MemoryAssemblerTest, ThrottlingIsInTheWindowItEndedInOnly) {
  kp_memory_slot slot{};
  slot.ns[KP_STALL_THROTTLE] = 2'500;
  slot.worst_ns = 2'500;
  assembler_.on_slot(7, slot);
  ASSERT_TRUE(assembler_.on_stall(stall(KP_STALL_THROTTLE, 4'800, 7'300)));
  EXPECT_THAT(values(collect(5, 3), id::kThrottle), ElementsAre(0, 0, 2'500));
}

TEST_F(MemoryAssemblerTest, TheLongestStallOfAWindowIsNamed) {
  kp_memory_slot slot{};
  slot.worst_ns = 80;
  assembler_.on_slot(5, slot);
  assembler_.on_stall(stall(KP_STALL_MEMCG, 5'100, 5'150, 7));
  assembler_.on_stall(stall(KP_STALL_COMPACTION, 5'100, 5'180, 8));
  assembler_.on_stall(stall(KP_STALL_KSWAPD, 5'000, 5'900, 9));
  const Series& series = collect(5, 1);
  EXPECT_THAT(values(series, id::kStallMax), ElementsAre(80));
  EXPECT_THAT(values(series, id::kStallKind), ElementsAre(3));
  EXPECT_THAT(values(series, id::kStallTask), ElementsAre(1));
  EXPECT_EQ(tasks_.at(0).pid, 8U);
}

TEST_F(MemoryAssemblerTest, ALongestStallWhoseRecordWasLostHasNoName) {
  kp_memory_slot slot{};
  slot.worst_ns = 90;
  assembler_.on_slot(5, slot);
  assembler_.on_stall(stall(KP_STALL_MEMCG, 5'100, 5'150));
  const Series& series = collect(5, 1);
  EXPECT_THAT(values(series, id::kStallMax), ElementsAre(90));
  EXPECT_THAT(values(series, id::kStallTask), IsEmpty());
}

TEST_F(MemoryAssemblerTest, RecordsThatMakeNoSenseAreRefusedAndLateWindowsCounted) {
  EXPECT_FALSE(assembler_.on_stall(stall(KP_ACTIVITIES, 1, 2)));
  EXPECT_FALSE(assembler_.on_stall(stall(KP_STALL_DIRECT, 9, 2)));
  collect(5, 1);
  assembler_.on_faults(5, {.window = 5, .user = 1, .kernel = 0});
  EXPECT_EQ(assembler_.windows_late(), 1U);
}

TEST_F(MemoryAssemblerTest, HistogramsAreDifferencesBetweenFrames) {
  auto total = std::make_unique<kp_memory_total>();
  total->stall[KP_STALL_MEMCG].buckets[20] = 100;  // before the stream
  assembler_.on_total(*total);
  total->stall[KP_STALL_MEMCG].buckets[20] = 103;
  assembler_.on_total(*total);
  collect(5, 1);
  ASSERT_EQ(series_.size(), 2U);
  EXPECT_EQ(series_[1].measurement, ids::kMemoryStall);
  EXPECT_THAT(series_[1].tags, ElementsAre("memcg_reclaim"));
  EXPECT_THAT(series_[1].columns.at(0).buckets, ElementsAre(Bucket{20, 3}));
}

TEST_F(MemoryAssemblerTest, AnOomKillIsUrgentAndHasItsOwnTimeAndNoRowOfAWindow) {
  kp_oom_record kill{};
  kill.time = 4'321 + 500;
  kill.anon_pages = 3;
  kill.victim.pid = 11;
  kill.invoker.pid = 12;
  EXPECT_FALSE(assembler_.urgent());
  assembler_.on_oom(kill);
  EXPECT_TRUE(assembler_.urgent());
  const Series& series = collect(5, 0);
  EXPECT_EQ(series_.size(), 1U);
  EXPECT_EQ(series.measurement, ids::kOom);
  EXPECT_THAT(series.times, ElementsAre(4'321));
  EXPECT_THAT(values(series, ids::oom::kVictim), ElementsAre(1));
  EXPECT_THAT(values(series, ids::oom::kInvoker), ElementsAre(2));
  EXPECT_THAT(values(series, ids::oom::kAnon), ElementsAre(12'288));
  EXPECT_FALSE(assembler_.urgent());
}

TEST_F(MemoryAssemblerTest, WhatCannotBeMeasuredHasNoColumnAndIsNamed) {
  assembler_.set_unmeasured({id::kCompactionCount, id::kCompaction});
  open(KP_STALL_COMPACTION, 4'800);
  assembler_.on_faults(5, {.window = 5, .user = 1, .kernel = 0});
  const Series& series = collect(5, 1);
  EXPECT_THAT(series.unmeasured, ElementsAre(id::kCompactionCount, id::kCompaction));
  EXPECT_THAT(values(series, id::kCompaction), IsEmpty());
  EXPECT_THAT(values(series, id::kUserFaults), ElementsAre(1));
}

TEST_F(MemoryAssemblerTest, ANewEpochForgetsWindows) {
  assembler_.on_faults(5, {.window = 5, .user = 1, .kernel = 0});
  collect(900, 1);
  assembler_.set_windows(config(2));
  assembler_.on_faults(6, {.window = 6, .user = 2, .kernel = 0});
  EXPECT_THAT(values(collect(5, 2), id::kUserFaults), ElementsAre(0, 2));
}

}  // namespace
}  // namespace kpulse::probes
