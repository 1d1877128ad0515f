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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_BLOCK_SLOTS);
	__type(key, __u32);
	__type(value, struct kp_block_errors);
} kp_block_errors SEC(".maps");

/* An instant: which window it is in, and how much of that is left. */
struct moment {
	__u64 mono;
	__u64 window;
	__u64 left;
	__u32 epoch;
};

/* The window of the last event of all: most are in it, and looking saves a division. */
__u64 kp_block_recent;

static __always_inline __u64 window_of(const struct kp_window_config *config, __u64 clock)
{
	__u64 window = *(volatile __u64 *)&kp_block_recent;

	if (clock - kp_window_start(config, window) < config->length)
		return window;
	window = kp_window_at(config, clock);
	*(volatile __u64 *)&kp_block_recent = window;
	return window;
}

/* Begin of that window, by CLOCK_MONOTONIC: a time that costs nothing. */
static __always_inline __u64 recent_mono(void)
{
	const struct kp_window_config *config = kp_window_config();

	return kp_window_start(config, *(volatile __u64 *)&kp_block_recent) + config->mono_offset;
}

/* False before the agent has said where windows begin: nothing is measured then. */
static __always_inline bool moment_now(struct moment *now)
{
	const struct kp_window_config *config = kp_window_config();
	__u64 clock;

	if (!config->length)
		return false;
	now->mono = bpf_ktime_get_ns();
	clock = now->mono - config->mono_offset;
	now->window = window_of(config, clock);
	now->left = kp_window_start(config, now->window + 1) - clock;
	now->epoch = config->epoch;
	return true;
}

static __always_inline __u32 slot_index(__u32 series, __u64 window)
{
	__u32 bits = kp_block_ring_bits & 15;

	return series << bits | (__u32)(window & ((1U << bits) - 1));
}

/* The slot of a series in a window, claimed if it was free. NULL, and counted, when the agent has not cleared it of an older window. */
static __always_inline struct kp_block_slot *slot_of(__u32 series, __u64 window)
{
	__u32 index = slot_index(series, window);
	struct kp_block_slot *slot = bpf_map_lookup_elem(&kp_block_slots, &index);

	if (!slot)
		return NULL;
	if (kp_slot_claim(&slot->window, window))
		return slot;
	KP_LOSE(overruns);
	return NULL;
}

/* Counts an error by class. Up to 5.15 the tracepoint hands over a negative errno, later a blk_status_t (whose numbers are fixed). */
static __noinline int count_error(__u32 series, __u64 window, int status)
{
	__u32 index = slot_index(series, window);
	struct kp_block_errors *errors = bpf_map_lookup_elem(&kp_block_errors, &index);

	if (!errors)
		return 0;
	if (!kp_slot_claim(&errors->window, window)) {
		KP_LOSE(overruns);
		return 0;
	}
	switch (status) {
	case 10: /* BLK_STS_IOERR */
	case -5: /* EIO */
		__sync_fetch_and_add(&errors->io, 1);
		break;
	case 2: /* BLK_STS_TIMEOUT */
	case -110:
		__sync_fetch_and_add(&errors->timeout, 1);
		break;
	case 3: /* BLK_STS_NOSPC */
	case -28:
		__sync_fetch_and_add(&errors->nospc, 1);
		break;
	default:
		__sync_fetch_and_add(&errors->other, 1);
	}
	return 0;
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

static __always_inline void deepen(struct kp_block_slot *slot, const struct moment *now)
{
	__s32 net;

	if (!slot)
		return;
	net = (__s32)(__sync_fetch_and_add(&slot->ios_net, 1ULL << 32) >> 32) + 1;
	__sync_fetch_and_add(&slot->depth_ns, now->left);
	if (net > 0)
		raise(&slot->net_max, net);
}

static __always_inline void flatten(struct kp_block_slot *slot, const struct moment *now, __u64 ended)
{
	if (!slot)
		return;
	__sync_fetch_and_add(&slot->ios_net, ended - (1ULL << 32));
	__sync_fetch_and_add(&slot->depth_ns, -now->left);
}

/* An I/O goes to the device. How many are there is the agent's business: it knows how many there were when the window began. */
static __always_inline void enter_device(__u32 series, __u32 whole, const struct moment *now)
{
	deepen(slot_of(series, now->window), now);
	if (whole != KP_NO_SERIES)
		deepen(slot_of(whole, now->window), now);
}

/* An I/O leaves the device, ended (1) or to come again (0). Returns the slot that it is counted in. */
static __always_inline struct kp_block_slot *leave_device(__u32 series, __u32 whole, const struct moment *now, __u64 ended)
{
	struct kp_block_slot *slot = slot_of(series, now->window);

	flatten(slot, now, ended);
	if (whole != KP_NO_SERIES)
		flatten(slot_of(whole, now->window), now, 0);
	return slot;
}

#endif
