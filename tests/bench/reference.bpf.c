// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What bpf-cost compares with: nothing at all, and run-queue latency the classic way (a stamp by pid in a hash at each wakeup). */
#include "abi/histogram.h"
#include "lib/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} ref_start SEC(".maps");


struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct kp_histogram);
} ref_waits SEC(".maps");

SEC("tp_btf/sched_switch")
int ref_empty(void *ctx)
{
	return 0;
}

static __always_inline int stamp(__u32 pid)
{
	__u64 now = bpf_ktime_get_ns();

	if (pid)
		bpf_map_update_elem(&ref_start, &pid, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(ref_wakeup, struct task_struct *task)
{
	return stamp(task->pid);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(ref_wakeup_new, struct task_struct *task)
{
	return stamp(task->pid);
}

/* Too large for the stack. */
static struct kp_histogram ref_zero;

SEC("tp_btf/sched_switch")
int BPF_PROG(ref_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct kp_histogram *histogram;
	__u32 pid = next->pid, all = 0;
	__u64 *queued, bucket;

	if (!prev->__state)
		stamp(prev->pid);
	queued = bpf_map_lookup_elem(&ref_start, &pid);
	if (!queued)
		return 0;
	histogram = bpf_map_lookup_elem(&ref_waits, &all);
	if (!histogram) {
		bpf_map_update_elem(&ref_waits, &all, &ref_zero, BPF_NOEXIST);
		histogram = bpf_map_lookup_elem(&ref_waits, &all);
	}
	bucket = kp_log2((bpf_ktime_get_ns() - *queued) / 1000 | 1);
	if (histogram && bucket < KP_HIST_BUCKETS)
		__sync_fetch_and_add(&histogram->buckets[bucket], 1);
	bpf_map_delete_elem(&ref_start, &pid);
	return 0;
}
