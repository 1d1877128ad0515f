/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each task's run_delay was after it last got a CPU, so that its next wait is known as a whole. Private to sched.bpf.c.
 *
 * When a queued task is moved, the kernel adds what it has waited so far to sched_info.run_delay and stamps last_queued anew in the other
 * run queue (sched_info_dequeue() and sched_info_enqueue() in kernel/sched/stats.h). So clock - last_queued is only the last piece of a wait;
 * the pieces before it are what run_delay has grown by since the task last got a CPU.
 *
 * Of a task 64 bits are kept: who it is, sched_info.pcount and run_delay after its arrival, how often it was moved, and whether its next wait
 * includes sleep. They are read and written at once, by the CPU that the task comes to; no lock. A set holds the tasks whose pids have the low bits
 * in common. Only a set that is full forgets one, whose next wait is then counted as far as it is known (waits_partial). */
#ifndef KPULSE_SCHED_ARRIVAL_BPF_H
#define KPULSE_SCHED_ARRIVAL_BPF_H

#define KP_ARRIVAL_SET_BITS 12
#define KP_ARRIVAL_SETS (1U << KP_ARRIVAL_SET_BITS)
#define KP_ARRIVAL_WAYS 4

/* Of an entry, from the lowest bit on: run_delay mod 2^43 (2.4 h), moves mod 2^3, pcount mod 2^6, slept, the pid without the bits that chose the
 * set, in use. */
#define KP_DELAY_MASK ((1ULL << 43) - 1)
#define KP_MOVES_SHIFT 43
#define KP_MOVES_MASK 7ULL
#define KP_COUNT_SHIFT 46
#define KP_COUNT_MASK 63ULL
#define KP_SLEPT (1ULL << 52)
#define KP_OWNER_SHIFT 53
#define KP_IN_USE (1ULL << 63)

struct kp_arrivals {
	__u64 way[KP_ARRIVAL_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* as of kp_stints: so that no set lies in two cache lines */
	__uint(max_entries, KP_ARRIVAL_SETS);
	__type(key, __u32);
	__type(value, struct kp_arrivals);
} kp_arrivals SEC(".maps");

/* Set by the agent before the first window: the run-queue clock then. */
__u64 kp_measured_since;

/* Marks that found no room; their waits include sleep. Five tasks of one set would have to be moved asleep at once. */
__u64 kp_marks_lost;

static __always_inline __u64 arrival_owner(__u32 pid)
{
	return KP_IN_USE | (__u64)(pid >> KP_ARRIVAL_SET_BITS) << KP_OWNER_SHIFT;
}

static __always_inline bool arrival_is_of(__u64 entry, __u64 owner)
{
	return entry >> KP_OWNER_SHIFT == owner >> KP_OWNER_SHIFT;
}

static __always_inline __u64 arrival_entry(struct task_struct *task, __u64 pcount, __u64 run_delay)
{
	return arrival_owner(task->pid) | (pcount & KP_COUNT_MASK) << KP_COUNT_SHIFT | (task->se.nr_migrations & KP_MOVES_MASK) << KP_MOVES_SHIFT |
	       (run_delay & KP_DELAY_MASK);
}

/* As of a task that does not wait now. */
static __always_inline __u64 arrival_now(struct task_struct *task)
{
	return arrival_entry(task, task->sched_info.pcount, task->sched_info.run_delay);
}

/* Whether what is remembered is of the arrival before this one: between the two the task cannot have come to a CPU unseen. */
static __always_inline bool arrival_is_last(__u64 entry, __u64 pcount)
{
	return entry && (entry >> KP_COUNT_SHIFT & KP_COUNT_MASK) == (pcount & KP_COUNT_MASK);
}

/* Where a task's entry is; NULL when there is none. */
static __always_inline __u64 *arrival_of(__u32 pid)
{
	__u32 set = pid & (KP_ARRIVAL_SETS - 1), home = pid >> KP_ARRIVAL_SET_BITS & (KP_ARRIVAL_WAYS - 1);
	struct kp_arrivals *arrivals = bpf_map_lookup_elem(&kp_arrivals, &set);
	__u64 owner = arrival_owner(pid);

	if (!arrivals)
		return NULL;
#pragma unroll
	for (__u32 step = 0; step < KP_ARRIVAL_WAYS; step++) {
		__u64 *way = &arrivals->way[(home ^ step) & (KP_ARRIVAL_WAYS - 1)];

		if (likely(arrival_is_of(*(volatile __u64 *)way, owner)))
			return way;
	}
	return NULL;
}

/* An entry for a task that has none, or an old one of its pid. Rather a free one; never that of a task whose next wait includes sleep. */
static __noinline bool arrival_place(__u32 pid, __u64 entry)
{
	__u32 set = pid & (KP_ARRIVAL_SETS - 1), home = pid >> KP_ARRIVAL_SET_BITS & (KP_ARRIVAL_WAYS - 1);
	struct kp_arrivals *arrivals = bpf_map_lookup_elem(&kp_arrivals, &set);
	__u64 *own = arrival_of(pid);

	if (!arrivals)
		return false;
	if (own) {
		*(volatile __u64 *)own = entry;
		return true;
	}
#pragma unroll
	for (__u32 step = 0; step < 2 * KP_ARRIVAL_WAYS; step++) {
		__u64 *way = &arrivals->way[(home ^ step) & (KP_ARRIVAL_WAYS - 1)];
		__u64 old = *(volatile __u64 *)way;

		if (step < KP_ARRIVAL_WAYS ? old : old & KP_SLEPT)
			continue;
		if (__sync_val_compare_and_swap(way, old, entry) == old)
			return true;
	}
	return false;
}

/* prev leaves its CPU for ever: whoever gets its pid next begins anew. */
static __always_inline void arrival_forget(struct task_struct *prev)
{
	__u64 *own = arrival_of(prev->pid);

	if (own)
		*(volatile __u64 *)own = 0;
}

/* Whether tasks sleep in delayed dequeue (6.12+). When one is moved while it does, the kernel gives it a last_queued all the same, and so its next
 * wait, as the kernel accounts for it, includes sleep. */
static __always_inline bool sleepers_are_stamped(void)
{
	return bpf_core_field_exists(((struct task_struct *)0)->se.sched_delayed);
}

/* Whether the task was moved since its last arrival and kp_migrate was not shown it (some sandboxes hide what comes while a task of theirs has the
 * CPU): it may have been asleep then. */
static __always_inline bool arrival_missed_a_move(__u64 entry, __u64 moves)
{
	return sleepers_are_stamped() && entry && (entry >> KP_MOVES_SHIFT & KP_MOVES_MASK) != (moves & KP_MOVES_MASK);
}

/* Since when a task waits that was stamped at `queued`; 0: not known. A stamp from before there was a probe may be one of a task that slept. */
static __always_inline __u64 arrival_trust(__u64 entry, __u64 pcount, __u64 moves, __u64 queued)
{
	if (entry & KP_SLEPT || arrival_missed_a_move(entry, moves))
		return 0;
	return sleepers_are_stamped() && !arrival_is_last(entry, pcount) && queued < kp_measured_since ? 0 : queued;
}

/* The task is being moved to another CPU. */
static __always_inline void arrival_moved(struct task_struct *task, bool asleep)
{
	__u64 *own = arrival_of(task->pid);
	__u64 entry = own ? *(volatile __u64 *)own : 0;

	if (asleep && !arrival_is_last(entry, task->sched_info.pcount))
		entry = arrival_now(task);
	if (!entry)
		return;
	/* The kernel counts the move right after it has shown it. */
	entry = (entry & ~(KP_MOVES_MASK << KP_MOVES_SHIFT)) | ((entry + (1ULL << KP_MOVES_SHIFT)) & KP_MOVES_MASK << KP_MOVES_SHIFT);
	if (asleep)
		entry |= KP_SLEPT;
	if (likely(own))
		*(volatile __u64 *)own = entry;
	else if (!arrival_place(task->pid, entry))
		__sync_fetch_and_add(&kp_marks_lost, 1);
}

#endif
