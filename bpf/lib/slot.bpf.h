/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting by window in a ring of slots, for events that any CPU may see and that may interrupt each other.
 *
 * A slot belongs to the window whose number is in its first word. Programs claim it and add to it atomically; they never clear it.
 * The agent does, when the window is over (userspace/bpf/window_slots.h), so no event can be wiped out by another one. */
#ifndef KPULSE_SLOT_BPF_H
#define KPULSE_SLOT_BPF_H

#include "lib/kernel.bpf.h"

/* Set before loading: slots of a ring, a power of two, see userspace/bpf/window_slots.h. */
const volatile __u32 kp_slots = 1;

/* Where the window's slot is in an array that has a ring for each of several owners. */
static __always_inline __u32 kp_slot_index(__u32 owner, __u64 window)
{
	return owner * kp_slots + ((__u32)window & (kp_slots - 1));
}

/* True when the slot is the window's. False when it still holds another one, because the agent is late: count the event as dropped. */
static __always_inline bool kp_slot_claim(__u64 *owner, __u64 window)
{
	__u64 held = *(volatile __u64 *)owner;

	if (held == window)
		return true;
	if (held)
		return false;
	held = __sync_val_compare_and_swap(owner, 0, window);
	return !held || held == window;
}

#endif
