/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each CPU counts of the I/Os that end on it. Private to block.bpf.c. */
#ifndef KPULSE_BLOCK_CPU_BPF_H
#define KPULSE_BLOCK_CPU_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct kp_block_cpu);
} kp_block_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_BLOCK_GROUPS);
	__type(key, __u32);
	__type(value, struct kp_block_group);
} kp_block_bios SEC(".maps");

/* NULL on a CPU that came after the agent was started: its I/Os are in the windows, and in no histogram. */
static __always_inline struct kp_block_cpu *this_cpu(void)
{
	__u32 number = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&kp_block_cpus, &number);
}

static __always_inline struct kp_block_group *requests_of(struct kp_block_cpu *cpu, __u32 number)
{
	if (number >= KP_BLOCK_GROUPS)
		return NULL;
	asm volatile("" : "+r"(number)); /* keep the compiler from adding it to the pointer before it was compared */
	return &cpu->requests[number];
}

static __always_inline struct kp_block_group *bios_of(__u32 number)
{
	return bpf_map_lookup_elem(&kp_block_bios, &number);
}

/* Both programs that end I/Os may add to the series of "other", and one may interrupt the other. */
static __always_inline void add(__u64 *to, __u64 value, bool shared)
{
	if (shared)
		__sync_fetch_and_add(to, value);
	else
		*to += value;
}

static __always_inline void count_group(struct kp_block_group *group, __u32 bytes, __u64 ns, bool shared)
{
	if (!group)
		return;
	add(&group->ios, 1, shared);
	add(&group->bytes, bytes, shared);
	add(&group->ns, ns, shared);
}

#endif
