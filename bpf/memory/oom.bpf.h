/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* OOM kills: who was killed, how large it was, who needed the memory. Private to memory.bpf.c. */
#ifndef KPULSE_MEMORY_OOM_BPF_H
#define KPULSE_MEMORY_OOM_BPF_H

static __always_inline __u64 not_negative(__s64 pages)
{
	return pages > 0 ? pages : 0;
}

/* A macro because `kind` must be a literal: CO-RE finds the element of an array only then, and would else take our idea of its size.
 * Before 6.2 by a helper: verifiers of that time do not follow an array of a typedef. */
#define pages_of(mm, kind)                                                                                                    \
	({                                                                                                                    \
		struct mm_struct___before_6_2 *old = (void *)(mm);                                                           \
		__s64 pages = 0;                                                                                             \
                                                                                                                              \
		if (bpf_core_field_exists(old->rss_stat.count))                                                              \
			bpf_core_read(&pages, sizeof(pages), &old->rss_stat.count[kind].counter);                            \
		else                                                                                                         \
			pages = (mm)->rss_stat[kind].count;                                                                  \
		not_negative(pages);                                                                                         \
	})

static __always_inline void describe_victim(struct kp_oom_record *record, struct task_struct *victim)
{
	struct mm_struct *mm = ((struct task_struct___memory *)victim)->mm;

	kp_name_task(&record->victim, victim);
	if (!mm)
		return;
	record->total_pages = mm->total_vm;
	record->anon_pages = pages_of(mm, KP_MM_ANONPAGES);
	record->file_pages = pages_of(mm, KP_MM_FILEPAGES);
	record->shmem_pages = pages_of(mm, KP_MM_SHMEMPAGES);
}

/* The agent is woken: an OOM kill is not kept until the interval ends. */
static __always_inline int emit_oom(struct kp_oom_record *record)
{
	struct kp_memory_total *total = memory_total();

	record->head.type = KP_RECORD_OOM;
	record->head.cpu = bpf_get_smp_processor_id();
	record->time = bpf_ktime_get_ns();
	kp_name_task(&record->invoker, bpf_get_current_task_btf());
	if (bpf_ringbuf_output(&kp_ring, record, sizeof(*record), BPF_RB_FORCE_WAKEUP) && total)
		__sync_fetch_and_add(&total->ring_dropped, 1);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(kp_oom, struct task_struct *victim)
{
	struct kp_oom_record record = {};

	describe_victim(&record, victim);
	return emit_oom(&record);
}

/* Until 6.8, mark_victim has nothing but a pid. The task was seen a moment before, by the same CPU in the same context, when the SIGKILL
 * was sent to it; tasks that the kernel sends SIGKILL for other reasons are overwritten by the next. Keyed by who kills. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct kp_oom_record);
} kp_oom_seen SEC(".maps");

#define KP_SIGKILL 9
#define KP_SEND_SIG_PRIV ((void *)1) /* sent by the kernel, not by a process */

SEC("tp_btf/signal_generate")
int BPF_PROG(kp_oom_signal, int signal, void *info, struct task_struct *victim)
{
	struct kp_oom_record record = {};
	__u32 killer;

	if (signal != KP_SIGKILL || info != KP_SEND_SIG_PRIV)
		return 0;
	killer = bpf_get_current_pid_tgid();
	describe_victim(&record, victim);
	bpf_map_update_elem(&kp_oom_seen, &killer, &record, BPF_ANY);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(kp_oom_pid, int pid)
{
	__u32 killer = bpf_get_current_pid_tgid();
	struct kp_oom_record *seen = bpf_map_lookup_elem(&kp_oom_seen, &killer);
	struct kp_oom_record record = {};

	if (seen && seen->victim.pid == (__u32)pid)
		record = *seen;
	else if (killer == (__u32)pid) /* it is exiting anyway, and is sent nothing */
		describe_victim(&record, bpf_get_current_task_btf());
	else
		record.victim.pid = pid;
	bpf_map_delete_elem(&kp_oom_seen, &killer);
	return emit_oom(&record);
}

#endif
