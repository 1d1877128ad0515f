/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When a task was queued and when it got the CPU: from sched_info, or from stamps of our own. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_WAIT_BPF_H
#define KPULSE_SCHED_WAIT_BPF_H

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

/* Tasks that moved to another CPU while they slept in delayed dequeue (6.12+). The move stamps last_queued, so the next wait
 * would include the sleep: it is discarded, and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u8);
} kp_delayed SEC(".maps");

/* Waits shorter than this are not looked up: a sleep that short does no harm, and long waits are rare. */
#define KP_DELAYED_CHECK_NS (64 * 1024)

/* The clock of this CPU's run queue, which `task` is on, and the part of it that tasks got. */
static __always_inline __u64 switch_clock(struct task_struct *task, __u64 *task_clock)
{
	struct rq *rq;

	if (kp_by_wakeup)
		return *task_clock = bpf_ktime_get_ns();
	rq = task->se.cfs_rq->rq;
	*task_clock = rq->clock_task;
	return rq->clock;
}

static __always_inline struct kp_stamp *stamp_of(struct task_struct *task, __u64 flags)
{
	return bpf_task_storage_get(&kp_stamps, task, 0, flags);
}

static __always_inline __u64 queued_at(struct task_struct *next)
{
	struct kp_stamp *stamp;
	__u64 queued;

	if (!kp_by_wakeup)
		return next->sched_info.last_queued;
	stamp = stamp_of(next, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!stamp)
		return 0;
	queued = stamp->queued;
	stamp->queued = 0;
	stamp->arrived = bpf_ktime_get_ns();
	return queued;
}

static __always_inline __u64 arrived_at(struct task_struct *prev)
{
	struct kp_stamp *stamp;

	if (!kp_by_wakeup)
		return prev->sched_info.last_arrival;
	stamp = stamp_of(prev, 0);
	return stamp ? stamp->arrived : 0;
}

/* A task that left while runnable waits from then on; sched_info notes that by itself. */
static __always_inline void left(struct task_struct *prev, bool runnable, __u64 clock)
{
	struct kp_stamp *stamp;

	if (!kp_by_wakeup || !runnable || !prev->pid)
		return;
	stamp = stamp_of(prev, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (stamp)
		stamp->queued = clock;
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

static __always_inline void note_delayed(struct task_struct *task)
{
	__u32 pid = task->pid;
	__u8 yes = 1;

	if (!kp_by_wakeup && bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed)
		bpf_map_update_elem(&kp_delayed, &pid, &yes, BPF_ANY);
}

static __always_inline bool includes_sleep(struct task_struct *next, __u64 wait)
{
	__u32 pid = next->pid;

	return wait >= KP_DELAYED_CHECK_NS && bpf_core_field_exists(next->se.sched_delayed) &&
	       !bpf_map_delete_elem(&kp_delayed, &pid);
}

#endif
