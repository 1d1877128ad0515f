// Cgroups: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::cgroup_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 1> kTag{"cgroup"};

inline constexpr std::array kSchedFields{
    Field{ids::cgroup_sched::kCpu, "cpu_ns", amount, nanoseconds, "time tasks of the cgroup were on a CPU",
          "sched_switch, task_struct.se.sum_exec_runtime"},
    Field{ids::cgroup_sched::kSwitches, "switches", amount, none, "switches to a task of the cgroup", "sched_switch"},
    Field{ids::cgroup_sched::kWaits, "wait_count", amount, none, "run-queue waits of its tasks that ended",
          "task_struct.sched_info.last_queued"},
    Field{ids::cgroup_sched::kWait, "wait_ns", amount, nanoseconds, "run-queue wait of its tasks",
          "task_struct.sched_info.last_queued"},
};

inline constexpr std::array kWaitFields{
    Field{ids::histogram::kDistribution, "wait", histogram, nanoseconds,
          "run-queue waits of its tasks that ended in the interval; from 1 us to 17 s",
          "task_struct.sched_info.last_queued"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kCgroupSched, "kpulse_cgroup_sched", Scope::interval, kTag, kSchedFields,
                "What the scheduler did for one cgroup; a cgroup for which it did nothing has no row."},
    Measurement{ids::kCgroupWait, "kpulse_cgroup_wait", Scope::interval, kTag, kWaitFields,
                "Distribution of run-queue waits of the tasks of one cgroup."},
};

}  // namespace kpulse::cgroup_catalog
