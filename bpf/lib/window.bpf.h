/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which window an instant is in. */
#ifndef KPULSE_WINDOW_BPF_H
#define KPULSE_WINDOW_BPF_H

#include "abi/window.h"
#include "lib/kernel.bpf.h"

struct kp_window_control kp_windows; /* in .bss, mapped by the agent */

static __always_inline const struct kp_window_config *kp_window_config(void)
{
	return &kp_windows.slot[*(volatile __u32 *)&kp_windows.active & 1];
}

static __always_inline __u64 kp_window_at(const struct kp_window_config *config, __u64 clock)
{
	if (clock < config->base_clock)
		return config->base_window - 1;
	return config->base_window + (clock - config->base_clock) / config->length;
}

static __always_inline __u64 kp_window_start(const struct kp_window_config *config, __u64 number)
{
	return config->base_clock + (number - config->base_window) * config->length;
}

/* The run-queue clock now, for programs that have no run queue at hand. */
static __always_inline __u64 kp_clock_now(const struct kp_window_config *config)
{
	return bpf_ktime_get_ns() - config->mono_offset;
}

#endif
