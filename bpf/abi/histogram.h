/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Log-linear histogram shared by the kernel programs and user space: 8 sub-buckets an octave, so a value is off by at
 * most 6.25 % from the middle of its bucket. Values 0 to 15 have a bucket each. */
#ifndef KPULSE_ABI_HISTOGRAM_H
#define KPULSE_ABI_HISTOGRAM_H

#include <linux/types.h>

#define KP_HIST_SUB_BITS 3
#define KP_HIST_SUB (1U << KP_HIST_SUB_BITS)
#define KP_HIST_OCTAVES 38 /* values up to 2^38 - 1 ns (275 s); larger ones are put into the last bucket */
#define KP_HIST_BUCKETS ((KP_HIST_OCTAVES - KP_HIST_SUB_BITS + 1) * KP_HIST_SUB)

/* Cumulative since the program was attached. Written by one CPU, read by the agent without a lock: every counter by
 * itself is monotonic, so a difference is exact once it has settled. */
struct kp_histogram {
	__u64 sum;
	__u64 buckets[KP_HIST_BUCKETS];
};

/* Position of the highest set bit; value must not be 0. By comparison because BPF has no instruction for it. */
static inline __attribute__((always_inline)) __u32 kp_log2(__u64 value)
{
	__u32 log = 0;

	if (value >> 32) { value >>= 32; log += 32; }
	if (value >> 16) { value >>= 16; log += 16; }
	if (value >> 8) { value >>= 8; log += 8; }
	if (value >> 4) { value >>= 4; log += 4; }
	if (value >> 2) { value >>= 2; log += 2; }
	if (value >> 1) log += 1;
	return log;
}

static inline __attribute__((always_inline)) __u64 kp_hist_bucket(__u64 value)
{
	__u64 bucket;
	__u32 octave;

	if (value < KP_HIST_SUB)
		return value;
	octave = kp_log2(value) - KP_HIST_SUB_BITS;
	bucket = (octave << KP_HIST_SUB_BITS) + (value >> octave);
	return bucket < KP_HIST_BUCKETS ? bucket : KP_HIST_BUCKETS - 1;
}

/* Smallest value of a bucket. The smallest value of bucket + 1 is where it ends. */
static inline __attribute__((always_inline)) __u64 kp_hist_lower(__u64 bucket)
{
	if (bucket < 2 * KP_HIST_SUB)
		return bucket;
	return ((bucket & (KP_HIST_SUB - 1)) + KP_HIST_SUB) << ((bucket >> KP_HIST_SUB_BITS) - 1);
}

#endif
