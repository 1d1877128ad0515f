// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What block-cost compares with: nothing at all, and block I/O the classic way, a hash by request, as in bcc's biosnoop and biolatency: the
 * submitter and its cgroup when the I/O is accounted, its time when it is queued and issued, and when it ends histograms, bytes and depth by
 * disk and operation, and what its cgroup did. Of what the probe says it leaves out windows, the worst I/O, errors, partitions, requeues,
 * merges and the cgroup of writeback. */
#include "block/kernel.bpf.h"
#include "lib/histogram.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct submitter {
	__u64 begun;
	__u64 issued;
	__u64 cgroup;
	__u32 pid;
	__u32 tgid;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct request *);
	__type(value, struct submitter);
} ref_requests SEC(".maps");

struct series {
	__u32 dev;
	__u32 op;
};

struct times {
	__u64 ios;
	__u64 bytes;
	__s64 depth;
	__s64 depth_max;
	struct kp_histogram queue, device, total;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct series);
	__type(value, struct times);
} ref_times SEC(".maps");

struct group {
	__u64 cgroup;
	__u64 op;
};

struct share {
	__u64 ios;
	__u64 bytes;
	__u64 ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct group);
	__type(value, struct share);
} ref_groups SEC(".maps");

/* Too large for the stack. */
static struct times ref_zero;

static __always_inline struct times *times_of(struct request *rq)
{
	struct series series = {};
	struct times *times;

	series.dev = (__u32)rq->q->disk->major << 20 | (__u32)rq->q->disk->first_minor;
	series.op = rq->cmd_flags & KP_REQ_OP_MASK;
	times = bpf_map_lookup_elem(&ref_times, &series);
	if (times)
		return times;
	bpf_map_update_elem(&ref_times, &series, &ref_zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&ref_times, &series);
}

SEC("tp_btf/block_io_start")
int ref_empty_start(void *ctx)
{
	return 0;
}

SEC("tp_btf/block_rq_issue")
int ref_empty_issue(void *ctx)
{
	return 0;
}

SEC("tp_btf/block_rq_complete")
int ref_empty_complete(void *ctx)
{
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(ref_start, struct request *rq)
{
	struct submitter submitter = {};
	__u64 id = bpf_get_current_pid_tgid();

	submitter.begun = bpf_ktime_get_ns();
	submitter.cgroup = bpf_get_current_cgroup_id();
	submitter.pid = (__u32)id;
	submitter.tgid = id >> 32;
	bpf_get_current_comm(submitter.comm, sizeof(submitter.comm));
	bpf_map_update_elem(&ref_requests, &rq, &submitter, BPF_ANY);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(ref_issue, struct request *rq)
{
	struct submitter *submitter = bpf_map_lookup_elem(&ref_requests, &rq);
	struct times *times;
	__s64 depth;

	if (!submitter)
		return 0;
	submitter->issued = bpf_ktime_get_ns();
	times = times_of(rq);
	if (!times)
		return 0;
	depth = __sync_fetch_and_add(&times->depth, 1) + 1;
	if (depth > times->depth_max)
		times->depth_max = depth;
	return 0;
}

static __always_inline void add(struct kp_histogram *histogram, __u64 value)
{
	__u64 bucket = kp_hist_find(value);

	if (bucket >= KP_HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&histogram->sum, value);
	__sync_fetch_and_add(&histogram->buckets[bucket], 1);
}

static __always_inline void add_share(__u64 cgroup, __u64 op, unsigned int bytes, __u64 ns)
{
	struct group group = {.cgroup = cgroup, .op = op};
	struct share *share = bpf_map_lookup_elem(&ref_groups, &group), first = {.ios = 1, .bytes = bytes, .ns = ns};

	if (!share) {
		bpf_map_update_elem(&ref_groups, &group, &first, BPF_NOEXIST);
		return;
	}
	__sync_fetch_and_add(&share->ios, 1);
	__sync_fetch_and_add(&share->bytes, bytes);
	__sync_fetch_and_add(&share->ns, ns);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(ref_complete, struct request *rq, int error, unsigned int bytes)
{
	struct submitter *submitter = bpf_map_lookup_elem(&ref_requests, &rq);
	struct times *times;
	__u64 now;

	if (!submitter)
		return 0;
	now = bpf_ktime_get_ns();
	times = times_of(rq);
	if (times) {
		__sync_fetch_and_add(&times->ios, 1);
		__sync_fetch_and_add(&times->bytes, bytes);
		__sync_fetch_and_add(&times->depth, -1);
		add(&times->queue, submitter->issued - submitter->begun);
		add(&times->device, now - submitter->issued);
		add(&times->total, now - submitter->begun);
	}
	add_share(submitter->cgroup, rq->cmd_flags & KP_REQ_OP_MASK, bytes, now - submitter->begun);
	bpf_map_delete_elem(&ref_requests, &rq);
	return 0;
}
