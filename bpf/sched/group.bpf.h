/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPU time, waits and switches by cgroup. Private to sched.bpf.c. */
#ifndef KPULSE_SCHED_GROUP_BPF_H
#define KPULSE_SCHED_GROUP_BPF_H

#include "lib/cgroup.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct kp_sched_groups);
} kp_sched_groups SEC(".maps");

/* Until when the kernel has accounted for what the task that leaves has run. Not until `task_clock`: a CPU that has nothing left to do looks for
 * work elsewhere before it switches, which takes time and is nobody's. */
static __always_inline __u64 group_until(struct task_struct *prev, __u64 task_clock)
{
	return kp_by_wakeup ? task_clock : prev->se.exec_start;
}

/* What has run until now was found to be in its cgroup when it came, or when it moved itself. A task that another one moved while it ran
 * is charged to the old cgroup until now. Time is the run queue's clock_task, as in the kernel's own account: what a hypervisor took away
 * (CONFIG_PARAVIRT_TIME_ACCOUNTING) is nobody's. */
static __always_inline void group_leave(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 task_clock)
{
	if (task_clock <= cpu->group_from)
		return;
	if (cpu->open.running && cpu->group_from)
		groups->group[cpu->group & (KP_CGROUP_SLOTS - 1)].cpu_ns += task_clock - cpu->group_from;
	cpu->group_from = task_clock;
}

/* From here on what this CPU does is done for the task's cgroup. */
static __always_inline void group_run(struct kp_sched_cpu *cpu, struct task_struct *task, __u32 number)
{
	struct kp_cgroup_cpu *here = bpf_map_lookup_elem(&kp_cgroup_cpus, &number);

	if (!here)
		return;
	cpu->group = kp_cgroup_slot(here, kp_cgroup_id(task));
	*(volatile __u64 *)&here->running = (__u64)(__u32)task->pid << KP_CGROUP_SLOT_BITS | cpu->group;
}

/* After group_leave(). */
static __always_inline void group_arrive(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, struct task_struct *next, __u32 number,
					 __u64 task_clock)
{
	if (!next->pid)
		return;
	group_run(cpu, next, number);
	cpu->group_from = task_clock;
	groups->group[cpu->group & (KP_CGROUP_SLOTS - 1)].switches++;
}

/* `next`, for which group_arrive() was called, had waited. */
static __always_inline void group_wait(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 wait, __u64 bucket)
{
	struct kp_sched_group *group = &groups->group[cpu->group & (KP_CGROUP_SLOTS - 1)];

	group->waits++;
	group->wait_ns += wait;
	bucket = bucket > KP_GROUP_FIRST ? bucket - KP_GROUP_FIRST : 0;
	if (bucket >= KP_GROUP_BUCKETS)
		bucket = KP_GROUP_BUCKETS - 1;
	group->wait[bucket]++;
}

/* Waiting of `next` in waits whose ends were not shown. */
static __always_inline void group_unseen(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 wait)
{
	groups->group[cpu->group & (KP_CGROUP_SLOTS - 1)].wait_ns += wait;
}

/* A task that moves itself may run on for long before the next switch. Anybody else's move finds the task waiting, as a rule. The run queue's
 * clock is as old as its last event, a tick at most, and never ahead of the next switch, as a reading of another clock would be. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(kp_attach, struct cgroup *destination, const char *path, struct task_struct *task)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_sched_groups *groups = bpf_map_lookup_elem(&kp_sched_groups, &number);
	struct kp_sched_cpu *cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);
	__u64 task_clock;

	if (!cpu || !groups || task != bpf_get_current_task_btf() || cpu->open.running != (__u32)task->pid)
		return 0;
	switch_clock(task, &task_clock);
	*(volatile __u64 *)&cpu->sequence += 1;
	barrier();
	group_leave(cpu, groups, task_clock);
	group_run(cpu, task, number);
	barrier();
	*(volatile __u64 *)&cpu->sequence += 1;
	return 0;
}

#endif
