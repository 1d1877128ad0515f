/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KPULSE_TASK_BPF_H
#define KPULSE_TASK_BPF_H

#include "abi/task.h"
#include "lib/kernel.bpf.h"

/* Names a task. Plain loads: the verifier follows BTF pointers of tp_btf arguments, so no helper is called. */
static __always_inline void kp_name_task(struct kp_task *to, struct task_struct *task)
{
	__u64 *comm = (__u64 *)to->comm;

	to->pid = task->pid;
	to->tgid = task->tgid;
	to->cgroup = task->cgroups->dfl_cgrp->kn->id;
	comm[0] = *(__u64 *)&task->comm[0];
	comm[1] = *(__u64 *)&task->comm[8];
}

#endif
