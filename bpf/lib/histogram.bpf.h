/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KPULSE_HISTOGRAM_BPF_H
#define KPULSE_HISTOGRAM_BPF_H

#include "abi/histogram.h"

/* The buckets of small values. BPF has no instruction that finds the highest set bit, and to look for it by comparing takes longer than all
 * else that counting a value takes. */
#define KP_SMALL_VALUES (1U << 10)
#define KP_OCTAVE(value) (31 - KP_HIST_SUB_BITS - __builtin_clz((value) | KP_HIST_SUB))
#define KP_BUCKET(value) ((KP_OCTAVE(value) << KP_HIST_SUB_BITS) + ((value) >> KP_OCTAVE(value)))
#define KP_BUCKETS_4(value) KP_BUCKET(value), KP_BUCKET((value) + 1), KP_BUCKET((value) + 2), KP_BUCKET((value) + 3)
#define KP_BUCKETS_16(value) KP_BUCKETS_4(value), KP_BUCKETS_4((value) + 4), KP_BUCKETS_4((value) + 8), KP_BUCKETS_4((value) + 12)
#define KP_BUCKETS_64(value) KP_BUCKETS_16(value), KP_BUCKETS_16((value) + 16), KP_BUCKETS_16((value) + 32), KP_BUCKETS_16((value) + 48)
#define KP_BUCKETS_256(value) KP_BUCKETS_64(value), KP_BUCKETS_64((value) + 64), KP_BUCKETS_64((value) + 128), KP_BUCKETS_64((value) + 192)

static const __u8 kp_small_buckets[KP_SMALL_VALUES] = {KP_BUCKETS_256(0U), KP_BUCKETS_256(256U), KP_BUCKETS_256(512U), KP_BUCKETS_256(768U)};

/* What kp_hist_bucket() is, faster. Half of a value is KP_HIST_SUB buckets below it, as long as that has at least KP_HIST_SUB_BITS + 1 bits left:
 * so a large value is made a small one, six bits at a time. */
static inline __attribute__((always_inline)) __u64 kp_hist_find(__u64 value)
{
	__u32 shift;

	if (value < 1ULL << 10)
		shift = 0;
	else if (value < 1ULL << 16)
		shift = 6;
	else if (value < 1ULL << 22)
		shift = 12;
	else if (value < 1ULL << 28)
		shift = 18;
	else if (value < 1ULL << 34)
		shift = 24;
	else if (value < 1ULL << KP_HIST_OCTAVES)
		shift = 30;
	else
		return KP_HIST_BUCKETS - 1;
	return kp_small_buckets[(value >> shift) & (KP_SMALL_VALUES - 1)] + shift * KP_HIST_SUB;
}

/* Returns the bucket. */
static inline __attribute__((always_inline)) __u64 kp_hist_add(struct kp_histogram *histogram, __u64 value)
{
	__u64 bucket = kp_hist_find(value);

	if (bucket >= KP_HIST_BUCKETS) /* never: for the verifier */
		return 0;
	histogram->sum += value;
	histogram->buckets[bucket]++;
	return bucket;
}

#endif
