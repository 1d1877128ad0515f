/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who waits for a CPU right now: read by the agent where a run queue holds more than the running task. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_WAITING_BPF_H
#define KPULSE_SCHED_WAITING_BPF_H

#include "lib/iterator.bpf.h"

/* Tasks that want to run on a CPU, the running one included. Those that sleep in delayed dequeue (6.12+) are in the queue, but do not. */
static __always_inline __u32 runnable_on(struct rq *rq)
{
	struct cfs_rq *cfs = &rq->cfs;

	if (bpf_core_field_exists(cfs->h_nr_runnable)) /* 6.14+ */
		return rq->nr_running - (cfs->h_nr_queued - cfs->h_nr_runnable);
	if (bpf_core_field_exists(cfs->h_nr_delayed))
		return rq->nr_running - cfs->h_nr_delayed;
	return rq->nr_running;
}

SEC("iter/task")
int kp_waiting(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct kp_waiting waiting = {};
	__u64 *own, entry;
	struct rq *rq;

	if (!task || !task->on_rq || !task->sched_info.last_queued)
		return 0;
	if (bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed)
		return 0;
	own = arrival_of(task->pid);
	entry = own ? *(volatile __u64 *)own : 0;
	waiting.queued = arrival_trust(entry, task->sched_info.pcount, task->se.nr_migrations, task->sched_info.last_queued);
	if (arrival_is_last(entry, task->sched_info.pcount))
		waiting.before = (task->sched_info.run_delay - entry) & KP_DELAY_MASK;
	rq = task->se.cfs_rq->rq;
	waiting.cpu = rq->cpu;
	kp_name_task(&waiting.task, task);
	kp_name_task(&waiting.running, rq->curr);
	bpf_seq_write(context->meta->seq, &waiting, sizeof(waiting));
	return 0;
}

#endif
