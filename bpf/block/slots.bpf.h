/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters by window and series. Private to block.bpf.c.
 *
 * An event happens on any CPU and may interrupt another, so slots are changed by atomic adds only, and only the agent clears them. */
#ifndef KPULSE_BLOCK_SLOTS_BPF_H
#define KPULSE_BLOCK_SLOTS_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"
#include "block/series.bpf.h"
#include "lib/slot.bpf.h"
#include "lib/window.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_BLOCK_SLOTS);
	__type(key, __u32);
	__type(value, struct kp_block_slot);
} kp_block_slots SEC(".maps");

/* An instant: which window it is in, and how much of that is left. */
struct moment {
	__u64 mono;
	__u64 window;
	__u64 left;
	__u32 epoch;
};

/* False before the agent has said where windows begin: nothing is measured then. */
static __always_inline bool moment_now(struct moment *now)
{
	const struct kp_window_config *config = kp_window_config();
	__u64 clock;

	if (!config->length)
		return false;
	now->mono = bpf_ktime_get_ns();
	clock = now->mono - config->mono_offset;
	now->window = kp_window_at(config, clock);
	now->left = kp_window_start(config, now->window + 1) - clock;
	now->epoch = config->epoch;
	return true;
}

/* The slot of a series in a window, claimed if it was free. NULL, and counted, when the agent has not cleared it of an older window. */
static __always_inline struct kp_block_slot *slot_of(__u32 series, __u64 window)
{
	__u32 bits = kp_block_ring_bits & 15;
	__u32 index = series << bits | (__u32)(window & ((1U << bits) - 1));
	struct kp_block_slot *slot = bpf_map_lookup_elem(&kp_block_slots, &index);

	if (!slot)
		return NULL;
	if (kp_slot_claim(&slot->window, window))
		return slot;
	KP_LOSE(overruns);
	return NULL;
}

/* Lost against another CPU twice, the other value is as good: the two came within a microsecond of each other. */
static __always_inline void raise(__u32 *maximum, __u32 value)
{
	__u32 before = *(volatile __u32 *)maximum, seen;

	if (value <= before)
		return;
	seen = __sync_val_compare_and_swap(maximum, before, value);
	if (seen != before && seen < value)
		__sync_val_compare_and_swap(maximum, seen, value);
}

/* An I/O goes to the device. */
static __always_inline void enter_device(struct kp_block_slot *slot, __u32 series, const struct moment *now)
{
	__s32 inflight;

	if (series >= KP_BLOCK_SERIES)
		return;
	inflight = __sync_fetch_and_add(&kp_block_series[series].inflight, 1) + 1;
	if (!slot)
		return;
	__sync_fetch_and_add(&slot->ios_net, 1ULL << 32);
	__sync_fetch_and_add(&slot->depth_ns, now->left);
	if (inflight > 0)
		raise(&slot->depth_max, inflight);
}

/* An I/O leaves the device, ended (1) or to come again (0). */
static __always_inline void leave_device(struct kp_block_slot *slot, __u32 series, const struct moment *now, __u64 ended)
{
	if (series >= KP_BLOCK_SERIES)
		return;
	__sync_fetch_and_add(&kp_block_series[series].inflight, -1);
	if (!slot)
		return;
	__sync_fetch_and_add(&slot->ios_net, ended - (1ULL << 32));
	__sync_fetch_and_add(&slot->depth_ns, -now->left);
}

#endif
