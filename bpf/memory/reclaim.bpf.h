/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the kernel says that a task reclaims, compacts or waits, and what kswapd is up to. Private to memory.bpf.c. */
#ifndef KPULSE_MEMORY_RECLAIM_BPF_H
#define KPULSE_MEMORY_RECLAIM_BPF_H

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(kp_direct_begin)
{
	return stall_begins(KP_STALL_DIRECT);
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(kp_direct_end, unsigned long pages)
{
	return stall_ends(KP_STALL_DIRECT, pages);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(kp_memcg_begin)
{
	return stall_begins(KP_STALL_MEMCG);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(kp_memcg_end, unsigned long pages)
{
	return stall_ends(KP_STALL_MEMCG, pages);
}

/* A task that dies inside of a stall (of an oops) never ends it, and another one may have its pid later. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(kp_stall_exit, struct task_struct *task)
{
	struct kp_open_stall *entry = open_stall(task->pid, false);

	if (!entry)
		return 0;
	entry->begin = 0;
	entry->depth = 0;
	barrier();
	*(volatile __u32 *)&entry->pid = 0;
	stall_missed();
	return 0;
}

/* Kernel threads whose work it is (kswapd, kcompactd) are not stalled by it. Their flags moved too often to be used; there are others
 * that begin alike (ksmd, kcryptd). */
static __always_inline bool in_background(char second, char third, char fourth)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return ((struct task_struct___memory *)task)->flags & KP_PF_KTHREAD && task->comm[0] == 'k' && task->comm[1] == second &&
	       task->comm[2] == third && task->comm[3] == fourth;
}

#define in_kswapd() in_background('s', 'w', 'a')
#define in_kcompactd() in_background('c', 'o', 'm')

SEC("tp_btf/mm_compaction_begin")
int BPF_PROG(kp_compact_beg)
{
	return in_kcompactd() ? 0 : stall_begins(KP_STALL_COMPACTION);
}

SEC("tp_btf/mm_compaction_end")
int BPF_PROG(kp_compact_end)
{
	return in_kcompactd() ? 0 : stall_ends(KP_STALL_COMPACTION, 0);
}

/* Comes when the wait is over. The kernel measures it in ticks. */
SEC("tp_btf/mm_vmscan_throttled")
int BPF_PROG(kp_throttled, int node, int timeout_us, int delayed_us, int reason)
{
	__u64 now = bpf_ktime_get_ns();

	return in_kswapd() ? 0 : count_stall(KP_STALL_THROTTLE, now - (__u32)delayed_us * 1000ULL, now, 0);
}

/* It may be woken again before it sleeps: then it has been at work since the first time. Before it sleeps it waits for 100 ms, whether
 * there is more to do; nothing tells when that begins. */
SEC("tp_btf/mm_vmscan_kswapd_wake")
int BPF_PROG(kp_kswapd_wake)
{
	struct kp_memory_slot *slot = memory_slot(bpf_ktime_get_ns());

	if (slot)
		__sync_fetch_and_add(&slot->kswapd_wakes, 1);
	if (open_stall(bpf_get_current_pid_tgid(), false))
		return 0;
	return stall_begins(KP_STALL_KSWAPD);
}

SEC("tp_btf/mm_vmscan_kswapd_sleep")
int BPF_PROG(kp_kswapd_sleep)
{
	return stall_ends(KP_STALL_KSWAPD, 0);
}

SEC("tp_btf/mm_page_alloc_extfrag")
int BPF_PROG(kp_fallback)
{
	struct kp_memory_slot *slot = memory_slot(bpf_ktime_get_ns());

	if (slot)
		__sync_fetch_and_add(&slot->fallbacks, 1);
	return 0;
}

#endif
