#include "probes/block/assembler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "model/ids.h"
#include "probes/block/device_names.h"
#include "support/files.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class BlockAssemblerTest : public testing::Test {
 protected:
  BlockAssemblerTest() { assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = 1'000, .epoch = 1}); }

  const std::vector<Series>& collect(std::uint64_t first, std::uint32_t count) {
    output_.clear();
    TaskTable table(tasks_);
    assembler_.collect({.first = first, .count = count}, table, output_);
    return output_;
  }

  static kp_block_exit slot(std::uint64_t window) {
    kp_block_exit slot{};
    slot.window = window;
    slot.ios = 1;
    return slot;
  }

  BlockAssembler assembler_;
  std::vector<Series> output_;
  std::vector<Task> tasks_;
};

TEST_F(BlockAssemblerTest, ADeviceThatIsGoneIsNoLongerSent) {
  assembler_.begin(7, KP_BLOCK_READ, "zram0", {});
  assembler_.on_slot(7, slot(10));
  EXPECT_THAT(collect(10, 1), SizeIs(1));
  assembler_.end(7);
  EXPECT_EQ(assembler_.find(7), nullptr);
  EXPECT_THAT(collect(11, 1), IsEmpty());
}

TEST_F(BlockAssemblerTest, WhatThisKernelDoesNotShowIsLeftOutOfTheRowsOnly) {
  assembler_.begin(7, KP_BLOCK_READ, "vda", {});
  assembler_.set_unmeasured({ids::block::kIos});
  assembler_.on_slot(7, slot(10));
  kp_block_times times{};
  times.total[3] = 1;
  assembler_.on_times(7, times);
  collect(10, 1);
  ASSERT_THAT(output_, SizeIs(2));
  EXPECT_THAT(output_[0].unmeasured, ElementsAre(ids::block::kIos));
  EXPECT_THAT(output_[0].columns, IsEmpty());
  EXPECT_THAT(output_[1].unmeasured, IsEmpty());
}

TEST_F(BlockAssemblerTest, AnotherEpochForgetsAllWindows) {
  assembler_.begin(7, KP_BLOCK_READ, "vda", {});
  assembler_.on_slot(7, slot(10));
  assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = 1'000, .epoch = 2});
  EXPECT_THAT(collect(10, 1), IsEmpty());
}

TEST_F(BlockAssemblerTest, WhatIsAtTheDeviceStaysThereInAnotherEpoch) {
  assembler_.begin(7, KP_BLOCK_READ, "vda", {});
  kp_block_entry entry{};
  entry.window = 10;
  entry.entered = 3;
  assembler_.on_slot(7, entry);
  assembler_.on_slot(7, slot(10));
  assembler_.set_windows({.base_clock = 0, .base_window = 0, .length = 1'000, .epoch = 2});
  ASSERT_THAT(collect(5, 1), SizeIs(1));
  const auto& columns = output_.front().columns;
  const auto column = std::ranges::find(columns, std::uint32_t{ids::block::kDepth}, &Column::field);
  ASSERT_NE(column, columns.end());
  EXPECT_THAT(column->reals, ElementsAre(2.0));
}

TEST_F(BlockAssemblerTest, AnIoOfAnotherEpochIsNotTheWorstOfThisOne) {
  assembler_.begin(7, KP_BLOCK_READ, "vda", {});
  kp_block_worst worst{.window = 10, .queue_ns = 1'000, .device_ns = 2'000, .series = 7, .epoch = 1};
  EXPECT_TRUE(assembler_.on_worst(worst));
  worst.epoch = 2;
  worst.device_ns = 5'000;
  EXPECT_TRUE(assembler_.on_worst(worst));
  kp_block_exit exit = slot(10);
  exit.worst = 1 + (3'000 >> KP_BLOCK_WORST_SHIFT);
  assembler_.on_slot(7, exit);
  ASSERT_THAT(collect(10, 1), SizeIs(1));
  const auto& columns = output_.front().columns;
  const auto column = std::ranges::find(columns, std::uint32_t{ids::block::kWorst}, &Column::field);
  ASSERT_NE(column, columns.end());
  EXPECT_THAT(column->values, ElementsAre(3'000));
}

TEST_F(BlockAssemblerTest, ARecordOfASeriesThatCannotBeIsRefused) {
  kp_block_worst worst{};
  worst.series = KP_BLOCK_SERIES;
  EXPECT_FALSE(assembler_.on_worst(worst));
  worst.series = KP_BLOCK_SERIES - 1;
  EXPECT_TRUE(assembler_.on_worst(worst));
}

TEST_F(BlockAssemblerTest, LossesAreSentWhenTheyChange) {
  kp_block_losses losses{};
  assembler_.on_losses(losses, 0);
  EXPECT_THAT(collect(10, 1), IsEmpty());
  losses.unended = 3;
  assembler_.on_losses(losses, 2);
  ASSERT_THAT(collect(11, 1), SizeIs(1));
  const Series& row = output_.front();
  EXPECT_EQ(row.measurement, ids::kBlockLosses);
  ASSERT_THAT(row.columns, SizeIs(2));
  EXPECT_EQ(row.columns[0].field, ids::block_losses::kUnended);
  EXPECT_THAT(row.columns[0].values, ElementsAre(3));
  EXPECT_EQ(row.columns[1].field, ids::block_losses::kMissed);
  EXPECT_THAT(collect(12, 1), IsEmpty());
}

TEST_F(BlockAssemblerTest, AFrameWithoutWindowsHasNoRows) {
  assembler_.begin(7, KP_BLOCK_READ, "vda", {});
  assembler_.on_slot(7, slot(10));
  EXPECT_THAT(collect(10, 0), IsEmpty());
  EXPECT_THAT(collect(10, 1), SizeIs(1));
}

TEST_F(BlockAssemblerTest, WhatAPartitionCountedIsItsDisksToo) {
  assembler_.begin(5, KP_BLOCK_WRITE, "vda", "");
  assembler_.begin(6, KP_BLOCK_READ, "vda", "");
  assembler_.begin(7, KP_BLOCK_READ, "vda1", "vda");
  assembler_.on_slot(6, slot(10));  // the disk counts what leaves it itself
  assembler_.on_slot(7, slot(10));
  kp_block_times times{};
  times.total[3] = 1;
  assembler_.on_times(7, times);
  collect(10, 1);
  ASSERT_THAT(output_, SizeIs(4));  // rows and a histogram of each
  EXPECT_THAT(output_[0].tags, ElementsAre("vda", "read"));
  EXPECT_EQ(output_[1].measurement, ids::kBlockTotal);
  EXPECT_THAT(output_[2].tags, ElementsAre("vda1", "read"));
  EXPECT_EQ(output_[2].columns.size(), output_[0].columns.size());
}

TEST(DeviceNames, ComeFromTheNumberAndEndWithTheDevice) {
  const test::TempDir sysfs;
  std::filesystem::create_directories(sysfs.path() / "dev/block");
  std::filesystem::create_symlink("../../devices/virtual/block/zram0", sysfs.path() / "dev/block/252:5");
  const DeviceNames names(sysfs.path());
  EXPECT_EQ(names.find((252U << 20U) | 5U), "zram0");
  EXPECT_EQ(names.find((252U << 20U) | 6U), std::nullopt);
}

TEST(DeviceNames, KnowTheDiskOfAPartition) {
  const test::TempDir sysfs;
  std::filesystem::create_directories(sysfs.path() / "dev/block");
  std::filesystem::create_symlink("../../devices/pci/block/vda", sysfs.path() / "dev/block/254:0");
  std::filesystem::create_symlink("../../devices/pci/block/vda/vda1", sysfs.path() / "dev/block/254:1");
  std::filesystem::create_directories(sysfs.path() / "class/block/vda");
  std::filesystem::create_directories(sysfs.path() / "class/block/vda1/partition");
  const DeviceNames names(sysfs.path());
  EXPECT_EQ(names.disk_of(254U << 20U), std::nullopt);
  EXPECT_EQ(names.disk_of((254U << 20U) | 1U), "vda");
  EXPECT_EQ(names.disk_of((254U << 20U) | 2U), std::nullopt);
}

TEST(DeviceNames, ADeviceWithSlavesIsStacked) {
  const test::TempDir sysfs;
  std::filesystem::create_directories(sysfs.path() / "block/dm-0/slaves/vda");
  std::filesystem::create_directories(sysfs.path() / "block/vda/slaves");
  static_cast<void>(sysfs.write("block/dm-0/dev", "253:0\n"));
  static_cast<void>(sysfs.write("block/vda/dev", "254:0\n"));
  const DeviceNames names(sysfs.path());
  EXPECT_TRUE(names.stacked("dm-0"));
  EXPECT_FALSE(names.stacked("vda"));
  EXPECT_FALSE(names.stacked("vdb"));
  EXPECT_THAT(names.stacked_devices(), ElementsAre(253U << 20U));
}

TEST(DeviceNames, AnIdleDeviceHasNothingInFlight) {
  const test::TempDir sysfs;
  std::filesystem::create_directories(sysfs.path() / "class/block/vda");
  const DeviceNames names(sysfs.path());
  EXPECT_FALSE(names.idle("vda"));
  static_cast<void>(sysfs.write("class/block/vda/inflight", "       0        2\n"));
  EXPECT_FALSE(names.idle("vda"));
  static_cast<void>(sysfs.write("class/block/vda/inflight", "       0        0\n"));
  EXPECT_TRUE(names.idle("vda"));
}

}  // namespace
}  // namespace kpulse::probes
