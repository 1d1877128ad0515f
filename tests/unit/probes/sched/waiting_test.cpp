#include "probes/sched/waiting.h"

#include <gmock/gmock.h>

#include <cstring>
#include <string_view>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

namespace id = ids::waiting;

kp_task task(std::uint32_t pid, std::string_view name) {
  kp_task task{.pid = pid, .tgid = pid, .cgroup = 1, .comm = {}};
  std::memcpy(task.comm, name.data(), name.size());
  return task;
}

class WaitingTest : public testing::Test {
 protected:
  void append(std::uint64_t clock, std::size_t cpus) {
    TaskTable table(tasks_);
    append_waiting(waiting_, clock, cpus, table, series_);
  }

  [[nodiscard]] std::uint64_t value(std::size_t cpu, std::uint32_t field) const {
    for (const Column& column : series_.at(cpu).columns) {
      if (column.field == field) return column.values.at(0);
    }
    return 0;
  }

  std::vector<kp_waiting> waiting_;
  std::vector<Task> tasks_;
  std::vector<Series> series_;
};

TEST_F(WaitingTest, EachCpuHasTheNumberOfItsTasksAndTheLongestWaitOverAllQueuesItWasIn) {
  waiting_ = {{.queued = 900, .before = 0, .cpu = 1, .reserved = 0, .task = task(7, "a"), .running = task(9, "hog")},
              {.queued = 950, .before = 400, .cpu = 1, .reserved = 0, .task = task(8, "b"), .running = task(9, "hog")}};
  append(1'000, 2);
  ASSERT_EQ(series_.size(), 2U);
  EXPECT_EQ(series_.at(1).tags.at(0), "1");
  EXPECT_EQ(value(0, id::kTasks), 0U);
  EXPECT_EQ(value(1, id::kTasks), 2U);
  EXPECT_EQ(value(1, id::kLongest), 450U);
  EXPECT_EQ(tasks_.at(value(1, id::kTask) - 1).comm, "b");
  EXPECT_EQ(tasks_.at(value(1, id::kRunning) - 1).comm, "hog");
}

TEST_F(WaitingTest, AWaitWhoseBeginIsNotKnownCountsButIsNobodysLongest) {
  waiting_ = {{.queued = 0, .before = 0, .cpu = 0, .reserved = 0, .task = task(7, "a"), .running = task(0, "swapper")}};
  append(1'000, 1);
  EXPECT_EQ(value(0, id::kTasks), 1U);
  EXPECT_EQ(value(0, id::kTask), 0U);
}

TEST_F(WaitingTest, WhatBeganAfterTheReadingHasNotWaitedAndNobodyIsNamedForAnIdleCpu) {
  waiting_ = {
      {.queued = 1'200, .before = 0, .cpu = 0, .reserved = 0, .task = task(7, "a"), .running = task(0, "swapper")},
      {.queued = 10, .before = 0, .cpu = 4, .reserved = 0, .task = task(8, "b"), .running = task(0, "swapper")}};
  append(1'000, 1);
  ASSERT_EQ(series_.size(), 1U) << "a CPU that came later has no row";
  EXPECT_EQ(value(0, id::kLongest), 0U);
  EXPECT_EQ(value(0, id::kRunning), 0U);
  EXPECT_EQ(tasks_.at(value(0, id::kTask) - 1).comm, "a");
}

}  // namespace
}  // namespace kpulse::probes
