/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is to be remembered of an I/O until it ends. Private to block.bpf.c.
 *
 * Notes lie in an array, in sets of eight that the address of the request or bio selects: no lock, no allocation, and an address is the same
 * from the first event to the last (a tag is not: with a scheduler a request gets its hardware tag late, and a bio has none). The address also
 * says which note of the set to try first, so mostly one is looked at. When eight others are in flight in the same set there is no note:
 * the request is then timed by its own stamps, and counted as unseen. */
#ifndef KPULSE_BLOCK_NOTES_BPF_H
#define KPULSE_BLOCK_NOTES_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"
#include "block/slots.bpf.h"
#include "lib/task.bpf.h"

#define KP_NOTE_SETS_BITS 8
#define KP_NOTE_WAY_BITS 3
#define KP_NOTE_WAYS (1 << KP_NOTE_WAY_BITS)
#define KP_NOTE_OLD_NS (60ULL * 1000 * 1000 * 1000) /* its end was missed; drivers give up on an I/O earlier */

/* One cache line: it travels to the CPU that ends the I/O and back. */
struct note {
	__u64 key;    /* see key_of(); 0: free */
	__u64 begun;  /* once it is issued: 0 when unknown */
	__u64 issued; /* 0: not at the device */
	__u32 bytes;  /* of a request: as it was first issued, when all merges are over and no part has ended */
	__u8 series;
	__u8 whole;   /* series of the disk that the partition is on; KP_NO_SERIES when it is the disk itself */
	__u16 group;  /* see KP_BLOCK_GROUPS */
	struct kp_task submitter;
};
KP_ASSERT_SIZE(struct note, 64);

struct note_set {
	struct note way[KP_NOTE_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* only for the alignment */
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
	return key; /* not 0: one is an address in the program's memory */
}

/* Objects are at least 64 bytes apart; the multiplication spreads the regular distance between the requests of a queue. */
static __always_inline __u64 hash_of(__u64 key)
{
	return (key >> 6) * 0x9e3779b97f4a7c15ULL;
}

static __always_inline struct note_set *set_of(__u64 hash)
{
	__u32 index = (__u32)(hash >> (64 - KP_NOTE_SETS_BITS));

	return bpf_map_lookup_elem(&kp_block_notes, &index);
}

static __always_inline struct note *first_of(struct note_set *set, __u64 hash)
{
	return &set->way[hash >> (64 - KP_NOTE_SETS_BITS - KP_NOTE_WAY_BITS) & (KP_NOTE_WAYS - 1)];
}

static __noinline struct note *search_note(struct note_set *set, __u64 key)
{
	if (!set)
		return NULL;
#pragma unroll
	for (int way = 0; way < KP_NOTE_WAYS; way++) {
		if (set->way[way].key == key)
			return &set->way[way];
	}
	return NULL;
}

/* The note of an I/O that has not ended. */
static __always_inline struct note *find_note(__u64 key)
{
	__u64 hash = hash_of(key);
	struct note_set *set = set_of(hash);
	struct note *note;

	if (!set)
		return NULL;
	note = first_of(set, hash);
	return note->key == key ? note : search_note(set, key);
}

/* The end of a noted I/O was not shown to us, but it must have been, for the request or bio is in use again. It counts now, in no time; whether
 * it failed is not known. Why it is not shown is not proven: the kernel skips a program that interrupts itself, but where this was seen it
 * said that it had skipped none. */
static __noinline int give_up(struct note *note)
{
	struct moment now = {};
	struct kp_block_slot *slot;

	KP_LOSE(unended);
	if (!note || !note->issued || !moment_now(&now))
		return 0;
	slot = leave_device(note->series, note->whole, &now, 1);
	if (slot)
		__sync_fetch_and_add(&slot->bytes, note->bytes);
	return 0;
}

/* The set is full: takes a note whose I/O must have ended long ago. */
static __noinline struct note *reclaim_note(struct note_set *set, __u64 key)
{
	__u64 now = bpf_ktime_get_ns();

	if (!set)
		return NULL;
#pragma unroll
	for (int way = 0; way < KP_NOTE_WAYS; way++) {
		struct note *note = &set->way[way];
		__u64 held = *(volatile __u64 *)&note->key;

		if (!held || now - (note->issued ? note->issued : note->begun) < KP_NOTE_OLD_NS)
			continue;
		if (__sync_val_compare_and_swap(&note->key, held, key) != held)
			continue;
		give_up(note);
		return note;
	}
	return NULL;
}

static __always_inline bool take_note(struct note *note, __u64 key)
{
	return !*(volatile __u64 *)&note->key && !__sync_val_compare_and_swap(&note->key, 0, key);
}

/* The first choice is taken by another I/O, or by the last use of this request, which has not been seen to end. */
static __noinline struct note *begin_elsewhere(struct note_set *set, __u64 key)
{
	struct note *note = search_note(set, key);

	if (!set)
		return NULL;
	if (note) {
		give_up(note);
		return note;
	}
#pragma unroll
	for (int way = 0; way < KP_NOTE_WAYS; way++) {
		if (take_note(&set->way[way], key))
			return &set->way[way];
	}
	return reclaim_note(set, key);
}

/* A note for an I/O that begins; NULL when there is no room. The caller fills it in. */
static __always_inline struct note *begin_note(__u64 key)
{
	__u64 hash = hash_of(key);
	struct note_set *set = set_of(hash);
	struct note *note;

	if (!set)
		return NULL;
	note = first_of(set, hash);
	return take_note(note, key) ? note : begin_elsewhere(set, key);
}

static __always_inline void end_note(struct note *note)
{
	note->issued = 0;
	barrier();
	*(volatile __u64 *)&note->key = 0;
}

#endif
