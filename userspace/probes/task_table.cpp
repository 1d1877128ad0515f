#include "probes/task_table.h"

#include <algorithm>
#include <cstring>

namespace kpulse::probes {

std::uint64_t TaskTable::add(const kp_task& task) {
  const std::size_t length = strnlen(task.comm, sizeof(task.comm) - 1);
  const auto same = [&](const Task& known) {
    return known.pid == task.pid && known.cgroup == task.cgroup && known.tgid == task.tgid &&
           known.comm == std::string_view(task.comm, length);
  };
  const auto found = std::ranges::find_if(tasks_, same);
  const auto index = static_cast<std::uint64_t>(found - tasks_.begin());
  if (found == tasks_.end()) {
    tasks_.push_back(
        {.pid = task.pid, .tgid = task.tgid, .comm = std::string(task.comm, length), .cgroup = task.cgroup});
  }
  return index + 1;
}

}  // namespace kpulse::probes
