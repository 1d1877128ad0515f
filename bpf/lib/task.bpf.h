/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KPULSE_TASK_BPF_H
#define KPULSE_TASK_BPF_H

#include "abi/cgroup.h"
#include "abi/task.h"
#include "lib/kernel.bpf.h"

/* Set before loading: the controller whose hierarchy (v1) names a task's cgroup; KP_CGROUP_DEFAULT: the default hierarchy (v2). */
const volatile __u32 kp_cgroup_subsys = KP_CGROUP_DEFAULT;

/* The cgroup of a task. */
static __always_inline __u64 kp_cgroup_id(struct task_struct *task)
{
	if (kp_cgroup_subsys == KP_CGROUP_DEFAULT)
		return task->cgroups->dfl_cgrp->kn->id;
	return task->cgroups->subsys[kp_cgroup_subsys & 15]->cgroup->kn->id;
}

/* Names a task. Plain loads: the verifier follows BTF pointers of tp_btf arguments, so no helper is called. */
static __always_inline void kp_name_task(struct kp_task *to, struct task_struct *task)
{
	__u64 *comm = (__u64 *)to->comm;

	to->pid = task->pid;
	to->tgid = task->tgid;
	to->cgroup = kp_cgroup_id(task);
	comm[0] = *(__u64 *)&task->comm[0];
	comm[1] = *(__u64 *)&task->comm[8];
}

/* The same of a task that is only known by its address. */
static __always_inline void kp_read_task(struct kp_task *to, struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;
	struct cgroup *cgroup;

	if (kp_cgroup_subsys == KP_CGROUP_DEFAULT) {
		cgroup = BPF_CORE_READ(set, dfl_cgrp);
	} else {
		bpf_probe_read_kernel(&state, sizeof(state), (void *)set + bpf_core_field_offset(struct css_set, subsys) + (kp_cgroup_subsys & 15) * sizeof(state));
		cgroup = BPF_CORE_READ(state, cgroup);
	}
	to->pid = BPF_CORE_READ(task, pid);
	to->tgid = BPF_CORE_READ(task, tgid);
	to->cgroup = BPF_CORE_READ(cgroup, kn, id);
	BPF_CORE_READ_INTO(&to->comm, task, comm);
}

#endif
