// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cgroups that come and go: their names, and when their slots may be given to others. Also where the maps are made that all probes
 * count cgroups with. */
#include "abi/cgroup.h"
#include "lib/cgroup.bpf.h"
#include "lib/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading: number of the watched hierarchy; 0 is the default one (v2). */
const volatile int kp_cgroup_hierarchy;

/* Events that did not fit: the agent then looks the names up in the file system. */
__u64 kp_cgroup_dropped;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} kp_cgroup_ring SEC(".maps");

static __always_inline int tell(struct cgroup *cgroup, const char *path, __u32 type)
{
	struct kp_cgroup_event *event;

	if (cgroup->root->hierarchy_id != kp_cgroup_hierarchy)
		return 0;
	event = bpf_ringbuf_reserve(&kp_cgroup_ring, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&kp_cgroup_dropped, 1);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->head.type = type;
	event->id = cgroup->kn->id;
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(kp_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	return tell(cgroup, path, KP_RECORD_CGROUP_MADE);
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(kp_cgroup_name, struct cgroup *cgroup, const char *path)
{
	return tell(cgroup, path, KP_RECORD_CGROUP_MADE);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(kp_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	return tell(cgroup, path, KP_RECORD_CGROUP_REMOVED);
}

/* Keeps the shared maps in this object, where they are made. */
SEC("raw_tp")
int kp_cgroup_maps(void *ctx)
{
	return kp_cgroup_find(0) + kp_cgroup_current();
}
