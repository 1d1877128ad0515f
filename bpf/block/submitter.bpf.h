/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who an I/O is for. Private to block.bpf.c. */
#ifndef KPULSE_BLOCK_SUBMITTER_BPF_H
#define KPULSE_BLOCK_SUBMITTER_BPF_H

#include "block/kernel.bpf.h"
#include "lib/cgroup.bpf.h"

/* The watched cgroup of a task. */
static __always_inline struct cgroup *watched_cgroup(struct task_struct *task)
{
	if (kp_cgroup_subsys == KP_CGROUP_DEFAULT)
		return task->cgroups->dfl_cgrp;
	return task->cgroups->subsys[kp_cgroup_subsys & 15]->cgroup;
}

/* The memory cgroup that the first page of a bio is charged to, read step by step: tail pages lead to their head. */
static __always_inline struct cgroup *page_cgroup(struct bio *bio)
{
	struct page *page = bio->bi_io_vec->bv_page;
	struct mem_cgroup *owner;
	__u64 head, data;

	if (!bpf_core_field_exists(page->memcg_data))
		return NULL;
	head = BPF_CORE_READ(page, compound_head);
	if (head & 1)
		page = (struct page *)(head - 1);
	data = BPF_CORE_READ(page, memcg_data);
	if (data & 7) /* not a page of the page cache: the low bits are flags */
		return NULL;
	owner = (struct mem_cgroup *)data;
	return BPF_CORE_READ(owner, css.cgroup);
}

/* Id of a cgroup if it is of the hierarchy `root` and not its root; else 0: ids of other hierarchies are numbers of their own. */
static __always_inline __u64 id_within(struct cgroup *group, struct cgroup *of_root)
{
	if (BPF_CORE_READ(group, root) != of_root->root || !BPF_CORE_READ((struct cgroup___block *)group, level))
		return 0;
	return BPF_CORE_READ(group, kn, id);
}

/* The cgroup that a kernel thread does it for, as for writeback, loop devices and dm-crypt: that of the page, or else the one the bio is charged
 * to, which is an ancestor where the I/O controller is not enabled all the way down. Each only if it is of the watched hierarchy; 0 if not. */
static __noinline __u64 beneficiary(struct task_struct *task, struct bio *bio)
{
	struct cgroup *watched = watched_cgroup(task);
	__u64 owner = id_within(page_cgroup(bio), watched);

	if (!owner && bpf_core_field_exists(bio->bi_blkg))
		owner = id_within(bio->bi_blkg->blkcg->css.cgroup, watched);
	return owner;
}

/* Notes the current task. Returns the slot of the cgroup that the I/O is for: the task's, or the one that a kernel thread works for. */
static __always_inline __u32 name_submitter(struct kp_task *to, struct bio *bio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 number = bpf_get_smp_processor_id();
	struct kp_cgroup_cpu *cpu = bpf_map_lookup_elem(&kp_cgroup_cpus, &number);
	__u64 id = 0;

	kp_name_task(to, task);
	if (((struct task_struct___block *)task)->flags & KP_PF_KTHREAD && bio)
		id = beneficiary(task, bio);
	if (id)
		to->cgroup = id;
	return cpu ? kp_cgroup_slot(cpu, to->cgroup) : KP_CGROUP_OTHER;
}

#endif
