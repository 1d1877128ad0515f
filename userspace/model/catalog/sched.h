// Scheduler probe: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::sched_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 1> kCpuTag{"cpu"};

inline constexpr std::array kSchedFields{
    Field{ids::sched::kBusy, "busy_ns", amount, nanoseconds, "time a task other than idle was on the CPU",
          "sched_switch, run-queue clock"},
    Field{ids::sched::kIdle, "idle_ns", amount, nanoseconds, "rest of the window", "window length - busy_ns"},
    Field{ids::sched::kBusyRatio, "busy_ratio", share, ratio, "busy part of the window, 0 to 1",
          "busy_ns / (busy_ns + idle_ns)", ids::sched::kBusy, ids::sched::kIdle},
    Field{ids::sched::kSwitches, "switches", amount, none, "context switches, those from and to idle included",
          "sched_switch"},
    Field{ids::sched::kVoluntary, "voluntary", amount, none, "switches in which a task gave the CPU up",
          "sched_switch, prev_state"},
    Field{ids::sched::kInvoluntary, "involuntary", amount, none, "switches in which a runnable task lost the CPU",
          "sched_switch, prev_state"},
    Field{ids::sched::kWaits, "wait_count", amount, none, "run-queue waits that ended in the window",
          "task_struct.sched_info.last_queued"},
    Field{ids::sched::kWait, "wait_ns", amount, nanoseconds,
          "run-queue wait: runnable until running, on whichever CPUs; below 2 us it reads 0",
          "task_struct.sched_info.last_queued, run_delay"},
    Field{ids::sched::kWaitMax, "wait_max_ns", peak, nanoseconds, "longest of these waits",
          "task_struct.sched_info.last_queued"},
    Field{ids::sched::kVictim, "victim", task, none, "task of the longest wait", "sched_switch, next"},
    Field{ids::sched::kCulprit, "culprit", task, none,
          "who had the CPU most while the victim waited for it; (throttled), (stolen), (irq), (idle): no task",
          "sched_switch, prev"},
    Field{ids::sched::kMigrations, "migrations", amount, none, "tasks this CPU moved to another run queue",
          "sched_migrate_task"},
    Field{ids::sched::kForks, "forks", amount, none, "tasks created on this CPU, threads included",
          "sched_process_fork"},
    Field{ids::sched::kExecs, "execs", amount, none, "programs started on this CPU", "sched_process_exec"},
    Field{ids::sched::kExits, "exits", amount, none, "tasks that ended on this CPU, threads included",
          "sched_process_exit"},
    Field{ids::sched::kWaitsDiscarded, "waits_discarded", amount, none,
          "waits not counted because their start could not be trusted", "docs/METRICS.md, known edges"},
    Field{ids::sched::kCulpritTime, "culprit_ns", peak, nanoseconds,
          "of the longest wait, how long the culprit had the CPU meanwhile", "sched_switch, run-queue clock"},
    Field{ids::sched::kDiscarded, "waits_discarded_ns", amount, nanoseconds,
          "of these, the time the kernel took for waiting", "task_struct.sched_info.run_delay"},
    Field{ids::sched::kWaitsPartial, "waits_partial", amount, none,
          "of wait_count, those of which a part before the task was moved may be missing",
          "task_struct.sched_info.pcount"},
    Field{ids::sched::kRunnableMax, "runnable_max", peak, none,
          "most tasks that a switch left runnable, the running one included; without a switch those that the last one "
          "left",
          "rq.nr_running"},
    Field{ids::sched::kStolen, "stolen_ns", amount, nanoseconds,
          "time the hypervisor took away from the CPU; part of busy_ns and idle_ns; no value where it does not tell",
          "rq.prev_steal_time_rq, prev_steal_time"},
    Field{ids::sched::kIrq, "irq_ns", amount, nanoseconds,
          "time in interrupts; part of busy_ns and idle_ns; no value where the kernel does not tell",
          "rq.prev_irq_time"},
};

inline constexpr std::array kSchedWaitFields{
    Field{ids::histogram::kDistribution, "wait", histogram, nanoseconds, "run-queue waits that ended in the interval",
          "task_struct.sched_info.last_queued"},
};

inline constexpr std::array kSchedOnCpuFields{
    Field{ids::histogram::kDistribution, "oncpu", histogram, nanoseconds,
          "time on the CPU between two switches, for stints that ended in the interval",
          "task_struct.sched_info.last_arrival"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kSched, "kpulse_sched", Scope::window, kCpuTag, kSchedFields,
                "What the scheduler of one CPU did in one window."},
    Measurement{ids::kSchedWait, "kpulse_sched_wait", Scope::interval, kCpuTag, kSchedWaitFields,
                "Distribution of run-queue waits of one CPU."},
    Measurement{ids::kSchedOnCpu, "kpulse_sched_oncpu", Scope::interval, kCpuTag, kSchedOnCpuFields,
                "Distribution of the time tasks stay on the CPU."},
};

}  // namespace kpulse::sched_catalog
