/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which part of a wait was the quota of one of the task's own cgroups (CONFIG_CFS_BANDWIDTH). Private to sched.bpf.c.
 *
 * The kernel keeps how long each group's run queue of a CPU has been throttled so far. A task that loses the CPU because its group is throttled is seen
 * leaving; what the sum was then is remembered for the group, and its growth is how long that throttling lasted. */
#ifndef KPULSE_SCHED_THROTTLE_BPF_H
#define KPULSE_SCHED_THROTTLE_BPF_H

/* A cgroup's quota throttles those below it, too: how far up it is looked for. */
#define KP_THROTTLE_LEVELS 4

static __always_inline struct throttled *throttled_place(struct stints *stints, __u64 group)
{
	return &stints->throttled[(group >> 9 ^ group >> 13) & (KP_THROTTLED - 1)];
}

/* How long the group has been throttled so far, ns; false where this kernel does not say. */
static __always_inline bool throttled_so_far(struct cfs_rq *group, __u64 *sum)
{
	if (bpf_core_field_exists(group->throttled_clock_self_time)) /* 6.6+ */
		*sum = group->throttled_clock_self_time;
	else if (bpf_core_field_exists(group->throttled_clock_pelt_time)) /* 5.19+; of a clock that is clock_task but for scaling by capacity */
		*sum = group->throttled_clock_pelt_time;
	else
		return false;
	return true;
}

/* prev leaves while it is runnable, and is or will be throttled. */
static __noinline int remember_throttled(struct stints *stints, struct task_struct *prev, __u64 clock)
{
	struct sched_entity *entity;

	if (!stints || !prev)
		return 0;
	entity = &prev->se;
#pragma unroll
	for (int level = 0; level < KP_THROTTLE_LEVELS; level++) {
		struct cfs_rq *group = entity->cfs_rq;
		struct throttled *throttled = throttled_place(stints, (__u64)group);
		__u64 sum;

		if (!group->throttle_count || !throttled_so_far(group, &sum))
			return 0;
		if (throttled->group != (__u64)group || throttled->before != sum) { /* else others of the group have left before it */
			throttled->group = (__u64)group;
			throttled->since = clock;
			throttled->before = sum;
		}
		entity = entity->parent;
		if (!entity)
			return 0;
	}
	return 0;
}

/* prev leaves while it is runnable: is that because it or its group is throttled? */
static __always_inline void note_throttled(struct stints *stints, struct task_struct *prev, __u64 clock)
{
	if (bpf_core_field_exists(prev->se.cfs_rq->throttle_count) && unlikely(prev->se.cfs_rq->throttle_count))
		remember_throttled(stints, prev, clock);
}

/* The throttling that a wait until `to` ended with or went through: [since, until) of the run queue's clock; 0 when there was none. */
static __always_inline __u64 throttled_until(struct stints *stints, struct task_struct *task, __u64 *since)
{
	struct sched_entity *entity = &task->se;

	if (!bpf_core_field_exists(entity->cfs_rq->throttle_count))
		return 0;
#pragma unroll
	for (int level = 0; level < KP_THROTTLE_LEVELS; level++) {
		struct cfs_rq *group = entity->cfs_rq;
		struct throttled *throttled = throttled_place(stints, (__u64)group);
		__u64 sum;

		if (throttled->group == (__u64)group && throttled_so_far(group, &sum) && sum > throttled->before) {
			*since = throttled->since;
			return throttled->since + (sum - throttled->before);
		}
		entity = entity->parent;
		if (!entity)
			return 0;
	}
	return 0;
}

/* Whose fault it is that `task` waited in [from, to) for CPU `number`: the answer is in `found`. While its group was throttled it was nobody else's. */
static __always_inline void find_fault(struct stints *stints, __u32 number, struct task_struct *task, __u64 from, __u64 to)
{
	__u64 since = 0, until = throttled_until(stints, task, &since), throttled;

	if (until > to)
		until = to;
	if (since < from)
		since = from;
	if (until <= since) {
		find_culprit(number, from, to);
		return;
	}
	throttled = until - since;
	if (to - until > since - from) /* the longer part of the rest */
		find_culprit(number, until, to);
	else
		find_culprit(number, from, since);
	if (throttled <= stints->found.ns)
		return;
	stints->found.ns = throttled;
	KP_NAME_NO_TASK(&stints->found.task, KP_THROTTLED_TASK);
}

#endif
