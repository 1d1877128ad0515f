/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Contract of the scheduler probe: what its programs write and the agent reads. */
#ifndef KPULSE_ABI_SCHED_H
#define KPULSE_ABI_SCHED_H

#include "abi/assert.h"
#include "abi/cgroup.h"
#include "abi/histogram.h"
#include "abi/task.h"
#include "abi/window.h"

#define KP_RECORD_SCHED_WINDOW 1

/* What no task got of a CPU's time, in ns since boot; 0 where the kernel does not tell. */
struct kp_lost {
	__u64 stolen; /* by the hypervisor */
	__u64 irq;    /* by interrupts */
};

/* What one CPU did in one window. Clocks are the run queue's, in ns. */
struct kp_sched_window {
	struct kp_record_head head;
	__u64 number;           /* 0: no window is open */
	__u64 previous;         /* number of the window of the event before; those between had none. 0: unknown */
	__u64 start;
	__u64 end;              /* first instant that is not in it */
	__u64 closed_clock;     /* the event that closed it, ... */
	__u64 closed_mono;      /* ... and CLOCK_MONOTONIC then */
	__u64 busy_ns;          /* up to the last event, see kp_sched_cpu.from */
	__u64 wait_ns;
	__u64 wait_max_ns;
	__u64 culprit_ns;       /* of the longest wait, how long the culprit had the CPU that the victim waited for */
	__u64 discarded_ns;     /* as the kernel accounts for them, the waits that are discarded because they include sleep */
	__u32 switches;
	__u32 voluntary;
	__u32 involuntary;
	__u32 waits;
	__u32 waits_discarded;
	__u32 waits_partial;    /* of `waits`: other waits of the task, or of this one what was before a move, are in wait_ns only, or not known */
	__u32 runnable_max;     /* most tasks that a switch left runnable, the running one included */
	__u32 running;          /* pid of the task on the CPU since the last event; 0 is idle */
	__u32 carried;          /* pid of the task on the CPU when the window opened, and since `previous` ended */
	__u32 epoch;
	__u32 runnable;         /* tasks that the last event left runnable */
	__u32 runnable_carried; /* the same of the last event before the window opened */
	__u64 left_clock;       /* its last event; set when it is closed, ... */
	struct kp_lost left;    /* ... as what was lost until then ... */
	struct kp_lost closed;  /* ... and until closed_clock */
	struct kp_task victim;
	struct kp_task culprit;
};
KP_ASSERT_SIZE(struct kp_sched_window, 248);

/* One per CPU, written by that CPU only. `sequence` is odd while it is being changed. */
struct kp_sched_cpu {
	/* Of each switch: one cache line. */
	__u64 sequence;
	__u64 from;             /* the running task's time from here on is not in open.busy_ns yet */
	__u64 stint_from;       /* the same in no stint yet; of the run queue's clock. 0: not known */
	__u64 group_ran;        /* sum_exec_runtime of what it runs, up to which its cgroup has been charged */
	struct kp_lost lost;    /* at the last event */
	__u32 group;            /* slot of the running task's cgroup; without meaning while the CPU is idle */
	__u32 group_pid;        /* whose group_ran is; 0 is idle */
	__u64 came;             /* when the running task got the CPU; 0: not known */

	__u64 clock_backwards;  /* events whose clock was before the last one's; they count as no time */
	__u64 ring_dropped;     /* windows that did not fit into the ring buffer */
	__u64 switches_missed;  /* the task that left was not the one last seen to come: a switch was not shown to us */
	__u64 unused;           /* so that what each switch changes of the window lies in two cache lines */
	struct kp_sched_window open;
	struct kp_histogram wait;
	struct kp_histogram oncpu;
	__u64 pad[3];
};
KP_ASSERT_SIZE(struct kp_sched_cpu, 96 + 248 + 16 * (KP_HIST_BUCKETS + 1) + 24);

/* A task that waits for a CPU, as its iterator finds it. */
struct kp_waiting {
	__u64 queued; /* since when in this run queue, of its clock; 0: not known */
	__u64 before; /* what it has waited already in others, ns */
	__u32 cpu;
	__u32 reserved;
	struct kp_task task;
	struct kp_task running; /* who has the CPU */
};
KP_ASSERT_SIZE(struct kp_waiting, 24 + 2 * 32);

/* A run queue as kp_look finds it. A CPU that is busy moves it at each tick, an idle one does not. */
struct kp_look {
	__u64 clock;
	struct kp_lost lost; /* until `clock`, or until the move before */
	__u64 ran;           /* sum_exec_runtime of the task that has the CPU */
	__u32 pid;           /* of that task, if it still has it; 0: idle, or not looked at */
	__u32 runnable;      /* tasks that want to run on it, the running one included */
};
KP_ASSERT_SIZE(struct kp_look, 40);

/* Who waits in the run queue of `cpu`, as kp_walk finds it. */
#define KP_QUEUE_ROOM 128 /* power of two */

struct kp_queue {
	__u32 cpu;   /* set before kp_walk is run */
	__u32 whole; /* nobody is missing; else who waits is not known */
	__u32 found; /* of `waiting` */
	__u32 reserved;
	struct kp_waiting waiting[KP_QUEUE_ROOM];
};
KP_ASSERT_SIZE(struct kp_queue, 16 + KP_QUEUE_ROOM * 88);

/* CPUs that kp_look looks at. Of the others the agent knows what their last switch left. */
#define KP_LOOK_CPUS 256

/* What one CPU did for one cgroup, since the slot was given to it. Waits have a short histogram: KP_GROUP_BUCKETS of the buckets of
 * abi/histogram.h (1 us to 17 s), from KP_GROUP_FIRST on; shorter and longer ones are in the first and the last of them. */
#define KP_GROUP_FIRST 64
#define KP_GROUP_BUCKETS 192

struct kp_sched_group {
	__u64 cpu_ns;
	__u64 wait_ns;
	__u64 waits;
	__u64 switches; /* to a task of the cgroup */
	__u32 wait[KP_GROUP_BUCKETS];
};
KP_ASSERT_SIZE(struct kp_sched_group, 32 + 4 * KP_GROUP_BUCKETS);

/* One per CPU, written by that CPU only. */
struct kp_sched_groups {
	struct kp_sched_group group[KP_CGROUP_SLOTS];
};
KP_ASSERT_SIZE(struct kp_sched_groups, KP_CGROUP_SLOTS * sizeof(struct kp_sched_group));

/* Events that are rare and happen outside of sched_switch are counted by window in a ring of slots for each CPU, one CPU's after the other's.
 * `life` is written in process context, `moves` with interrupts off; each has its own window number, so neither can clear the other's. */
struct kp_sched_slot {
	__u64 life_window;
	__u64 moves_window;
	__u32 forks;
	__u32 execs;
	__u32 exits;
	__u32 migrations;
};
KP_ASSERT_SIZE(struct kp_sched_slot, 32);

#endif
