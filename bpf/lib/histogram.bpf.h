/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KPULSE_HISTOGRAM_BPF_H
#define KPULSE_HISTOGRAM_BPF_H

#include "abi/histogram.h"

/* Returns the bucket. */
static __always_inline __u64 kp_hist_add(struct kp_histogram *histogram, __u64 value)
{
	__u64 bucket = kp_hist_bucket(value);

	if (bucket >= KP_HIST_BUCKETS) /* never: for the verifier */
		return 0;
	histogram->sum += value;
	histogram->buckets[bucket]++;
	return bucket;
}

#endif
