#include "probes/block/in_flight.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <string_view>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

namespace id = ids::in_flight;

kp_task task(std::uint32_t pid, std::string_view name) {
  kp_task task{.pid = pid, .tgid = pid, .cgroup = 1, .comm = {}};
  std::memcpy(task.comm, name.data(), name.size());
  return task;
}

class InFlightTest : public testing::Test {
 protected:
  InFlightTest() { assembler_.begin(7, KP_BLOCK_WRITE, "vda", ""); }

  void collect(std::uint64_t now) {
    series_.clear();
    TaskTable table(tasks_);
    in_flight_.collect(flights_, now, assembler_, table, series_);
  }

  [[nodiscard]] std::uint64_t value(std::uint32_t field) const {
    for (const Column& column : series_.at(0).columns) {
      if (column.field == field) return column.values.at(0);
    }
    return 0;
  }

  BlockAssembler assembler_;
  BlockInFlight in_flight_;
  std::array<kp_block_flight, KP_BLOCK_SERIES> flights_{};
  std::vector<Task> tasks_;
  std::vector<Series> series_;
};

TEST_F(InFlightTest, TheOldestIsAsOldAsItsBeginAndAtTheDeviceSinceItWentThere) {
  flights_[7] = {.begun = 1'000, .issued = 1'400, .ios = 3, .bios = 0, .submitter = task(9, "dd")};
  collect(5'000);
  ASSERT_EQ(series_.size(), 1U);
  EXPECT_EQ(series_[0].measurement, ids::kInFlight);
  EXPECT_THAT(series_[0].tags, testing::ElementsAre("vda", "write"));
  EXPECT_EQ(value(id::kIos), 3U);
  EXPECT_EQ(value(id::kOldest), 4'000U);
  EXPECT_EQ(value(id::kOldestDevice), 3'600U);
  EXPECT_EQ(tasks_.at(value(id::kSubmitter) - 1).comm, "dd");
}

TEST_F(InFlightTest, WhenThereIsNoneAnyMoreOneRowSaysSo) {
  flights_[7] = {.begun = 1'000, .issued = 0, .ios = 1, .bios = 0, .submitter = task(9, "dd")};
  collect(5'000);
  EXPECT_EQ(value(id::kOldestDevice), 0U) << "it is not at the device yet";
  flights_[7] = {};
  collect(6'000);
  ASSERT_EQ(series_.size(), 1U);
  EXPECT_EQ(value(id::kIos), 0U);
  EXPECT_EQ(value(id::kOldest), 0U);
  EXPECT_EQ(value(id::kSubmitter), 0U);
  collect(7'000);
  EXPECT_TRUE(series_.empty());
}

TEST_F(InFlightTest, OneWhoseBeginIsNotKnownCountsAndIsNobodys) {
  flights_[7] = {.begun = 0, .issued = 0, .ios = 1, .bios = 0, .submitter = task(9, "dd")};
  collect(5'000);
  EXPECT_EQ(value(id::kIos), 1U);
  EXPECT_EQ(value(id::kOldest), 0U);
  EXPECT_EQ(value(id::kSubmitter), 0U);
}

TEST_F(InFlightTest, WhatBeganAfterTheReadingIsNotOldAndASeriesWithoutANameHasNoRow) {
  flights_[7] = {.begun = 5'100, .issued = 5'200, .ios = 1, .bios = 0, .submitter = task(9, "dd")};
  flights_[8] = flights_[7];
  collect(5'000);
  ASSERT_EQ(series_.size(), 1U);
  EXPECT_EQ(value(id::kOldest), 0U);
  EXPECT_EQ(value(id::kOldestDevice), 0U);
}

}  // namespace
}  // namespace kpulse::probes
