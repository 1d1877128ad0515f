// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Scheduler probe: exact windows of every CPU, cut by the time of the events themselves.
 *
 * One program at sched_switch does it all. The kernel keeps what is needed in the tasks (sched_info) and in the run queue
 * (its clock), so there is no wakeup probe and no map keyed by task. Where a kernel lacks the fields, the wakeup programs
 * stamp tasks in task storage instead and CLOCK_MONOTONIC takes the place of the run queue's clock.
 */
#include "abi/sched.h"
#include "lib/histogram.bpf.h"
#include "lib/kernel.bpf.h"
#include "lib/slot.bpf.h"
#include "lib/task.bpf.h"
#include "lib/window.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading: take waits from wakeup stamps instead of sched_info. */
const volatile __u32 kp_by_wakeup;
/* Set before loading: wake the agent when the ring buffer holds this many bytes. */
const volatile __u64 kp_ring_wakeup;

/* On CPUs that came after the arrays were made. */
__u64 kp_switches_unmeasured;
/* By CPU. */
struct kp_look kp_looked[KP_LOOK_CPUS];

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} kp_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct kp_sched_cpu);
} kp_sched_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs times kp_slots, set before loading */
	__type(key, __u32);
	__type(value, struct kp_sched_slot);
} kp_sched_slots SEC(".maps");

#include "sched/wait.bpf.h"
#include "sched/lost.bpf.h"
#include "sched/group.bpf.h"
#include "sched/stint.bpf.h"
#include "sched/throttle.bpf.h"
#include "sched/moved.bpf.h"
#include "sched/before.bpf.h"
#include "sched/waiting.bpf.h"

/* Hands the open window to the agent; what does not fit is counted. The agent reads at its own pace (it looks every tick), so
 * nobody is woken, unless the buffer is filling up. */
static __always_inline void emit(struct kp_sched_cpu *cpu)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_query(&kp_ring, BPF_RB_AVAIL_DATA) >= kp_ring_wakeup)
		flags = BPF_RB_FORCE_WAKEUP;
	cpu->open.closed_mono = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&kp_ring, &cpu->open, sizeof(cpu->open), flags))
		cpu->ring_dropped++;
}

/* Closes the open window and opens the one that `clock` is in; open.closed is set. What lies between the two was quiet: the agent fills it in. */
static __noinline int roll(struct kp_sched_cpu *cpu, __u64 clock, __u32 number)
{
	const struct kp_window_config *config = kp_window_config();
	struct kp_sched_window *open;
	__u64 window, start, end, previous;
	__u32 running, runnable;

	if (!cpu)
		return 0;
	open = &cpu->open;
	running = open->running;
	runnable = open->runnable;
	open->closed_clock = clock;
	open->left_clock = cpu->from;
	open->left = cpu->lost;
	if (!config->length) { /* not calibrated: leave a reading of both clocks */
		open->closed_mono = bpf_ktime_get_ns();
		open->head.cpu = number;
		cpu->from = clock;
		return 0;
	}
	window = kp_window_at(config, clock);
	end = kp_window_start(config, window + 1);
	start = end - config->length;
	if (open->number) {
		if (running && open->end > cpu->from)
			open->busy_ns += open->end - cpu->from;
		emit(cpu);
	}
	if (open->number && open->epoch == config->epoch) {
		previous = open->number;
		if (window <= previous) { /* the boundary was moved towards the past meanwhile */
			window = previous + 1;
			end = kp_window_start(config, window + 1);
		}
		if (window == previous + 1)
			start = open->end;
	} else { /* the first window of a stream: the last event was before it, or there was none yet */
		previous = cpu->from ? kp_window_at(config, cpu->from) : 0;
		if (previous == window)
			previous--;
	}
	cpu->from = start;
	__builtin_memset(open, 0, sizeof(*open));
	open->head.type = KP_RECORD_SCHED_WINDOW;
	open->head.cpu = number;
	open->number = window;
	open->previous = previous;
	open->start = start;
	open->end = end;
	open->epoch = config->epoch;
	open->running = running;
	open->carried = running;
	open->runnable = runnable;
	open->runnable_carried = runnable;
	return 0;
}

/* What was thought to be on the CPU is not what is there: some sandboxes hide the switches of their own tasks. When the task got the CPU
 * is in its sched_info; until then the CPU did what it was thought to do. Where that is not known (the idle task, or waits by wakeup), all of
 * the time counts as what was found: an idle CPU has more likely been idle than busy. */
static __noinline int correct(struct kp_sched_cpu *cpu, struct task_struct *task, __u32 number)
{
	struct kp_sched_groups *groups = bpf_map_lookup_elem(&kp_sched_groups, &number);
	__u64 arrival, since, ran;

	if (!cpu || !groups || !task)
		return 0;
	arrival = since = arrived_at(task);
	if (!kp_by_wakeup) { /* of clock_task, as if nothing had been taken away since then */
		struct rq *rq = task->se.cfs_rq->rq;

		since -= rq->clock - rq->clock_task;
	}
	if (cpu->from) /* not the first event of all */
		cpu->switches_missed++;
	if (cpu->open.number && arrival > cpu->from) {
		if (cpu->group_pid)
			group_charge(cpu, groups, arrival - cpu->from);
		if (arrival >= cpu->open.end) {
			cpu->open.closed = cpu->lost;
			roll(cpu, arrival, number);
		}
		if (cpu->open.running && arrival > cpu->from)
			cpu->open.busy_ns += arrival - cpu->from;
		cpu->from = arrival;
	}
	cpu->stint_from = arrival;
	cpu->came = arrival;
	cpu->open.running = task->pid;
	ran = task->se.exec_start > since ? task->se.exec_start - since : 0;
	group_run(cpu, task, task->se.sum_exec_runtime > ran ? task->se.sum_exec_runtime - ran : 0, number);
	return 0;
}

/* prev leaves the CPU. */
static __always_inline void leave(struct kp_sched_cpu *cpu, struct task_struct *prev, __u64 clock, bool runnable)
{
	struct kp_sched_window *open = &cpu->open;

	if (!prev->pid) /* idle: never voluntary, never involuntary */
		return;
	if (clock > cpu->from)
		open->busy_ns += clock - cpu->from;
	if (runnable)
		open->involuntary++;
	else
		open->voluntary++;
	/* Not sched_info.last_arrival: a task that was about to sleep when it was preempted comes back without it. */
	if (likely(cpu->came && clock >= cpu->came))
		kp_hist_add(&cpu->oncpu, clock - cpu->came);
}

/* Whose fault it is that next had to wait for this CPU. */
static __always_inline void blame(struct kp_sched_cpu *cpu, struct stints *stints, struct task_struct *prev, struct task_struct *next,
				  __u64 from, __u64 clock)
{
	struct kp_sched_window *open = &cpu->open;
	__u64 last;

	stints->found.ns = 0;
	if (clock - from >= KP_STINT_NAMED_NS)
		find_fault(stints, open->head.cpu, next, from, clock);
	if (stints->found.ns) {
		open->culprit = stints->found.task;
		open->culprit_ns = stints->found.ns;
		return;
	}
	/* So short a wait, or so little of everybody's time, that it was whoever had the CPU last. */
	last = cpu->stint_from && clock > cpu->stint_from ? clock - cpu->stint_from : 0;
	name_culprit(&open->culprit, prev);
	open->culprit_ns = last < clock - from ? last : clock - from;
}

struct longest {
	__u64 clock, wait, last; /* of struct wait */
};

/* The window's longest wait so far. Rare enough to stay out of the way of the rest. */
static __noinline int note_longest(struct kp_sched_cpu *cpu, struct stints *stints, struct task_struct *prev, struct task_struct *next,
				   const struct longest *longest)
{
	struct kp_sched_window *open;
	const struct moved *moved;

	if (!cpu || !stints || !prev || !next || !longest)
		return 0;
	open = &cpu->open;
	moved = longest->wait > longest->last ? moved_of(next->pid) : NULL;
	open->wait_max_ns = longest->wait;
	kp_name_task(&open->victim, next);
	if (moved && moved->longest > longest->last && moved->blame.ns) {
		open->culprit = moved->blame.task;
		open->culprit_ns = moved->blame.ns;
	} else {
		blame(cpu, stints, prev, next, longest->clock - longest->last, longest->clock);
	}
	return 0;
}

/* A wait has ended, and the next one of the task begins anew. */
static __always_inline void count_wait(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, const struct wait *wait)
{
	cpu->open.waits++;
	cpu->open.wait_ns += wait->ns;
	group_wait(cpu, groups, wait->ns, kp_hist_add(&cpu->wait, wait->ns));
}

/* The task's run_delay has grown by time of which is not known to which waits it belongs. It counts, but is nobody's longest. */
static __always_inline void count_unseen(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, const struct wait *wait)
{
	if (wait->slept) {
		cpu->open.discarded_ns += wait->unseen;
		return;
	}
	cpu->open.wait_ns += wait->unseen;
	group_unseen(cpu, groups, wait->unseen);
}

/* next gets the CPU after its wait. */
static __always_inline void arrive(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, struct stints *stints,
				   struct task_struct *prev, struct task_struct *next, __u64 clock)
{
	struct kp_sched_window *open = &cpu->open;
	struct wait wait = {};

	end_wait(next, clock, &wait);
	if (unlikely(wait.kind == KP_WAIT_PARTIAL))
		count_unseen(cpu, groups, &wait);
	if (unlikely(wait.kind == KP_WAIT_UNKNOWN)) {
		open->waits_discarded++;
	} else if (unlikely(wait.doubtful)) {
		open->waits_discarded++;
		open->discarded_ns += wait.ns;
	} else {
		count_wait(cpu, groups, &wait);
		if (unlikely(wait.kind == KP_WAIT_PARTIAL))
			open->waits_partial++;
		if (unlikely(wait.ns > open->wait_max_ns)) {
			const struct longest longest = {.clock = clock, .wait = wait.ns, .last = wait.last};

			note_longest(cpu, stints, prev, next, &longest);
		}
	}
	if (unlikely(wait.ns > wait.last || wait.unseen))
		moved_end(next->pid);
}

/* The run queue as the switch leaves it. */
static __always_inline void note_runnable(struct kp_sched_window *open, struct rq *rq)
{
	open->runnable = runnable_on(rq);
	if (open->runnable > open->runnable_max)
		open->runnable_max = open->runnable;
}

static __always_inline int on_switch(bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_sched_cpu *cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);
	struct kp_sched_groups *groups = bpf_map_lookup_elem(&kp_sched_groups, &number);
	struct stints *stints = bpf_map_lookup_elem(&kp_stints, &number);
	bool runnable = preempt || !prev_state;
	__u32 leaving = prev->pid, coming = next->pid;
	struct kp_lost lost = {};
	struct rq *rq = NULL;
	__u64 clock;

	if (unlikely(!cpu || !groups || !stints)) {
		__sync_fetch_and_add(&kp_switches_unmeasured, 1);
		return 0;
	}
	if (kp_by_wakeup) {
		clock = bpf_ktime_get_ns();
	} else {
		rq = next->se.cfs_rq->rq;
		clock = rq->clock;
		lost_so_far(rq, &lost);
	}
	*(volatile __u64 *)&cpu->sequence += 1;
	barrier();
	if (unlikely(cpu->open.running != leaving)) {
		if (!cpu->from) /* the first event of all: what was lost before it was lost in nothing that is known */
			cpu->lost = lost;
		correct(cpu, prev, number);
	}
	group_leave(cpu, groups, prev);
	if (unlikely(clock >= cpu->open.end)) {
		cpu->open.closed = lost;
		roll(cpu, clock, number);
	}
	if (unlikely(clock < cpu->from))
		cpu->clock_backwards++;
	cpu->open.switches++;
	leave(cpu, prev, clock, runnable);
	stint_end(stints, prev, cpu->stint_from, clock, lost.stolen - cpu->lost.stolen, lost.irq - cpu->lost.irq);
	if (runnable && leaving && !kp_by_wakeup)
		note_throttled(stints, prev, clock);
	group_arrive(cpu, groups, next, number);
	if (coming)
		arrive(cpu, groups, stints, prev, next, clock);
	left(prev, runnable, clock);
	if (unlikely(prev_state & KP_TASK_DEAD))
		arrival_forget(prev);
	if (!kp_by_wakeup)
		note_runnable(&cpu->open, rq);
	cpu->open.running = coming;
	cpu->from = clock;
	cpu->stint_from = clock;
	cpu->came = clock;
	cpu->lost = lost;
	barrier();
	*(volatile __u64 *)&cpu->sequence += 1;
	return 0;
}

/* 5.18+ hands over prev's state as it was when the switch was decided. */
SEC("tp_btf/sched_switch")
int BPF_PROG(kp_switch, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state)
{
	return on_switch(preempt, prev, next, prev_state);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(kp_switch_3arg, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, prev, next, prev->__state);
}

/* Run by the agent on a CPU of its choice, only where the kernel is known to hide switches: what is on this CPU now? */
SEC("raw_tp")
int kp_check(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	__u32 number = bpf_get_smp_processor_id();
	struct kp_sched_cpu *cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);

	if (!cpu || cpu->open.running == (__u32)current->pid)
		return 0;
	*(volatile __u64 *)&cpu->sequence += 1;
	barrier();
	correct(cpu, current, number);
	barrier();
	*(volatile __u64 *)&cpu->sequence += 1;
	return 0;
}

/* By CPU: where its run queue is. Not for the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, __u64);
} kp_run_queues SEC(".maps");

/* Run by the agent once on each CPU: not every kernel lets programs ask for the run queues by name (CONFIG_KALLSYMS_ALL). */
SEC("raw_tp")
int kp_meet(void *ctx)
{
	__u32 number = bpf_get_smp_processor_id();
	__u64 *rq = bpf_map_lookup_elem(&kp_run_queues, &number);

	if (rq)
		*rq = (__u64)bpf_get_current_task_btf()->se.cfs_rq->rq;
	return 0;
}

/* As runnable_on(), of a run queue that is only known by its address. */
static __always_inline __u32 look_runnable(struct rq *rq)
{
	struct cfs_rq *cfs = &rq->cfs;

	if (bpf_core_field_exists(cfs->h_nr_runnable))
		return BPF_CORE_READ(rq, nr_running) - (BPF_CORE_READ(rq, cfs.h_nr_queued) - BPF_CORE_READ(rq, cfs.h_nr_runnable));
	if (bpf_core_field_exists(cfs->h_nr_delayed))
		return BPF_CORE_READ(rq, nr_running) - BPF_CORE_READ(rq, cfs.h_nr_delayed);
	return BPF_CORE_READ(rq, nr_running);
}

/* One step of kp_look(), of CPU `number`; not 0 when there is no such CPU. Global for the verifier's sake (see consider_stint()), which would
 * also follow each possible count if it were not in memory. */
__noinline int look_at(__u32 number)
{
	__u32 key = number;
	__u64 *rq = bpf_map_lookup_elem(&kp_run_queues, &key);
	struct kp_look *look = &kp_looked[number & (KP_LOOK_CPUS - 1)];
	struct task_struct *curr;

	if (!rq || number >= KP_LOOK_CPUS)
		return 1;
	if (!*rq)
		return 0;
	look_lost((struct rq *)*rq, &look->lost);
	look->clock = BPF_CORE_READ((struct rq *)*rq, clock);
	curr = BPF_CORE_READ((struct rq *)*rq, curr); /* another one may have come meanwhile, but pid and sum are of one task */
	look->pid = BPF_CORE_READ(curr, pid);
	look->ran = BPF_CORE_READ(curr, se.sum_exec_runtime);
	look->runnable = look_runnable((struct rq *)*rq);
	return 0;
}

/* Run by the agent before it reads: how long a task has run that goes on, and what was taken away from it, only the run queue knows, whose clocks go on
 * with each tick. Disturbs no other CPU: it looks at their run queues from here. */
SEC("raw_tp")
int kp_look(void *ctx)
{
	for (__u32 number = 0; number < KP_LOOK_CPUS; number++) {
		if (look_at(number))
			break;
	}
	return 0;
}

#include "sched/queue.bpf.h"

#include "sched/life.bpf.h"
