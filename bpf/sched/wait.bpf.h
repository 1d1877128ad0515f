/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long a task that comes to a CPU was runnable before: from sched_info, or from stamps of our own. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_WAIT_BPF_H
#define KPULSE_SCHED_WAIT_BPF_H

#include "sched/arrival.bpf.h"

/* The fallback's stamps; empty when sched_info is there. */
struct kp_stamp {
	__u64 queued;
	__u64 arrived;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kp_stamp);
} kp_stamps SEC(".maps");

enum wait_kind {
	KP_WAIT_WHOLE,
	KP_WAIT_PARTIAL, /* how much of it was before the task was moved is not known */
	KP_WAIT_UNKNOWN, /* when it began is not known */
};

struct wait {
	__u64 ns;     /* from runnable to running, on whichever CPUs */
	__u64 last;   /* of it, in the run queue that it ended in */
	__u64 unseen; /* waited by the task since it was last seen to come to a CPU, in waits whose ends were not shown or before a move */
	enum wait_kind kind;
	bool slept;   /* the kernel took sleep for waiting: in this wait when it is whole, else in one that was not seen to end */
	bool doubtful; /* it may be sleep */
};

static __always_inline struct kp_stamp *stamp_of(struct task_struct *task, __u64 flags)
{
	return bpf_task_storage_get(&kp_stamps, task, 0, flags);
}

static __always_inline void stamped_wait(struct task_struct *next, __u64 clock, struct wait *wait)
{
	struct kp_stamp *stamp = stamp_of(next, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 queued;

	if (!stamp)
		return;
	queued = stamp->queued;
	stamp->queued = 0;
	stamp->arrived = bpf_ktime_get_ns();
	if (!queued || queued > clock)
		return;
	wait->ns = wait->last = clock - queued;
	wait->kind = KP_WAIT_WHOLE;
}

/* The kernel is about to add the last piece to run_delay and to count the arrival (sched_info_arrive(), right after this tracepoint). */
static __always_inline void accounted_wait(struct task_struct *next, __u64 clock, struct wait *wait)
{
	__u64 queued = next->sched_info.last_queued, delay = next->sched_info.run_delay, pcount = next->sched_info.pcount;
	__u64 *own, remembered, entry;

	if (unlikely(!queued)) /* the kernel does not count this one either: the task was about to sleep when it was preempted */
		return;
	wait->ns = wait->last = clock - queued;
	delay += wait->last;
	own = arrival_of(next->pid);
	remembered = own ? *(volatile __u64 *)own : 0;
	entry = arrival_entry(next, pcount + 1, delay);
	if (unlikely(!own))
		arrival_place(next->pid, entry);
	else
		*(volatile __u64 *)own = entry;
	if (unlikely(queued > clock))
		return;
	wait->slept = remembered & KP_SLEPT;
	if (likely(arrival_is_last(remembered, pcount) && ((delay - remembered) & KP_DELAY_MASK) <= delay)) {
		wait->ns = (delay - remembered) & KP_DELAY_MASK;
		wait->kind = KP_WAIT_WHOLE;
		wait->doubtful = wait->slept || arrival_missed_a_move(remembered, next->se.nr_migrations);
		return;
	}
	wait->kind = KP_WAIT_PARTIAL;
	/* A mark, in contrast, is of one of the waits that were not seen to end. */
	wait->doubtful = !arrival_trust(remembered & ~KP_SLEPT, pcount, next->se.nr_migrations, queued);
	wait->unseen = remembered ? (delay - wait->last - remembered) & KP_DELAY_MASK : 0;
	if (wait->unseen > delay) /* it was remembered of another task, which had the pid before */
		wait->unseen = 0;
}

/* next comes to a CPU. */
static __always_inline void end_wait(struct task_struct *next, __u64 clock, struct wait *wait)
{
	wait->kind = KP_WAIT_UNKNOWN;
	if (kp_by_wakeup)
		stamped_wait(next, clock, wait);
	else
		accounted_wait(next, clock, wait);
}

static __always_inline __u64 arrived_at(struct task_struct *prev)
{
	struct kp_stamp *stamp;

	if (!kp_by_wakeup)
		return prev->sched_info.last_arrival;
	stamp = stamp_of(prev, 0);
	return stamp ? stamp->arrived : 0;
}

/* A task that left while runnable waits from then on; sched_info notes that by itself. One that was woken before it slept has a stamp of that,
 * though it had the CPU; when it sleeps after all, that is of no wait. */
static __always_inline void left(struct task_struct *prev, bool runnable, __u64 clock)
{
	struct kp_stamp *stamp;

	if (!kp_by_wakeup || !prev->pid)
		return;
	stamp = stamp_of(prev, runnable ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (stamp)
		stamp->queued = runnable ? clock : 0;
}

static __always_inline int on_wakeup(struct task_struct *task)
{
	struct kp_stamp *stamp = stamp_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (stamp && !stamp->queued)
		stamp->queued = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(kp_wakeup, struct task_struct *task)
{
	return on_wakeup(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(kp_wakeup_new, struct task_struct *task)
{
	return on_wakeup(task);
}

#endif
