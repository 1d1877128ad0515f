/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where windows begin and end: written by the agent, read by every program that closes a window. */
#ifndef KPULSE_ABI_WINDOW_H
#define KPULSE_ABI_WINDOW_H

#include <linux/types.h>

#include "abi/assert.h"

/* Window n covers [base_clock + (n - base_window) * length, ... + length) of the run-queue clock. Numbers are absolute: window n
 * begins n * length after 1970 on the wall clock. */
struct kp_window_config {
	__u64 base_clock;
	__u64 base_window;
	__u64 length;      /* ns; 0: not calibrated yet, nothing is measured */
	__u64 mono_offset; /* CLOCK_MONOTONIC minus the run-queue clock, two's complement */
	__u32 epoch;       /* changes when the numbering starts anew: a step of the wall clock or another length */
	__u32 reserved;
};
KP_ASSERT_SIZE(struct kp_window_config, 40);

/* The agent fills the slot that is not active and then flips `active`, so that a program never sees half of a change. */
struct kp_window_control {
	struct kp_window_config slot[2];
	__u32 active;
	__u32 reserved;
};
KP_ASSERT_SIZE(struct kp_window_control, 88);

/* First bytes of every record in the ring buffer. */
struct kp_record_head {
	__u32 type;
	__u32 cpu;
};
KP_ASSERT_SIZE(struct kp_record_head, 8);

#endif
