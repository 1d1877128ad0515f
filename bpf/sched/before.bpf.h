/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks that were there before the probe: their first wait is known as a whole, too. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_BEFORE_BPF_H
#define KPULSE_SCHED_BEFORE_BPF_H

#include "lib/iterator.bpf.h"

/* Run by the agent once, when all else is attached. A task that goes on meanwhile is known by its switch, and what is read here of it is of an arrival
 * that is not its last any more. Of one that waits, the pieces of its wait before it was moved are not known. */
SEC("iter/task")
int kp_meet_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	bool stamped, asleep;
	__u64 entry;

	if (!task || !task->pid || arrival_of(task->pid))
		return 0;
	entry = arrival_now(task);
	barrier();
	stamped = *(volatile unsigned long long *)&task->sched_info.last_queued;
	asleep = sleepers_are_stamped() && (!task->on_rq || task->se.sched_delayed);
	if (stamped && !asleep)
		return 0;
	arrival_place(task->pid, stamped ? entry | KP_SLEPT : entry);
	return 0;
}

#endif
