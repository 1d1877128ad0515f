// I/Os while they go on, and those whose end the kernel does not show.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cgroups/hierarchy.h"
#include "kernel/block_device.h"
#include "kernel/block_truth.h"
#include "kernel/block_watch.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

namespace id = ids::in_flight;

/// Copies blocks past the page cache, one after the other, as a cgroup of its own.
void read_blocks(const LoopDevice& from, int blocks, const TestCgroup& cgroup) {
  const std::string procs = cgroups::this_hierarchy().mount + cgroup.path() + "/cgroup.procs";
  ASSERT_EQ(run({"sh", "-c",
                 "echo $$ >" + procs + " && exec dd if=" + from.path() +
                     " of=/dev/null bs=4k iflag=direct count=" + std::to_string(blocks)}),
            0);
}

class InFlight : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    KPULSE_NEED(missing_for_nbd());
    KPULSE_NEED(missing_for_cgroups());
  }
};

TEST_F(InFlight, AnIoThatTakesLongIsSeenInEachFrameUntilItEndsAndOnceWhenItHas) {
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=2"});
  const LoopDevice loop(file.path());
  const TestCgroup cgroup("kp_flight");
  BlockWatch watch;
  watch.during([&] { read_blocks(loop, 1, cgroup); });
  const std::vector<FlightRow>& rows = watch.flights(loop.name(), "read");
  ASSERT_GT(rows.size(), 3U) << losses_of(watch);
  for (std::size_t row = 0; row + 1 < rows.size(); ++row) {
    EXPECT_EQ(rows[row][id::kIos], 1U);
    EXPECT_EQ(rows[row].frame, rows[0].frame + row) << "a frame has none";
    EXPECT_EQ(watch.task(rows[row][id::kSubmitter]).comm, "dd");
    EXPECT_LE(rows[row][id::kOldestDevice], rows[row][id::kOldest]);
    if (row > 0) {
      EXPECT_GT(rows[row][id::kOldest], rows[row - 1][id::kOldest]);
    }
    EXPECT_LE(rows[row][id::kOldest], watch.max(loop.name(), "read", ids::block::kWorst));
  }
  EXPECT_EQ(rows.back()[id::kIos], 0U);
  EXPECT_EQ(rows.back()[id::kOldest], 0U);
  EXPECT_EQ(watch.sum(loop.name(), "read", ids::block::kIos), 1U);
}

TEST_F(InFlight, AnIoWhoseEndWasNotShownIsCountedAndNotTakenForOneThatGoesOn) {
  constexpr int kBlocks = 20;
  const NbdFile file({"--filter=delay", "memory", "64M", "rdelay=2ms"});
  const LoopDevice loop(file.path());
  const TestCgroup cgroup("kp_flight");
  BlockWatch watch;
  watch.probe().pause();
  watch.during([&] { read_blocks(loop, kBlocks, cgroup); });
  const bool again = watch.probe().resume().has_value();
  ASSERT_TRUE(again);
  EXPECT_GE(watch.probe().losses().unended, static_cast<std::uint64_t>(kBlocks));
  EXPECT_EQ(watch.sum(loop.name(), "read", ids::block::kIos), static_cast<std::uint64_t>(kBlocks));
  EXPECT_EQ(watch.sum(loop.name(), "read", ids::block::kBytes), 4096U * kBlocks);
  EXPECT_GE(watch.group(cgroup.path(), "read", ids::cgroup_io::kIos), static_cast<std::uint64_t>(kBlocks));
  for (const FlightRow& row : watch.flights(loop.name(), "read")) EXPECT_LE(row[id::kIos], 1U);
}

}  // namespace
}  // namespace kpulse::test
