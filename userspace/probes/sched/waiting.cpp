#include "probes/sched/waiting.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::waiting;

struct Queue {
  std::uint64_t tasks = 0;
  std::uint64_t longest_ns = 0;
  const kp_waiting* longest = nullptr;
};

}  // namespace

void append_waiting(std::span<const kp_waiting> tasks, std::uint64_t clock, std::size_t cpus, TaskTable& table,
                    std::vector<Series>& series) {
  std::vector<Queue> queues(cpus);
  for (const kp_waiting& task : tasks) {
    if (task.cpu >= cpus) continue;
    Queue& queue = queues[task.cpu];
    ++queue.tasks;
    if (task.queued == 0) continue;
    const std::uint64_t waited = task.before + clock - std::min<std::uint64_t>(clock, task.queued);
    if (queue.longest != nullptr && waited <= queue.longest_ns) continue;
    queue.longest_ns = waited;
    queue.longest = &task;
  }
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    const Queue& queue = queues[cpu];
    Series row{.measurement = ids::kWaiting, .tags = {std::to_string(cpu)}, .absent = {}, .columns = {}};
    add_value(row, id::kTasks, queue.tasks);
    add_value(row, id::kLongest, queue.longest_ns);
    if (queue.longest != nullptr) {
      add_value(row, id::kTask, table.add(queue.longest->task));
      if (queue.longest->running.pid != 0) add_value(row, id::kRunning, table.add(queue.longest->running));
    }
    series.push_back(std::move(row));
  }
}

}  // namespace kpulse::probes
