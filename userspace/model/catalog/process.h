// Processes: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::process_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 2> kTags{"rank", "resource"};

inline constexpr std::array kFields{
    Field{ids::process::kTask, "process", task, none, "the process: pid and name of its first thread",
          "task_struct.group_leader"},
    Field{ids::process::kCpu, "cpu_ns", amount, nanoseconds, "time its threads were on a CPU",
          "task_struct.se.sum_exec_runtime"},
    Field{ids::process::kWait, "wait_ns", amount, nanoseconds, "run-queue wait of its threads",
          "task_struct.sched_info.run_delay"},
    Field{ids::process::kMinorFaults, "minor_faults", amount, none, "page faults without reading from storage",
          "task_struct.min_flt"},
    Field{ids::process::kMajorFaults, "major_faults", amount, none, "page faults that had to read from storage",
          "task_struct.maj_flt"},
    Field{ids::process::kRead, "read_bytes", amount, bytes, "read from storage", "task_struct.ioac.read_bytes"},
    Field{ids::process::kWrite, "write_bytes", amount, bytes, "dirtied, to be written to storage",
          "task_struct.ioac.write_bytes"},
    Field{ids::process::kThreads, "threads", level, none, "threads that used anything", "task iterator"},
    Field{ids::process::kInterval, "interval_ns", level, nanoseconds, "time that the row covers", "CLOCK_MONOTONIC"},
};

inline constexpr std::array kMeasurements{
    Measurement{
        ids::kProcess, "kpulse_process", Scope::interval, kTags, kFields,
        "The processes that used most of a resource (cpu, faults, io, wait), rank 1 first, about once a second."},
};

}  // namespace kpulse::process_catalog
