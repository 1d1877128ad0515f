#include "probes/task_table.h"

#include <gtest/gtest.h>

#include <cstring>

namespace kpulse::probes {
namespace {

kp_task task(std::uint32_t pid, const char* comm) {
  kp_task task{.pid = pid, .tgid = pid, .cgroup = 42, .comm = {}};
  std::strncpy(task.comm, comm, sizeof(task.comm) - 1);
  return task;
}

TEST(TaskTable, ATaskStandsInItOnce) {
  std::vector<Task> tasks;
  TaskTable table(tasks);
  EXPECT_EQ(table.add(task(7, "sh")), 1U);
  EXPECT_EQ(table.add(task(8, "sh")), 2U);
  EXPECT_EQ(table.add(task(7, "sh")), 1U);
  EXPECT_EQ(table.add(task(7, "bash")), 3U) << "it took another name";
  EXPECT_EQ(tasks.size(), 3U);
}

TEST(TaskTable, ANameWithoutEndIsCut) {
  kp_task named = task(1, "");
  std::memset(named.comm, 'x', sizeof(named.comm));
  std::vector<Task> tasks;
  EXPECT_EQ(TaskTable(tasks).add(named), 1U);
  EXPECT_EQ(tasks[0].comm, std::string(15, 'x'));
}

}  // namespace
}  // namespace kpulse::probes
