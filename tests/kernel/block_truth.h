// What the block probe says, against what the kernel says itself.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "kernel/block_device.h"
#include "kernel/block_watch.h"
#include "model/ids.h"

namespace kpulse::test {

/// What the probe itself says it could not measure.
inline std::string losses_of(const BlockWatch& watch) {
  const auto& losses = watch.probe().losses();
  return fmt::format("overruns {}, shared {}, unseen {}, untimed {}, unended {}, uncounted {}, missed {}, late {}",
                     losses.overruns, losses.shared, losses.unseen, losses.untimed, losses.unended, losses.uncounted,
                     watch.probe().missed(), watch.probe().intake().windows_late);
}

/// Whether an I/O failed and how long it took is not known when a sandbox hides its end, which is counted: there may be
/// that many fewer of them.
inline void expect_but_unended(const BlockWatch& watch, std::uint64_t counted, std::uint64_t truth) {
  SCOPED_TRACE(losses_of(watch));
  EXPECT_LE(counted, truth);
  EXPECT_GE(counted + watch.probe().losses().unended, truth);
}

/// What was counted of a device equals what the kernel counted meanwhile.
inline void expect_equal(const BlockWatch& watch, const std::string& device, const DiskStat& truth) {
  SCOPED_TRACE(losses_of(watch));
  EXPECT_EQ(watch.sum(device, "read", ids::block::kIos), truth[DiskStat::kReads]);
  EXPECT_EQ(watch.sum(device, "read", ids::block::kBytes), truth[DiskStat::kReadSectors] * 512);
  EXPECT_EQ(watch.sum(device, "read", ids::block::kMerges), truth[DiskStat::kReadMerges]);
  EXPECT_EQ(watch.sum(device, "write", ids::block::kIos), truth[DiskStat::kWrites]);
  EXPECT_EQ(watch.sum(device, "write", ids::block::kBytes), truth[DiskStat::kWriteSectors] * 512);
  EXPECT_EQ(watch.sum(device, "write", ids::block::kMerges), truth[DiskStat::kWriteMerges]);
  EXPECT_EQ(watch.sum(device, "discard", ids::block::kIos), truth[DiskStat::kDiscards]);
  EXPECT_EQ(watch.sum(device, "discard", ids::block::kBytes), truth[DiskStat::kDiscardSectors] * 512);
  EXPECT_EQ(watch.sum(device, "flush", ids::block::kIos), truth[DiskStat::kFlushes]);
  EXPECT_EQ(watch.absent(), 0U);
  EXPECT_EQ(watch.probe().losses().overruns, 0U);
}

}  // namespace kpulse::test
