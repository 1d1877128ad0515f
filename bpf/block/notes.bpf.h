/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is to be remembered of an I/O until it ends. Private to block.bpf.c.
 *
 * Notes lie in an array, in sets of four that the address of the request or bio selects: no lock, no allocation, and an address is the same
 * from the first event to the last (a tag is not: with a scheduler a request gets its hardware tag late, and a bio has none). Should four
 * others be in flight in the same set, the oldest gives way; it is then timed by the request's own stamps, and counted. */
#ifndef KPULSE_BLOCK_NOTES_BPF_H
#define KPULSE_BLOCK_NOTES_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"
#include "block/slots.bpf.h"
#include "lib/task.bpf.h"

#define KP_NOTE_SETS_BITS 8
#define KP_NOTE_WAYS 4

struct note {
	__u64 key;    /* see key_of(); 0: free */
	__u64 begun;
	__u64 issued; /* 0: not at the device */
	__u64 sector; /* of a bio */
	__u32 bytes;  /* of a bio: all; of a request: those that have ended already */
	__u32 series;
	struct kp_task submitter;
};

struct note_set {
	struct note way[KP_NOTE_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << KP_NOTE_SETS_BITS);
	__type(key, __u32);
	__type(value, struct note_set);
} kp_block_notes SEC(".maps");

/* The address of a request or bio as a number. The verifier does not let a kernel pointer be one, but it does let two be subtracted: so it is
 * the distance from a fixed place. */
static __always_inline __u64 key_of(const void *object)
{
	__u64 key = (__u64)object - (__u64)&kp_block_losses;

	asm volatile("" : "+r"(key)); /* keep the compiler from moving the subtraction into what follows */
	return key;
}

static __always_inline struct note_set *set_of(__u64 key)
{
	/* Objects are at least 64 bytes apart; the multiplication spreads the regular distance between the requests of a queue. */
	__u32 index = (__u32)((key >> 6) * 0x9e3779b97f4a7c15ULL >> (64 - KP_NOTE_SETS_BITS));

	return bpf_map_lookup_elem(&kp_block_notes, &index);
}

static __always_inline struct note *find_note(__u64 key)
{
	struct note_set *set = set_of(key);

	if (!set)
		return NULL;
#pragma unroll
	for (int way = 0; way < KP_NOTE_WAYS; way++) {
		if (set->way[way].key == key)
			return &set->way[way];
	}
	return NULL;
}

/* A note that is given up while its I/O is at the device takes it out of the depth. */
static __noinline int give_up(struct note *note)
{
	struct moment now = {};

	if (note && note->issued && moment_now(&now))
		leave_device(slot_of(note->series, now.window), note->series, &now, 0);
	return 0;
}

static __noinline struct note *displace(struct note_set *set, __u64 key)
{
	struct note *oldest;

	if (!set)
		return NULL;
	oldest = &set->way[0];
#pragma unroll
	for (int way = 1; way < KP_NOTE_WAYS; way++) {
		if (set->way[way].begun < oldest->begun)
			oldest = &set->way[way];
	}
	KP_LOSE(displaced);
	give_up(oldest);
	*(volatile __u64 *)&oldest->key = key;
	return oldest;
}

/* A note for an I/O that begins. The caller fills it in. */
static __always_inline struct note *begin_note(__u64 key)
{
	struct note_set *set = set_of(key);
	struct note *note = find_note(key);

	if (!set)
		return NULL;
	if (note) { /* its last use has not been seen to end */
		KP_LOSE(unended);
		give_up(note);
		return note;
	}
#pragma unroll
	for (int way = 0; way < KP_NOTE_WAYS; way++) {
		note = &set->way[way];
		if (!*(volatile __u64 *)&note->key && !__sync_val_compare_and_swap(&note->key, 0, key))
			return note;
	}
	return displace(set, key);
}

static __always_inline void end_note(struct note *note)
{
	note->issued = 0;
	barrier();
	*(volatile __u64 *)&note->key = 0;
}

#endif
