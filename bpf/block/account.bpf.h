/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an ended I/O adds to. Private to block.bpf.c. */
#ifndef KPULSE_BLOCK_ACCOUNT_BPF_H
#define KPULSE_BLOCK_ACCOUNT_BPF_H

#include "abi/block.h"
#include "block/cpu.bpf.h"
#include "block/notes.bpf.h"
#include "block/operation.bpf.h"
#include "block/slots.bpf.h"
#include "lib/histogram.bpf.h"

/* Set before loading: wake the agent when the ring buffer holds this many bytes. */
const volatile __u64 kp_ring_wakeup;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 * 1024);
} kp_block_ring SEC(".maps");

/* Puts the record's type into the object's BTF, for tests/abi. */
const struct kp_block_worst *kp_block_worst_type;

/* An I/O that has ended. */
struct ended {
	__u64 queue_ns;
	__u64 device_ns;
	__u64 sector;
	struct account here;
	int status;
	bool queued; /* queue_ns is known: requests only, a bio-based device has no queue of its own */
	bool issued; /* it was at the device */
	bool timed;
};

static __always_inline void count_bucket(__u32 *buckets, __u64 value, bool shared)
{
	__u64 bucket = kp_hist_find(value);

	bucket = bucket > KP_BLOCK_FIRST ? bucket - KP_BLOCK_FIRST : 0;
	if (bucket >= KP_BLOCK_BUCKETS)
		bucket = KP_BLOCK_BUCKETS - 1;
	asm volatile("" : "+r"(bucket)); /* the verifier has to see the comparison below and not what the compiler knows */
	if (bucket >= KP_BLOCK_BUCKETS)
		return;
	if (shared)
		__sync_fetch_and_add(&buckets[bucket], 1);
	else
		buckets[bucket]++;
}

static __always_inline __u64 time_of(const struct ended *io)
{
	return io->timed ? io->queue_ns + io->device_ns : 0;
}

static __always_inline void count_times(struct kp_block_cpu *cpu, const struct ended *io)
{
	bool shared = io->here.series < KP_BLOCK_OPS;
	struct kp_block_times *times;

	if (io->here.series >= KP_BLOCK_SERIES)
		return;
	times = &cpu->times[io->here.series];
	if (io->queued) {
		add(&times->queue_sum, io->queue_ns, shared);
		count_bucket(times->queue, io->queue_ns, shared);
	}
	if (io->issued || kp_block_lite)
		add(&times->device_sum, io->device_ns, shared);
	if (io->issued)
		count_bucket(times->device, io->device_ns, shared);
	count_bucket(times->total, time_of(io), shared);
}

/* Offers the agent an I/O that is the window's longest so far. */
static __noinline int offer_worst(const struct ended *io, const struct kp_task *submitter, const struct moment *now)
{
	struct kp_block_worst worst = {};
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (!io || !now)
		return 0;
	worst.head.type = KP_RECORD_BLOCK_WORST;
	worst.head.cpu = bpf_get_smp_processor_id();
	worst.window = now->window;
	worst.queue_ns = io->queue_ns;
	worst.device_ns = io->device_ns;
	worst.sector = io->sector;
	worst.bytes = io->here.bytes;
	worst.series = io->here.series;
	worst.epoch = now->epoch;
	if (submitter)
		worst.submitter = *submitter;
	if (bpf_ringbuf_query(&kp_block_ring, BPF_RB_AVAIL_DATA) >= kp_ring_wakeup)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&kp_block_ring, &worst, sizeof(worst), flags))
		KP_LOSE(ring_dropped);
	return 0;
}

/* True when this one is the longest of its window so far. */
static __always_inline bool is_worst(struct kp_block_exit *exit, __u64 total)
{
	__u64 units = total >> KP_BLOCK_WORST_SHIFT;
	__u32 value = units > 0xffffffff ? 0xffffffff : (__u32)units + 1;

	if (value <= *(volatile __u32 *)&exit->worst)
		return false;
	raise(&exit->worst, value);
	return true;
}

/* All but the times and the cgroup. No seat: there is no note of it. */
static __always_inline void account(const struct ended *io, const struct seat *seat, const struct moment *now)
{
	struct kp_block_exit *exit = leave_device(&io->here, now);

	if (!exit)
		return;
	if (io->here.bytes)
		__sync_fetch_and_add(&exit->bytes, io->here.bytes);
	if (io->status)
		count_error(exit, io->status);
	if (!io->timed)
		return;
	if (io->queue_ns)
		__sync_fetch_and_add(&exit->queue_ns, io->queue_ns);
	__sync_fetch_and_add(&exit->device_ns, io->device_ns);
	if (is_worst(exit, time_of(io)))
		offer_worst(io, seat ? &origin_of(seat)->submitter : NULL, now);
}

/* The time from one instant to another; none, and counted, when the clock says it went backwards. */
static __always_inline __u64 elapsed(__u64 from, __u64 to)
{
	if (to >= from)
		return to - from;
	KP_LOSE(backwards);
	return 0;
}

#endif
