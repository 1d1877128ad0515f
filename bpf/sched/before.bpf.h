/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks that were there before the probe: their first wait is known as a whole, too. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_BEFORE_BPF_H
#define KPULSE_SCHED_BEFORE_BPF_H

#include "lib/iterator.bpf.h"

static __always_inline __u64 pcount_of(struct task_struct *task)
{
	return *(volatile unsigned long *)&task->sched_info.pcount;
}

static __always_inline __u64 moves_of(struct task_struct *task)
{
	return *(volatile __u64 *)&task->se.nr_migrations;
}

/* Where the entry is now; NULL when there is no room, for no other task is to be forgotten. */
static __always_inline __u64 *plant(__u32 pid, __u64 entry)
{
	__u32 set = pid & (KP_ARRIVAL_SETS - 1), home = pid >> KP_ARRIVAL_SET_BITS & (KP_ARRIVAL_WAYS - 1);
	struct kp_arrivals *arrivals = bpf_map_lookup_elem(&kp_arrivals, &set);

	if (!arrivals)
		return NULL;
#pragma unroll
	for (__u32 step = 0; step < KP_ARRIVAL_WAYS; step++) {
		__u64 *way = &arrivals->way[(home ^ step) & (KP_ARRIVAL_WAYS - 1)];

		if (!*(volatile __u64 *)way && !__sync_val_compare_and_swap(way, 0, entry))
			return way;
	}
	return NULL;
}

/* Run by the agent once, when all else is attached. Of a task that waits, the pieces of its wait before it was moved are not known. One that goes on
 * meanwhile is known by its switch: then what was read of it here is taken back. */
SEC("iter/task")
int kp_meet_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	__u64 entry, pcount, moves, *own;
	bool stamped, asleep;

	if (!task || !task->pid || arrival_of(task->pid))
		return 0;
	pcount = pcount_of(task);
	moves = moves_of(task);
	barrier();
	entry = arrival_entry(task, pcount, *(volatile unsigned long long *)&task->sched_info.run_delay);
	stamped = *(volatile unsigned long long *)&task->sched_info.last_queued;
	asleep = sleepers_are_stamped() && (!task->on_rq || task->se.sched_delayed);
	if (stamped && !asleep)
		return 0;
	if (stamped)
		entry |= KP_SLEPT;
	own = plant(task->pid, entry);
	if (own && (pcount != pcount_of(task) || moves != moves_of(task) || arrival_of(task->pid) != own))
		__sync_val_compare_and_swap(own, entry, 0);
	return 0;
}

#endif
