/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From disk or partition and operation to series: given out at the first I/O, taken back by the agent. Private to block.bpf.c. */
#ifndef KPULSE_BLOCK_SERIES_BPF_H
#define KPULSE_BLOCK_SERIES_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"

/* In .bss, which the agent maps. */
struct kp_block_device kp_block_devices[KP_BLOCK_DEVICES];
struct kp_block_series kp_block_series[KP_BLOCK_SERIES];
struct kp_block_losses kp_block_losses;
__u32 kp_block_ring_bits;

#define KP_LOSE(what) __sync_fetch_and_add(&kp_block_losses.what, 1)

#define KP_NO_SERIES 255

/* What an I/O is counted in. */
struct place {
	__u8 series;
	__u8 whole;   /* of the disk, when `series` is that of a partition; KP_NO_SERIES otherwise */
};

/* See struct kp_block_device. */
static __always_inline bool is_stacked(__u32 series)
{
	return series < KP_BLOCK_SERIES && *(volatile __u32 *)&kp_block_series[series].used & KP_BLOCK_SERIES_STACKED;
}

/* Whether the I/O is counted where another one was: mostly a request or bio is used for the same again. Not for partitions. */
static __always_inline bool is_place(__u32 series, __u32 whole, __u32 dev, __u32 op)
{
	const struct kp_block_series *known;

	if (series >= KP_BLOCK_SERIES || whole != KP_NO_SERIES)
		return false;
	known = &kp_block_series[series];
	return *(volatile __u32 *)&known->dev == dev &&
	       (*(volatile __u32 *)&known->used & ~KP_BLOCK_SERIES_STACKED) == (KP_BLOCK_SERIES_USED | op);
}

static __always_inline __u32 dev_of(struct gendisk *disk)
{
	return (__u32)disk->major << 20 | (__u32)disk->first_minor;
}

/* The device's place in the table; KP_BLOCK_DEVICES when it is full. Not static, nor is the next: the verifier looks at them once only. */
__noinline __u32 adopt_device(__u32 dev)
{
	for (__u32 index = 0; index < KP_BLOCK_DEVICES; index++) {
		__u32 before = __sync_val_compare_and_swap(&kp_block_devices[index].dev, 0, dev);

		if (!before || before == dev)
			return index;
	}
	return KP_BLOCK_DEVICES;
}

/* Gives the operation of a device a series; the one of "other" when there is none left. Of two CPUs that do so at the same time one gives its
 * series back, in which nothing has been counted; one without a device is none to the agent. */
__noinline __u32 adopt_series(__u32 index, __u32 op)
{
	__u32 limit = KP_BLOCK_SLOTS >> (kp_block_ring_bits & 15);
	__u32 used = KP_BLOCK_SERIES_USED | op, other;

	if (index >= KP_BLOCK_DEVICES || op >= KP_BLOCK_OPS)
		return op;
	if (kp_block_devices[index].stacked)
		used |= KP_BLOCK_SERIES_STACKED;
	for (__u32 series = KP_BLOCK_OPS; series < KP_BLOCK_SERIES; series++) {
		if (series >= limit || __sync_val_compare_and_swap(&kp_block_series[series].used, 0, used))
			continue;
		other = __sync_val_compare_and_swap(&kp_block_devices[index].series[op], 0, series + 1);
		if (other) {
			*(volatile __u32 *)&kp_block_series[series].used = 0;
			return other - 1;
		}
		*(volatile __u32 *)&kp_block_series[series].dev = kp_block_devices[index].dev;
		return series;
	}
	return op;
}

static __always_inline __u32 index_of(__u32 dev)
{
#pragma unroll
	for (__u32 index = 0; index < KP_BLOCK_DEVICES; index++) {
		if (kp_block_devices[index].dev == dev)
			return index;
	}
	return adopt_device(dev);
}

/* The series of "other" when there is no room for one of its own. */
static __always_inline __u32 series_of(__u32 index, __u32 op)
{
	__u32 series;

	if (index >= KP_BLOCK_DEVICES || op >= KP_BLOCK_OPS)
		return op;
	series = *(volatile __u32 *)&kp_block_devices[index].series[op];
	return series ? series - 1 : adopt_series(index, op);
}

/* `device` is what the I/O was submitted to: the disk or a partition of it; NULL when that is not known. A partition without room for a series
 * is counted for its disk. */
static __always_inline struct place place_of(struct gendisk *disk, struct block_device *device, __u32 op)
{
	__u32 dev = dev_of(disk), index = index_of(dev);
	struct place place = {.series = series_of(index, op), .whole = KP_NO_SERIES};
	__u32 part;

	if (place.series < KP_BLOCK_OPS) {
		KP_LOSE(shared);
		return place;
	}
	if (!device || device->bd_dev == dev)
		return place;
	part = series_of(index_of(device->bd_dev), op);
	if (part < KP_BLOCK_OPS)
		return place;
	place.whole = place.series;
	place.series = part;
	return place;
}

#endif
