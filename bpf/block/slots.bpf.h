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
	__type(value, struct kp_block_entry);
} kp_block_entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KP_BLOCK_SLOTS);
	__type(key, __u32);
	__type(value, struct kp_block_exit);
} kp_block_exits SEC(".maps");

/* By series, see enter(): low half of a window's number << 32 | a number that it takes more entries than to be deeper than before. */
struct {
	__u64 bound;
	__u64 reserved[7];
} kp_block_quotas[KP_BLOCK_SERIES] __attribute__((aligned(64)));

/* Set before loading: only the ends of requests are seen, see kp_rq_complete. */
const volatile bool kp_block_lite;

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

static __always_inline bool claim(__u64 *owner, __u64 window)
{
	if (kp_slot_claim(owner, window))
		return true;
	KP_LOSE(overruns);
	return false;
}

/* The slots of a series in a window, claimed if they were free. NULL, and counted, when the agent has not cleared them of an older window. */
static __always_inline struct kp_block_entry *entry_of(__u32 series, __u64 window)
{
	__u32 index = slot_index(series, window);
	struct kp_block_entry *entry = bpf_map_lookup_elem(&kp_block_entries, &index);

	return entry && claim(&entry->window, window) ? entry : NULL;
}

static __always_inline struct kp_block_exit *exit_of(__u32 series, __u64 window)
{
	__u32 index = slot_index(series, window);
	struct kp_block_exit *exit = bpf_map_lookup_elem(&kp_block_exits, &index);

	return exit && claim(&exit->window, window) ? exit : NULL;
}

/* Counts an error by class. Up to 5.15 the tracepoint hands over a negative errno, later a blk_status_t (whose numbers are fixed). */
static __noinline int count_error(struct kp_block_exit *exit, int status)
{
	if (!exit)
		return 0;
	switch (status) {
	case 10: /* BLK_STS_IOERR */
	case -5: /* EIO */
		__sync_fetch_and_add(&exit->errors_io, 1);
		break;
	case 2: /* BLK_STS_TIMEOUT */
	case -110:
		__sync_fetch_and_add(&exit->errors_timeout, 1);
		break;
	case 3: /* BLK_STS_NOSPC */
	case -28:
		__sync_fetch_and_add(&exit->errors_nospc, 1);
		break;
	default:
		__sync_fetch_and_add(&exit->errors_other, 1);
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

/* How many have left in the window so far. */
static __always_inline __u32 left_of(const struct kp_block_entry *entry, __u32 series, __u64 window)
{
	__u32 index = slot_index(series, window), requeues = *(volatile __u32 *)&entry->requeues;
	struct kp_block_exit *exit = bpf_map_lookup_elem(&kp_block_exits, &index);

	if (!exit || *(volatile __u64 *)&exit->window != window)
		return requeues;
	return requeues + *(volatile __u32 *)&exit->ios;
}

/* An I/O goes to the device. How many are there is the agent's business: it knows how many there were when the window began. Here the most of a
 * window is kept, for which those that left have to be looked at: in a line that other CPUs write to. As their number only grows, they need
 * not be while no more have entered than had left when it was last looked, plus the most so far. */
static __always_inline void enter(__u32 series, const struct moment *now)
{
	struct kp_block_entry *entry = entry_of(series, now->window);
	__u32 entered, left;
	__u64 bound;

	asm volatile("" : "+r"(series)); /* keep the compiler from adding it to a pointer before it was compared */
	if (!entry || series >= KP_BLOCK_SERIES)
		return;
	entered = __sync_fetch_and_add(&entry->entered, 1) + 1;
	__sync_fetch_and_add(&entry->depth_ns, now->left);
	bound = *(volatile __u64 *)&kp_block_quotas[series].bound;
	if (bound >> 32 == (__u32)now->window && entered <= (__u32)bound)
		return;
	left = left_of(entry, series, now->window);
	if ((__s32)(entered - left) > 0)
		raise(&entry->net_max, entered - left);
	bound = now->window << 32 | (left + *(volatile __u32 *)&entry->net_max);
	*(volatile __u64 *)&kp_block_quotas[series].bound = bound;
}

/* An I/O that ended has left the device, if it was there. Returns the slot that it is counted in. */
static __always_inline struct kp_block_exit *leave(__u32 series, bool entered, const struct moment *now)
{
	struct kp_block_exit *exit = exit_of(series, now->window);
	struct kp_block_entry *entry;

	if (!exit)
		return NULL;
	__sync_fetch_and_add(&exit->ios, 1);
	if (kp_block_lite) /* who enters is not seen */
		return exit;
	if (entered) {
		__sync_fetch_and_add(&exit->depth_ns, now->left);
		return exit;
	}
	entry = entry_of(series, now->window);
	if (entry)
		__sync_fetch_and_add(&entry->entered, 1);
	return exit;
}

/* An I/O leaves the device to come again. */
static __always_inline void step_back(__u32 series, const struct moment *now)
{
	struct kp_block_entry *entry = entry_of(series, now->window);
	struct kp_block_exit *exit = exit_of(series, now->window);

	if (!entry || !exit)
		return;
	__sync_fetch_and_add(&entry->requeues, 1);
	__sync_fetch_and_add(&exit->depth_ns, now->left);
}

#endif
