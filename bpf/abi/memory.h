/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Contract of the memory probe: what its programs write and the agent reads. Times are CLOCK_MONOTONIC in ns, but for what says otherwise. */
#ifndef KPULSE_ABI_MEMORY_H
#define KPULSE_ABI_MEMORY_H

#include "abi/assert.h"
#include "abi/cgroup.h"
#include "abi/histogram.h"
#include "abi/task.h"
#include "abi/window.h"

#define KP_RECORD_STALL 1
#define KP_RECORD_OOM 2

/* What a task waits for. The first KP_STALL_KINDS are stalls: time in which it could not go on with its own work. */
#define KP_STALL_DIRECT 0     /* direct reclaim: the machine is short of memory */
#define KP_STALL_MEMCG 1      /* memcg reclaim: the task's cgroup is at its limit */
#define KP_STALL_COMPACTION 2 /* pages are moved to make room for a large block */
#define KP_STALL_THROTTLE 3   /* reclaim itself is made to wait; part of the reclaim around it */
#define KP_STALL_KINDS 4
#define KP_STALL_KSWAPD 4     /* no stall: a kswapd thread is at work */
#define KP_ACTIVITIES 5

/* Page faults of one CPU in one window. Each CPU has a ring of them, one CPU's after the other's. */
struct kp_fault_slot {
	__u64 window; /* see lib/slot.bpf.h */
	__u32 user;
	__u32 kernel;
};
KP_ASSERT_SIZE(struct kp_fault_slot, 16);

/* Page faults of one CPU in tasks of one cgroup, since the slot was given to it. Each member is written by one program: faults of
 * user space and of the kernel may interrupt each other. */
struct kp_fault_group {
	__u64 user;
	__u64 kernel;
};
KP_ASSERT_SIZE(struct kp_fault_group, 16);

/* One per CPU, written by that CPU only; the agent sets `until` back when windows are numbered anew. */
struct kp_fault_cpu {
	__u64 until;   /* run-queue clock; up to then faults go into slot `index`. 0: look for the window first */
	__u64 dropped; /* faults not counted, because their slot still held another window */
	__u32 index;   /* in the array of all slots */
	__u32 faults;  /* decides which of them read the clock */
	__u32 reserved[10];
	struct kp_fault_group group[KP_CGROUP_SLOTS];
};
KP_ASSERT_SIZE(struct kp_fault_cpu, 64 + 16 * KP_CGROUP_SLOTS);

/* All the rest of one window, of the whole machine: rare enough for counters that all CPUs share. */
struct kp_memory_slot {
	__u64 window;
	__u64 worst_ns;           /* longest stall that ended in the window; a record names it */
	__u64 ns[KP_ACTIVITIES];  /* time within the window, of what ended in it */
	__u64 direct_pages;       /* reclaimed, by what ended in the window */
	__u64 memcg_pages;
	__u32 count[KP_STALL_KINDS]; /* ended in the window */
	__u32 kswapd_wakes;
	__u32 major_faults;
	__u32 fallbacks;
	__u32 reserved;
};
KP_ASSERT_SIZE(struct kp_memory_slot, 104);

/* What else happened to the tasks of one cgroup, on any CPU, since the slot was given to it. A stall counts when it has ended, with all
 * of its time. */
struct kp_memory_group {
	__u64 ns[KP_STALL_KINDS];
	__u64 count[KP_STALL_KINDS];
	__u64 major_faults;
	__u64 reserved[7];
};
KP_ASSERT_SIZE(struct kp_memory_group, 128);

/* What tasks are in right now: one entry for each, found by pid. An array and not a hash, so that the agent sees without a system call
 * who has been stalled since when, and so that nothing is allocated while memory is short. */
#define KP_OPEN_STALLS 256
#define KP_OPEN_PROBES 8 /* entries after the one that the pid points at */

struct kp_open_stall {
	__u32 pid;   /* 0: free */
	__u32 kind;
	__u32 depth; /* begun inside of it and not ended yet */
	__u32 reserved;
	__u64 begin;
};
KP_ASSERT_SIZE(struct kp_open_stall, 24);

/* A stall (or kswapd's work) that was the longest of its window so far, or that lasted beyond a window's end. */
struct kp_stall_record {
	struct kp_record_head head;
	__u64 begin;
	__u64 end;
	__u32 kind;
	__u32 reserved;
	struct kp_task task;
};
KP_ASSERT_SIZE(struct kp_stall_record, 64);

/* The OOM killer has chosen. */
struct kp_oom_record {
	struct kp_record_head head;
	__u64 time;
	__u64 total_pages; /* address space */
	__u64 anon_pages;
	__u64 file_pages;
	__u64 shmem_pages;
	struct kp_task victim;
	struct kp_task invoker; /* whose allocation failed */
};
KP_ASSERT_SIZE(struct kp_oom_record, 48 + 64);

/* Counters of the whole machine. */
struct kp_memory_total {
	__u64 ring_dropped;
	__u64 slots_dropped; /* events not counted because their slot still held another window */
	__u64 open_dropped;  /* stalls not followed because too many tasks were stalled */
	__u64 ends_missed;   /* stalls not counted because their end was not shown */
	struct kp_histogram stall[KP_STALL_KINDS];
};
KP_ASSERT_SIZE(struct kp_memory_total, 32 + 8 * KP_STALL_KINDS * (KP_HIST_BUCKETS + 1));

#endif
