// Tasks that wait for a CPU right now: measurement and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::waiting_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 1> kTags{"cpu"};

inline constexpr std::array kFields{
    Field{ids::waiting::kTasks, "waiting", level, none, "tasks that wait for the CPU", "task iterator"},
    Field{ids::waiting::kLongest, "longest_ns", level, nanoseconds,
          "how long the one of them has waited that has waited longest",
          "task_struct.sched_info.last_queued, run_delay"},
    Field{ids::waiting::kTask, "task", task, none, "that task", "task iterator"},
    Field{ids::waiting::kRunning, "running", task, none, "who has the CPU meanwhile", "rq.curr"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kWaiting, "kpulse_waiting", Scope::interval, kTags, kFields,
                "Who waits for a CPU at the end of the interval: seen while it lasts. A wait is in kpulse_sched when "
                "it has ended."},
};

}  // namespace kpulse::waiting_catalog
