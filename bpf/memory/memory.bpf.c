// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory probe: page faults, stalls in reclaim and compaction, kswapd, OOM kills. */
#include "abi/memory.h"
#include "lib/cgroup.bpf.h"
#include "lib/histogram.bpf.h"
#include "lib/kernel.bpf.h"
#include "lib/slot.bpf.h"
#include "lib/task.bpf.h"
#include "lib/window.bpf.h"
#include "memory/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} kp_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* kp_slots, set before loading */
	__type(key, __u32);
	__type(value, struct kp_memory_slot);
} kp_memory_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kp_memory_total);
} kp_memory_total SEC(".maps");

/* By cgroup slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_CGROUP_SLOTS);
	__type(key, __u32);
	__type(value, struct kp_memory_group);
} kp_memory_groups SEC(".maps");

/* A record that is only written into the ring buffer is not in the object's type information otherwise, and the layout test needs it. */
const struct kp_stall_record *kp_stall_layout __attribute__((unused));

/* Where the events of the window that `now` is in are counted; NULL: nowhere. */
static __always_inline struct kp_memory_slot *memory_slot(__u64 now)
{
	const struct kp_window_config *config = kp_window_config();
	struct kp_memory_total *total;
	struct kp_memory_slot *slot;
	__u32 index, zero = 0;
	__u64 window;

	if (!config->length)
		return NULL;
	window = kp_window_at(config, now - config->mono_offset);
	index = kp_slot_index(0, window);
	slot = bpf_map_lookup_elem(&kp_memory_slots, &index);
	if (slot && kp_slot_claim(&slot->window, window))
		return slot;
	total = bpf_map_lookup_elem(&kp_memory_total, &zero);
	if (total)
		__sync_fetch_and_add(&total->slots_dropped, 1);
	return NULL;
}

/* Where the current task's cgroup is counted. */
static __always_inline struct kp_memory_group *memory_group(void)
{
	__u32 slot = kp_cgroup_current();

	return bpf_map_lookup_elem(&kp_memory_groups, &slot);
}

#include "memory/fault.bpf.h"
#include "memory/stall.bpf.h"
#include "memory/reclaim.bpf.h"
#include "memory/oom.bpf.h"
