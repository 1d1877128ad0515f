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

static __always_inline struct kp_sched_group *group_of(const struct kp_sched_cpu *cpu, struct kp_sched_groups *groups)
{
	return &groups->group[cpu->group & (KP_CGROUP_SLOTS - 1)];
}

/* Charges the cgroup of what this CPU runs. What has run until now was found to be in its cgroup when it came, or when it moved itself. A task
 * that another one moved while it ran is charged to the old cgroup until now. */
static __always_inline void group_charge(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 ns)
{
	group_of(cpu, groups)->cpu_ns += ns;
}

/* `task` has run since group_run(), which is called again if anything goes on running. The sum is the kernel's own, by which it charges the cgroups as well: without what a hypervisor took away, where it
 * knows (CONFIG_PARAVIRT_TIME_ACCOUNTING), and without the time in which a CPU looks for work elsewhere before it leaves the task, or comes back to it. */
static __always_inline void group_leave(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, struct task_struct *task)
{
	__u64 ran = task->se.sum_exec_runtime;

	if (task->pid && cpu->group_pid == (__u32)task->pid && ran > cpu->group_ran)
		group_charge(cpu, groups, ran - cpu->group_ran);
}

/* From here on what this CPU does is done for the task's cgroup; it had run `ran` before. */
static __always_inline void group_run(struct kp_sched_cpu *cpu, struct task_struct *task, __u64 ran, __u32 number)
{
	struct kp_cgroup_cpu *here = bpf_map_lookup_elem(&kp_cgroup_cpus, &number);

	cpu->group_ran = ran;
	cpu->group_pid = task->pid;
	if (!here)
		return;
	cpu->group = kp_cgroup_slot(here, kp_cgroup_id(task));
	*(volatile __u64 *)&here->running = (__u64)(__u32)task->pid << KP_CGROUP_SLOT_BITS | cpu->group;
}

/* After group_leave(). */
static __always_inline void group_arrive(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, struct task_struct *next, __u32 number)
{
	if (!next->pid) {
		cpu->group_pid = 0;
		return;
	}
	group_run(cpu, next, next->se.sum_exec_runtime, number);
	group_of(cpu, groups)->switches++;
}

/* `next`, for which group_arrive() was called, had waited. */
static __always_inline void group_wait(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 wait, __u64 bucket)
{
	struct kp_sched_group *group = group_of(cpu, groups);

	barrier_var(group); /* else it is computed anew for each field */
	group->waits++;
	group->wait_ns += wait;
	if (bucket < KP_GROUP_FIRST)
		bucket = KP_GROUP_FIRST;
	if (bucket > KP_GROUP_FIRST + KP_GROUP_BUCKETS - 1)
		bucket = KP_GROUP_FIRST + KP_GROUP_BUCKETS - 1;
	group->wait[bucket - KP_GROUP_FIRST]++;
}

/* Waiting of `next` in waits whose ends were not shown. */
static __always_inline void group_unseen(struct kp_sched_cpu *cpu, struct kp_sched_groups *groups, __u64 wait)
{
	group_of(cpu, groups)->wait_ns += wait;
}

/* A task that moves itself may run on for long before the next switch. Anybody else's move finds the task waiting, as a rule. Its sum is as old as its
 * last tick: what it has run since, the kernel charges to the new cgroup, too. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(kp_attach, struct cgroup *destination, const char *path, struct task_struct *task)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_sched_groups *groups = bpf_map_lookup_elem(&kp_sched_groups, &number);
	struct kp_sched_cpu *cpu = bpf_map_lookup_elem(&kp_sched_cpus, &number);

	if (!cpu || !groups || task != bpf_get_current_task_btf() || cpu->open.running != (__u32)task->pid)
		return 0;
	*(volatile __u64 *)&cpu->sequence += 1;
	barrier();
	group_leave(cpu, groups, task);
	group_run(cpu, task, task->se.sum_exec_runtime, number);
	barrier();
	*(volatile __u64 *)&cpu->sequence += 1;
	return 0;
}

#endif
