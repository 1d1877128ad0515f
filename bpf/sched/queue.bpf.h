/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who waits in one run queue, without a look at each task of the machine. Private to sched.bpf.c.
 *
 * A run queue has a list of its tasks of the fair class. It is read without its lock, so what is read may change meanwhile: then a task is in another
 * run queue, their number is not what the run queue says, or the CPU has switched, which moves a task to the front of the list; the agent then asks
 * the iterator over all tasks. So it does where tasks of other classes wait, which are in other lists. */
#ifndef KPULSE_SCHED_QUEUE_BPF_H
#define KPULSE_SCHED_QUEUE_BPF_H

struct kp_queue kp_queue;

/* Where a walk is. Not for the agent. */
struct {
	__u64 node;
	__u64 running;         /* the task that has the CPU */
	struct kp_task name;   /* of it */
	__u32 runnable;        /* tasks met that the run queue counts */
	__u32 running_is_fair; /* it was met */
	__u32 ended;
} kp_walking;

static __always_inline struct rq *walked_queue(void)
{
	__u32 number = kp_queue.cpu;
	__u64 *rq = bpf_map_lookup_elem(&kp_run_queues, &number);

	return rq ? (struct rq *)*rq : NULL;
}

/* One step of kp_walk(); not 0 when it was the last. Global for the verifier's sake, see look_at(). */
__noinline int walk_on(__u32 step)
{
	__u64 head = (__u64)walked_queue() + bpf_core_field_offset(struct rq, cfs_tasks), *own, entry, pcount;
	struct task_struct *task;
	struct kp_waiting *waiting;
	struct cfs_rq *cfs;

	if (!bpf_core_field_exists(((struct rq *)0)->cfs_tasks)) /* never: else this would not load where there is no such field */
		return 1;
	if (kp_walking.node == head) {
		kp_walking.ended = 1;
		return 1;
	}
	task = (struct task_struct *)(kp_walking.node - bpf_core_field_offset(struct task_struct, se.group_node));
	cfs = BPF_CORE_READ(task, se.cfs_rq);
	if (BPF_CORE_READ(cfs, rq) != walked_queue())
		return 1;
	kp_walking.node = (__u64)BPF_CORE_READ(task, se.group_node.next);
	if (bpf_core_field_exists(task->se.sched_delayed) && BPF_CORE_READ(task, se.sched_delayed))
		return 0;
	if (!bpf_core_field_exists(cfs->throttle_count) || !BPF_CORE_READ(cfs, throttle_count))
		kp_walking.runnable++;
	if ((__u64)task == kp_walking.running) {
		kp_walking.running_is_fair = 1;
		return 0;
	}
	if (kp_queue.found >= KP_QUEUE_ROOM)
		return 1;
	waiting = &kp_queue.waiting[kp_queue.found & (KP_QUEUE_ROOM - 1)];
	waiting->cpu = kp_queue.cpu;
	kp_read_task(&waiting->task, task);
	waiting->running = kp_walking.name;
	own = arrival_of(waiting->task.pid);
	entry = own ? *(volatile __u64 *)own : 0;
	/* 0 while the switch that takes the CPU from it goes on, and of a task that was about to sleep then: since when is not known. */
	pcount = BPF_CORE_READ(task, sched_info.pcount);
	waiting->queued = arrival_trust(entry, pcount, BPF_CORE_READ(task, se.nr_migrations), BPF_CORE_READ(task, sched_info.last_queued));
	waiting->before = 0;
	if (arrival_is_last(entry, pcount))
		waiting->before = (BPF_CORE_READ(task, sched_info.run_delay) - entry) & KP_DELAY_MASK;
	kp_queue.found++;
	return 0;
}

/* Run by the agent. */
SEC("raw_tp")
int kp_walk(void *ctx)
{
	struct rq *rq = walked_queue();
	__u32 runnable;
	__u64 switches;

	kp_queue.found = 0;
	kp_queue.whole = 0;
	if (!rq || !bpf_core_field_exists(rq->cfs_tasks))
		return 0;
	switches = BPF_CORE_READ(rq, nr_switches);
	runnable = look_runnable(rq);
	kp_walking.running = (__u64)BPF_CORE_READ(rq, curr);
	kp_read_task(&kp_walking.name, (struct task_struct *)kp_walking.running);
	kp_walking.node = (__u64)BPF_CORE_READ(rq, cfs_tasks.next);
	kp_walking.runnable = 0;
	kp_walking.running_is_fair = 0;
	kp_walking.ended = 0;
	for (__u32 step = 0; step < 2 * KP_QUEUE_ROOM; step++) {
		if (walk_on(step))
			break;
	}
	if (kp_walking.name.pid && !kp_walking.running_is_fair)
		kp_walking.runnable++;
	kp_queue.whole = kp_walking.ended && kp_walking.runnable == runnable && look_runnable(rq) == runnable &&
			 BPF_CORE_READ(rq, nr_switches) == switches;
	return 0;
}

#endif
