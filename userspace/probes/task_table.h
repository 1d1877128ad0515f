// The tasks a frame refers to, each once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "abi/task.h"
#include "model/frame.h"

namespace kpulse::probes {

class TaskTable {
 public:
  explicit TaskTable(std::vector<Task>& tasks) : tasks_(tasks) {}

  /// Reference to a task as columns of kind task hold it: index + 1. Tasks are told apart by all of their members.
  [[nodiscard]] std::uint64_t add(const kp_task& task);

 private:
  std::vector<Task>& tasks_;
};

}  // namespace kpulse::probes
