// Memory: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::memory_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 1> kKindTag{"kind"};

inline constexpr std::array kFields{
    Field{ids::memory::kUserFaults, "faults_user", amount, none, "page faults of programs", "page_fault_user (x86)"},
    Field{ids::memory::kKernelFaults, "faults_kernel", amount, none,
          "page faults of the kernel, on behalf of a program mostly", "page_fault_kernel (x86)"},
    Field{ids::memory::kMajorFaults, "faults_major", amount, none,
          "page faults that had to read from storage; part of the other two", "software event page-faults-major"},
    Field{ids::memory::kDirectCount, "direct_reclaim_count", amount, none, "direct reclaims that ended in the window",
          "mm_vmscan_direct_reclaim_end"},
    Field{ids::memory::kDirect, "direct_reclaim_ns", amount, nanoseconds,
          "time of tasks in direct reclaim, ended or not", "mm_vmscan_direct_reclaim_begin, _end"},
    Field{ids::memory::kDirectBytes, "direct_reclaim_bytes", amount, bytes, "what those that ended have reclaimed",
          "mm_vmscan_direct_reclaim_end"},
    Field{ids::memory::kMemcgCount, "memcg_reclaim_count", amount, none, "memcg reclaims that ended in the window",
          "mm_vmscan_memcg_reclaim_end"},
    Field{ids::memory::kMemcg, "memcg_reclaim_ns", amount, nanoseconds, "time of tasks in memcg reclaim, ended or not",
          "mm_vmscan_memcg_reclaim_begin, _end"},
    Field{ids::memory::kMemcgBytes, "memcg_reclaim_bytes", amount, bytes, "what those that ended have reclaimed",
          "mm_vmscan_memcg_reclaim_end"},
    Field{ids::memory::kCompactionCount, "compaction_count", amount, none,
          "compactions of a zone that ended in the window, but for kcompactd's", "mm_compaction_end"},
    Field{ids::memory::kCompaction, "compaction_ns", amount, nanoseconds,
          "time of tasks other than kcompactd in compaction, ended or not", "mm_compaction_begin, _end"},
    Field{ids::memory::kThrottleCount, "throttle_count", amount, none,
          "waits of reclaiming tasks other than kswapd that ended in the window", "mm_vmscan_throttled"},
    Field{ids::memory::kThrottle, "throttle_ns", amount, nanoseconds,
          "time of these waits, in ticks; it is part of the reclaim around it", "mm_vmscan_throttled"},
    Field{ids::memory::kKswapdWakes, "kswapd_wakes", amount, none, "times kswapd was woken", "mm_vmscan_kswapd_wake"},
    Field{ids::memory::kKswapd, "kswapd_ns", amount, nanoseconds,
          "time kswapd was at work, all nodes, with the 100 ms it waits for more before it sleeps",
          "mm_vmscan_kswapd_wake, _sleep"},
    Field{ids::memory::kFallbacks, "fragmentation_fallbacks", amount, none,
          "allocations served from blocks of another mobility", "mm_page_alloc_extfrag"},
    Field{ids::memory::kStallMax, "stall_max_ns", peak, nanoseconds, "longest stall that ended in the window",
          "begin and end of the stall"},
    Field{ids::memory::kStallKind, "stall_max_kind", level, none,
          "its kind: 1 direct reclaim, 2 memcg reclaim, 3 compaction, 4 throttle", "the stall's tracepoint"},
    Field{ids::memory::kStallTask, "stalled", task, none, "the task that was stalled", "current at the stall's end"},
};

inline constexpr std::array kStallFields{
    Field{ids::histogram::kDistribution, "stall", histogram, nanoseconds,
          "stalls that ended in the interval; kind is direct_reclaim, memcg_reclaim, compaction or throttle",
          "begin and end of the stall"},
};

inline constexpr std::array kOomFields{
    Field{ids::oom::kVictim, "victim", task, none, "the task that was killed", "mark_victim"},
    Field{ids::oom::kInvoker, "invoker", task, none, "the task whose allocation failed", "current at mark_victim"},
    Field{ids::oom::kTotal, "total_bytes", level, bytes, "the victim's address space", "mm_struct.total_vm"},
    Field{ids::oom::kAnon, "anon_bytes", level, bytes, "its anonymous memory, up to 128 pages a CPU off",
          "mm_struct.rss_stat"},
    Field{ids::oom::kFile, "file_bytes", level, bytes, "its mapped files, likewise", "mm_struct.rss_stat"},
    Field{ids::oom::kShmem, "shmem_bytes", level, bytes, "its shared memory, likewise", "mm_struct.rss_stat"},
};

inline constexpr std::array kCgroupFields{
    Field{ids::cgroup_memory::kFaults, "faults", amount, none,
          "page faults in its tasks, of programs and of the kernel", "page_fault_user, page_fault_kernel (x86)"},
    Field{ids::cgroup_memory::kMajorFaults, "faults_major", amount, none,
          "of these, those that had to read from storage", "software event page-faults-major"},
    Field{ids::cgroup_memory::kDirectCount, "direct_reclaim_count", amount, none, "direct reclaims that ended",
          "mm_vmscan_direct_reclaim_end"},
    Field{ids::cgroup_memory::kDirect, "direct_reclaim_ns", amount, nanoseconds,
          "their time; all of it in the interval in which they ended", "mm_vmscan_direct_reclaim_begin, _end"},
    Field{ids::cgroup_memory::kMemcgCount, "memcg_reclaim_count", amount, none, "memcg reclaims that ended",
          "mm_vmscan_memcg_reclaim_end"},
    Field{ids::cgroup_memory::kMemcg, "memcg_reclaim_ns", amount, nanoseconds, "their time, likewise",
          "mm_vmscan_memcg_reclaim_begin, _end"},
    Field{ids::cgroup_memory::kCompactionCount, "compaction_count", amount, none, "compactions of a zone that ended",
          "mm_compaction_end"},
    Field{ids::cgroup_memory::kCompaction, "compaction_ns", amount, nanoseconds, "their time, likewise",
          "mm_compaction_begin, _end"},
    Field{ids::cgroup_memory::kThrottleCount, "throttle_count", amount, none, "waits of reclaiming tasks that ended",
          "mm_vmscan_throttled"},
    Field{ids::cgroup_memory::kThrottle, "throttle_ns", amount, nanoseconds,
          "time of these waits, in ticks; it is part of the reclaim around it", "mm_vmscan_throttled"},
};

inline constexpr std::array<std::string_view, 1> kCgroupTag{"cgroup"};

inline constexpr std::array kMeasurements{
    Measurement{ids::kMemory,
                "kpulse_memory",
                Scope::window,
                {},
                kFields,
                "Memory management of the whole machine in one window."},
    Measurement{ids::kMemoryStall, "kpulse_memory_stall", Scope::interval, kKindTag, kStallFields,
                "Distribution of how long tasks were stalled by memory management."},
    Measurement{ids::kOom, "kpulse_oom", Scope::event, {}, kOomFields, "A task that the OOM killer chose."},
    Measurement{ids::kCgroupMemory, "kpulse_cgroup_memory", Scope::interval, kCgroupTag, kCgroupFields,
                "What memory management did in tasks of one cgroup; a cgroup in which nothing happened has no row."},
};

}  // namespace kpulse::memory_catalog
