/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who had the CPU that a task waited for before it was moved to another one, still waiting. Private to sched.bpf.c.
 *
 * Asked when the task is moved, for then its old run queue is locked and nothing in it goes on. Such moves are rare, and few tasks wait again after
 * one, so there is room for a few only. A task that finds none is blamed on where its wait ended. */
#ifndef KPULSE_SCHED_MOVED_BPF_H
#define KPULSE_SCHED_MOVED_BPF_H

#define KP_MOVED 128
#define KP_MOVED_WAYS 4
/* Whoever has not come to a CPU this long after it was first moved may have done so unseen. */
#define KP_MOVED_OLD_S 10
#define KP_SECOND_NS (1000ULL * 1000 * 1000)

struct moved {
	__u64 holder;  /* pid, and in the upper half since when, in s of CLOCK_MONOTONIC; 0: nobody */
	__u64 booked;  /* run_delay at the last move */
	__u64 longest; /* of the pieces so far */
	struct blame blame; /* of that one */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KP_MOVED);
	__type(key, __u32);
	__type(value, struct moved);
} kp_moved SEC(".maps");

/* One of a few that a task may have. */
static __always_inline struct moved *moved_place(__u32 pid, __u32 step)
{
	__u32 place = (pid ^ step) & (KP_MOVED - 1);

	return bpf_map_lookup_elem(&kp_moved, &place);
}

/* What is kept of the task's wait so far; NULL when there is nothing. Until moved_end() nobody else gets it. */
static __always_inline struct moved *moved_of(__u32 pid)
{
#pragma unroll
	for (__u32 step = 0; step < KP_MOVED_WAYS; step++) {
		struct moved *moved = moved_place(pid, step);

		if (moved && (__u32)*(volatile __u64 *)&moved->holder == pid)
			return moved;
	}
	return NULL;
}

/* The task's wait is over. */
static __always_inline void moved_end(__u32 pid)
{
	struct moved *moved = moved_of(pid);

	barrier();
	if (moved)
		*(volatile __u64 *)&moved->holder = 0;
}

/* A place for a task that has none; NULL when others have them all. */
static __always_inline struct moved *moved_begin(__u32 pid)
{
	__u64 now = bpf_ktime_get_ns() / KP_SECOND_NS, holder;
	struct moved *moved;

#pragma unroll
	for (__u32 step = 0; step < KP_MOVED_WAYS; step++) {
		moved = moved_place(pid, step);
		if (!moved)
			return NULL;
		holder = *(volatile __u64 *)&moved->holder;
		if (holder && now - (holder >> 32) < KP_MOVED_OLD_S)
			continue;
		if (__sync_val_compare_and_swap(&moved->holder, holder, now << 32 | pid) != holder)
			continue;
		moved->booked = 0;
		moved->longest = 0;
		moved->blame.ns = 0;
		return moved;
	}
	return NULL;
}

/* A queued task is being moved: its old run queue has just added to run_delay what it waited there, and is locked. */
static __always_inline void moved_piece(struct task_struct *task)
{
	__u64 *own = arrival_of(task->pid), delay = task->sched_info.run_delay, booked, piece, clock;
	__u64 entry = own ? *(volatile __u64 *)own : 0;
	struct rq *rq = task->se.cfs_rq->rq;
	struct task_struct *running;
	struct kp_sched_cpu *cpu;
	struct stints *stints;
	struct moved *moved;
	__u32 number;

	if (!arrival_is_last(entry, task->sched_info.pcount))
		return; /* how much of it is this wait is not known */
	moved = moved_of(task->pid);
	booked = moved && moved->booked ? moved->booked : entry;
	piece = (delay - booked) & KP_DELAY_MASK;
	if (!moved) { /* most pieces are too short to be anybody's fault, and take no place */
		moved = piece < KP_STINT_NAMED_NS ? NULL : moved_begin(task->pid);
		if (!moved)
			return;
	}
	moved->booked = delay;
	if (piece <= moved->longest || piece < KP_STINT_NAMED_NS)
		return;
	number = rq->cpu;
	cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);
	stints = bpf_map_lookup_elem(&kp_stints, &number);
	if (!cpu || !stints)
		return;
	clock = rq->clock;
	running = rq->curr;
	if (running && cpu->open.running == (__u32)running->pid) { /* the stint that goes on there */
		stint_end(stints, running, cpu->stint_from, clock, 0, 0);
		cpu->stint_from = clock;
	}
	moved->longest = piece;
	find_fault(stints, number, task, clock - piece, clock);
	moved->blame = stints->found;
}

#endif
