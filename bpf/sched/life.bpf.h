/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Forks, execs, exits and migrations by window. Private to sched.bpf.c.
 *
 * They happen at any time between two switches, so they cannot wait for the next switch to be given a window; they look at
 * the clock themselves. */
#ifndef KPULSE_SCHED_LIFE_BPF_H
#define KPULSE_SCHED_LIFE_BPF_H

static __always_inline struct kp_sched_slot *slot_now(__u64 *window)
{
	const struct kp_window_config *config = kp_window_config();
	__u32 index;

	if (!config->length)
		return NULL;
	*window = kp_window_at(config, kp_clock_now(config));
	index = kp_slot_index(bpf_get_smp_processor_id(), *window);
	return bpf_map_lookup_elem(&kp_sched_slots, &index);
}

static __always_inline struct kp_sched_slot *life_slot(void)
{
	__u64 window = 0;
	struct kp_sched_slot *slot = slot_now(&window);

	if (slot && slot->life_window != window) {
		slot->forks = 0;
		slot->execs = 0;
		slot->exits = 0;
		slot->life_window = window;
	}
	return slot;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(kp_fork, struct task_struct *parent, struct task_struct *child)
{
	struct kp_sched_slot *slot = life_slot();

	if (!kp_by_wakeup) /* it has not been woken yet, and so has not waited */
		arrival_place(child->pid, arrival_now(child));
	if (slot)
		__sync_fetch_and_add(&slot->forks, 1);
	return 0;
}

/* The current task was not the first thread of its process, and has the first one's pid from now on. */
static __noinline int rename_task(struct task_struct *task, __u32 old_pid)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_sched_cpu *cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);

	if (!task)
		return 0;
	if (!kp_by_wakeup)
		arrival_place(task->pid, arrival_now(task));
	if (!cpu || cpu->open.running != old_pid)
		return 0;
	*(volatile __u32 *)&cpu->open.running = task->pid;
	if (cpu->group_pid == old_pid)
		cpu->group_pid = task->pid;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(kp_exec, struct task_struct *task, int old_pid)
{
	struct kp_sched_slot *slot = life_slot();

	if ((__u32)task->pid != (__u32)old_pid)
		rename_task(task, old_pid);
	if (slot)
		__sync_fetch_and_add(&slot->execs, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(kp_exit)
{
	struct kp_sched_slot *slot = life_slot();

	if (slot)
		__sync_fetch_and_add(&slot->exits, 1);
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(kp_migrate, struct task_struct *task)
{
	__u64 window = 0;
	struct kp_sched_slot *slot = slot_now(&window);

	if (!kp_by_wakeup) {
		const bool queued = task->on_rq == KP_ON_RQ_MIGRATING;
		const bool asleep = queued && sleepers_are_stamped() && task->se.sched_delayed;

		if (sleepers_are_stamped())
			arrival_moved(task, asleep);
		if (queued && !asleep)
			moved_piece(task);
	}
	if (!slot)
		return 0;
	if (slot->moves_window != window) {
		slot->migrations = 0;
		slot->moves_window = window;
	}
	__sync_fetch_and_add(&slot->migrations, 1);
	return 0;
}

#endif
