/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slot that the counters of a cgroup are in.
 *
 * A cgroup takes a slot when something is counted for it for the first time, and keeps it until the agent gives it back, some time
 * after the cgroup was removed (userspace/cgroups/table.h). All objects share the maps below: user space makes them one before loading. */
#ifndef KPULSE_CGROUP_BPF_H
#define KPULSE_CGROUP_BPF_H

#include "abi/cgroup.h"
#include "lib/kernel.bpf.h"
#include "lib/task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KP_CGROUP_SLOTS);
	__type(key, __u64); /* cgroup id */
	__type(value, __u32);
} kp_cgroup_slots SEC(".maps");

/* Slots nobody has. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, KP_CGROUP_SLOTS);
	__uint(value_size, sizeof(__u32));
} kp_cgroup_free SEC(".maps");

/* By slot: id of the cgroup that has it. The entry of KP_CGROUP_OTHER counts how often no slot was free. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_CGROUP_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} kp_cgroup_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct kp_cgroup_cpu);
} kp_cgroup_cpus SEC(".maps");

static __always_inline __u32 kp_cgroup_no_slot(void)
{
	__u32 other = KP_CGROUP_OTHER;
	__u64 *refused = bpf_map_lookup_elem(&kp_cgroup_owners, &other);

	if (refused)
		__sync_fetch_and_add(refused, 1);
	return KP_CGROUP_OTHER;
}

/* The way for an id that the CPU's cache does not know. */
static __noinline __u32 kp_cgroup_find(__u64 id)
{
	__u32 *known = bpf_map_lookup_elem(&kp_cgroup_slots, &id);
	__u32 slot = KP_CGROUP_OTHER;
	__u64 *owner;

	if (known)
		return *known;
	if (bpf_map_pop_elem(&kp_cgroup_free, &slot))
		return kp_cgroup_no_slot();
	if (bpf_map_update_elem(&kp_cgroup_slots, &id, &slot, BPF_NOEXIST)) { /* another CPU was first */
		bpf_map_push_elem(&kp_cgroup_free, &slot, 0);
		known = bpf_map_lookup_elem(&kp_cgroup_slots, &id);
		return known ? *known : kp_cgroup_no_slot();
	}
	owner = bpf_map_lookup_elem(&kp_cgroup_owners, &slot);
	if (owner)
		*owner = id;
	return slot;
}

/* The slot of a cgroup, KP_CGROUP_OTHER when there is none for it. Always below KP_CGROUP_SLOTS. */
static __always_inline __u32 kp_cgroup_slot(struct kp_cgroup_cpu *cpu, __u64 id)
{
	__u64 *entry = &cpu->cache.entry[id % KP_CGROUP_CACHE];
	__u64 cached = *(volatile __u64 *)entry;
	__u32 slot;

	if (likely(cached >> KP_CGROUP_SLOT_BITS == id))
		return cached & (KP_CGROUP_SLOTS - 1);
	slot = kp_cgroup_find(id) & (KP_CGROUP_SLOTS - 1);
	if (slot != KP_CGROUP_OTHER) /* may get a slot later */
		*(volatile __u64 *)entry = id << KP_CGROUP_SLOT_BITS | slot;
	return slot;
}

static __noinline __u32 kp_cgroup_ask(void)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_cgroup_cpu *cpu = bpf_map_lookup_elem(&kp_cgroup_cpus, &number);

	return cpu ? kp_cgroup_slot(cpu, kp_cgroup_id(bpf_get_current_task_btf())) : KP_CGROUP_OTHER;
}

/* The slot of the current task's cgroup, as the scheduler probe counts its CPU time: the one it was in when it got the CPU. Asks the task
 * itself where no program or no switch said so. `number` is this CPU, `task` the current one. Always below KP_CGROUP_SLOTS. */
static __always_inline __u32 kp_cgroup_here(__u32 number, struct task_struct *task)
{
	struct kp_cgroup_cpu *cpu = bpf_map_lookup_elem(&kp_cgroup_cpus, &number);
	__u64 running = cpu ? *(volatile __u64 *)&cpu->running : ~0ULL;

	if (running >> KP_CGROUP_SLOT_BITS != (__u32)task->pid)
		return kp_cgroup_ask() & (KP_CGROUP_SLOTS - 1);
	return running & (KP_CGROUP_SLOTS - 1);
}

static __always_inline __u32 kp_cgroup_current(void)
{
	return kp_cgroup_here(bpf_get_smp_processor_id(), bpf_get_current_task_btf());
}

#endif
