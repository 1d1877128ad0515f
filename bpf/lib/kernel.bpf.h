/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every kernel structure and field kpulse reads, and nothing else. CO-RE finds the real offsets in the running kernel's BTF, so
 * only names and types matter here; docs/adr/0001 says why this is not a dumped vmlinux.h. */
#ifndef KPULSE_KERNEL_BPF_H
#define KPULSE_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* What is rare is kept out of the way of what is not: a program that runs at each switch finds its instructions in no cache as a rule. */
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16]; /* by controller; CGROUP_SUBSYS_COUNT of them */
	struct cgroup *dfl_cgrp;
};

struct rq;
struct task_struct;

struct list_head {
	struct list_head *next;
};

struct cfs_rq {
	unsigned int h_nr_queued;   /* 6.14+: tasks in it and the groups below it */
	unsigned int h_nr_runnable; /* 6.14+: of these, those that do not sleep in delayed dequeue */
	unsigned int h_nr_delayed;  /* 6.12, 6.13: those that do */
	struct rq *rq; /* CONFIG_FAIR_GROUP_SCHED */
	int throttle_count; /* CONFIG_CFS_BANDWIDTH: by how many quotas, its own and those above */
	__u64 throttled_clock_self_time; /* 6.6+: ns in which it was throttled while it had tasks */
	__u64 throttled_clock_pelt_time; /* 5.19+ */
};

struct rq {
	__u64 clock;
	__u64 clock_task; /* without interrupts and without what the hypervisor took away, where the kernel accounts for them */
	__u64 prev_irq_time;      /* CONFIG_IRQ_TIME_ACCOUNTING: ns in interrupts so far; moves with the clock */
	__u64 prev_steal_time_rq; /* CONFIG_PARAVIRT_TIME_ACCOUNTING: ns that the hypervisor took away so far; moves with the clock */
	__u64 prev_steal_time;    /* CONFIG_PARAVIRT: the same; moves at ticks */
	struct task_struct *curr;
	struct cfs_rq cfs;
	struct list_head cfs_tasks; /* CONFIG_SMP: the group_node of each of its tasks of that class, at whatever depth of groups */
	unsigned int nr_running;
	__u64 nr_switches; /* so far; grows right before curr changes */
	int cpu; /* CONFIG_SMP */
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED; set for tasks of every class */
	struct list_head group_node;
	struct sched_entity *parent; /* CONFIG_FAIR_GROUP_SCHED; the group's own entity in the run queue above */
	unsigned char sched_delayed; /* 6.12+ */
	__u64 exec_start; /* of clock_task: until when its sum_exec_runtime goes */
	__u64 sum_exec_runtime; /* what it ran so far; its cgroups' accounts grow with it */
	__u64 nr_migrations; /* how often it was moved to another CPU */
};

struct sched_info { /* CONFIG_SCHED_INFO; times are of the run queue's clock */
	unsigned long long last_arrival; /* when it last got a CPU */
	unsigned long long last_queued;  /* when it was queued; 0 once it runs or sleeps */
	unsigned long long run_delay;    /* time it was runnable and not running, so far */
	unsigned long pcount;            /* how often it got a CPU after a wait */
};

struct task_io_accounting {
	__u64 read_bytes;  /* CONFIG_TASK_IO_ACCOUNTING */
	__u64 write_bytes;
};

struct task_struct {
	unsigned int __state; /* 5.14+ */
	int pid;
	int tgid;
	int on_rq; /* see KP_ON_RQ_MIGRATING */
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	struct css_set *cgroups;
	struct task_struct *group_leader;
	__u64 start_boottime; /* 5.5+ */
	unsigned long min_flt;
	unsigned long maj_flt;
	struct task_io_accounting ioac;
};

/* Values of on_rq and __state (kernel/sched/sched.h, include/linux/sched.h). */
#define KP_ON_RQ_MIGRATING 2
#define KP_TASK_DEAD 0x80

#pragma clang attribute pop

#endif
