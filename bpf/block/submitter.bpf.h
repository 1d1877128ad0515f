/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who an I/O is for. Private to block.bpf.c. */
#ifndef KPULSE_BLOCK_SUBMITTER_BPF_H
#define KPULSE_BLOCK_SUBMITTER_BPF_H

#include "block/kernel.bpf.h"
#include "lib/task.bpf.h"

#define KP_ROOT_CGROUP 1

/* Id of a group of the default hierarchy; 0 for one of a v1 hierarchy, whose ids are numbers of its own. */
static __always_inline __u64 default_id(struct cgroup___block *group)
{
	return group->root->hierarchy_id ? 0 : group->kn->id;
}

/* The group that the page of a write belongs to, if the memory controller is in the default hierarchy. Tail pages lead to their head. */
static __always_inline __u64 page_owner(struct bio *bio)
{
	struct page *page = bio->bi_io_vec->bv_page;
	struct mem_cgroup *owner;
	struct cgroup___block *group;
	__u64 head, data;

	if (!bpf_core_field_exists(page->memcg_data))
		return 0;
	head = BPF_CORE_READ(page, compound_head);
	if (head & 1)
		page = (struct page *)(head - 1);
	data = BPF_CORE_READ(page, memcg_data);
	owner = (struct mem_cgroup *)(data & ~7ULL); /* flags of slab and kernel pages */
	if (!owner || data & 7)
		return 0;
	group = BPF_CORE_READ(owner, css.cgroup);
	if (BPF_CORE_READ(group, root, hierarchy_id))
		return 0;
	return BPF_CORE_READ(group, kn, id);
}

/* Names the current task. What a kernel thread submits it mostly submits for others (writeback, loop, dm-crypt): the bio knows the group
 * it is charged to, and where the I/O controller is not on, the page's group is the closest there is. */
static __always_inline void name_submitter(struct kp_task *to, struct bio *bio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 owner = 0;

	kp_name_task(to, task);
	if (!(((struct task_struct___block *)task)->flags & KP_PF_KTHREAD) || !bio)
		return;
	if (bpf_core_field_exists(bio->bi_blkg))
		owner = default_id(bio->bi_blkg->blkcg->css.cgroup);
	if (owner <= KP_ROOT_CGROUP) {
		__u64 page = page_owner(bio);

		owner = page ? page : owner;
	}
	if (owner)
		to->cgroup = owner;
}

#endif
