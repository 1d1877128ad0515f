/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is to be remembered of an I/O until it ends. Private to block.bpf.c.
 *
 * Notes lie in an array, in sets of eight that the address of the request or bio selects: no lock, no allocation, and an address is the same
 * from the first event to the last (a tag is not: with a scheduler a request gets its hardware tag late, and a bio has none). The kernel uses
 * its requests again and again, so a note is kept for the next use, and the address says which note of the set to look at first.
 *
 * An I/O mostly ends on another CPU than it began on, and what that costs is the cache lines that one writes and the other reads or writes
 * (docs/adr/0010). So what is known of an I/O stays in a line that only those touch who submit, its origin, until it goes to the device. Then
 * what the end has to know is written into another line at once, its note, which is not read again there. Whoever ends an I/O only reads the note,
 * and says that it has ended in a line that only those write to who end I/Os. When eight others are in flight in the same set there is no note:
 * the request is then timed by its own stamps, and counted as unseen. */
#ifndef KPULSE_BLOCK_NOTES_BPF_H
#define KPULSE_BLOCK_NOTES_BPF_H

#include "abi/block.h"
#include "block/cpu.bpf.h"
#include "block/kernel.bpf.h"
#include "block/slots.bpf.h"
#include "lib/task.bpf.h"

#define KP_NOTE_SETS_BITS 7
#define KP_NOTE_WAY_BITS 3
#define KP_NOTE_WAYS (1 << KP_NOTE_WAY_BITS)
#define KP_NOTE_OLD_NS (60ULL * 1000 * 1000 * 1000) /* its end was missed; drivers give up on an I/O earlier */

/* Where an I/O is counted. */
struct account {
	__u32 bytes;  /* of a request: as it was first issued, when all merges are over and no part has ended */
	__u8 series;
	__u8 whole;   /* series of the disk that the partition is on; KP_NO_SERIES when it is the disk itself */
	__u16 state;  /* KP_AT_DEVICE or not, and the mark of whose it is, see struct seat, with KP_OF_BIO and KP_FLUSH_ONLY or not */
} __attribute__((aligned(8))); /* read and written at once */
KP_ASSERT_SIZE(struct account, 8);

#define KP_AT_DEVICE 1
#define KP_OF_BIO 0x8000
#define KP_FLUSH_ONLY 0x4000 /* see is_flush_only() */

#define KP_TURN 2
#define KP_TURN_MOVES 1 /* added to a turn */

/* One use of a note. */
struct use {
	struct account here;
	struct account last; /* of the use before this one: the next I/O of the object often counts in the same place */
	__u32 turn;  /* number of this use, KP_TURN more than that of the one before; KP_TURN_MOVES: the note is being given to another object */
	__u16 group; /* see KP_BLOCK_GROUPS */
	__u16 reserved;
};

/* What the end of an I/O has to know. One cache line. */
struct note {
	struct use use;
	__u64 begun;  /* 0: unknown */
	__u64 issued; /* 0: not at the device */
	__u64 reserved[3];
};
KP_ASSERT_SIZE(struct note, 64);

/* What those have to know who submit it, and whoever wants the submitter's name. One cache line. */
struct origin {
	struct kp_task submitter;
	struct use use;
	__u64 since; /* some time after this turn's beginning, before its end */
};
KP_ASSERT_SIZE(struct origin, 64);

struct note_set {
	__u64 key[KP_NOTE_WAYS]; /* see key_of(); 0: never used */
	struct note note[KP_NOTE_WAYS];
	struct origin origin[KP_NOTE_WAYS];
	__u32 ended[KP_NOTE_WAYS]; /* the last turn that has ended */
	__u32 reserved[KP_NOTE_WAYS];
};
KP_ASSERT_SIZE(struct note_set, 18 * 64);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* only for the alignment */
	__uint(max_entries, 1 << KP_NOTE_SETS_BITS);
	__type(key, __u32);
	__type(value, struct note_set);
} kp_block_notes SEC(".maps");

/* A note: which set, and which of it. No set: none. The mark tells its object from most others; it leaves out the bits of the others. */
struct seat {
	struct note_set *set;
	__u32 way;
	__u16 mark;
};

static __always_inline struct note *note_of(const struct seat *seat)
{
	return &seat->set->note[seat->way & (KP_NOTE_WAYS - 1)];
}

static __always_inline __u32 *ended_of(const struct seat *seat)
{
	return &seat->set->ended[seat->way & (KP_NOTE_WAYS - 1)];
}

static __always_inline struct origin *origin_of(const struct seat *seat)
{
	return &seat->set->origin[seat->way & (KP_NOTE_WAYS - 1)];
}

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

/* Places are tried in the order way, way ^ 1, way ^ 2, ... */
static __noinline __u32 search_way(struct note_set *set, __u32 way, __u64 key)
{
	if (!set)
		return KP_NOTE_WAYS;
#pragma unroll
	for (__u32 step = 2; step < KP_NOTE_WAYS; step++) {
		if (set->key[(way ^ step) & (KP_NOTE_WAYS - 1)] == key)
			return (way ^ step) & (KP_NOTE_WAYS - 1);
	}
	return KP_NOTE_WAYS;
}

static __always_inline bool holds(const struct seat *seat, __u64 key)
{
	return seat->set->key[seat->way & (KP_NOTE_WAYS - 1)] == key;
}

/* The note that the object has or had. Where there is none, `way` is the one to try first. */
static __always_inline bool find_seat(struct seat *seat, __u64 key)
{
	__u64 hash = hash_of(key);
	__u32 index = (__u32)(hash >> (64 - KP_NOTE_SETS_BITS)), other;

	seat->set = bpf_map_lookup_elem(&kp_block_notes, &index);
	seat->way = hash >> (64 - KP_NOTE_SETS_BITS - KP_NOTE_WAY_BITS) & (KP_NOTE_WAYS - 1);
	seat->mark = hash >> (64 - KP_NOTE_SETS_BITS - KP_NOTE_WAY_BITS - 16) & 0x3ffe;
	if (!seat->set)
		return false;
	if (holds(seat, key))
		return true;
	seat->way ^= 1;
	if (holds(seat, key))
		return true;
	seat->way ^= 1;
	other = search_way(seat->set, seat->way, key);
	if (other >= KP_NOTE_WAYS)
		return false;
	seat->way = other;
	return true;
}

static __always_inline bool is_over(const struct seat *seat)
{
	return *(volatile __u32 *)ended_of(seat) == origin_of(seat)->use.turn;
}

/* The note of an I/O that has not ended, for those who submit. */
static __always_inline bool find_note(struct seat *seat, __u64 key)
{
	return find_seat(seat, key) && !is_over(seat);
}

/* What is known of an I/O that ends. */
struct noted {
	const struct use *use;
	__u64 begun;
	__u64 issued;
};

/* The same for its end. */
static __always_inline bool read_note(struct seat *seat, __u64 key, struct noted *noted)
{
	const struct note *note;

	if (!find_seat(seat, key))
		return false;
	note = note_of(seat);
	if ((__s32)(note->use.turn - *(volatile __u32 *)ended_of(seat)) > 0) {
		noted->use = &note->use;
		noted->begun = note->begun;
		noted->issued = note->issued;
		return true;
	}
	noted->use = &origin_of(seat)->use; /* there may be one that never went to the device, and has no note */
	noted->issued = 0;
	return !is_over(seat);
}

static __always_inline void enter_device(const struct account *io, const struct moment *now)
{
	enter(io->series, now);
	if (io->whole != KP_NO_SERIES)
		enter(io->whole, now);
}

/* Returns the slot that the I/O is counted in. */
static __always_inline struct kp_block_exit *leave_device(const struct account *io, const struct moment *now)
{
	if (io->whole != KP_NO_SERIES)
		leave(io->whole, io->state & KP_AT_DEVICE, now);
	return leave(io->series, io->state & KP_AT_DEVICE, now);
}

/* The end of an I/O was not shown to us, but it must have been: the request is free, or it or the bio was used again. It counts now, in no
 * time; whether it failed is not known. Where this was seen, the end came while a task of the sandbox was the current one; the kernel's own
 * tracing showed it, and said that no program was skipped. */
static __noinline int give_up(const struct account *io, __u32 group)
{
	struct kp_block_cpu *cpu = this_cpu();
	struct moment now = {};
	struct kp_block_exit *exit;

	KP_LOSE(unended);
	/* What was not at the device may have been merged into another one. */
	if (!io || !(io->state & (KP_AT_DEVICE | KP_FLUSH_ONLY)) || !moment_now(&now))
		return 0;
	exit = leave_device(io, &now);
	if (exit)
		__sync_fetch_and_add(&exit->bytes, io->bytes);
	if (io->state & KP_OF_BIO)
		count_group(bios_of(group), io->bytes, 0, true);
	else if (cpu) /* the program that ends I/Os may interrupt the one that looks for them */
		count_group(requests_of(cpu, group), io->bytes, 0, true);
	return 0;
}

static __always_inline bool swap_turn(__u32 *turn, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(turn, from, to) == from;
}

/* Takes a note, for its next turn, from an object whose last I/O has ended, or must have ended long ago. */
static __noinline bool take_way(struct note_set *set, __u32 way, __u64 key, __u64 old)
{
	struct origin *origin;
	__u32 turn, ended;

	if (!set || way >= KP_NOTE_WAYS)
		return false;
	origin = &set->origin[way];
	turn = *(volatile __u32 *)&origin->use.turn;
	if (turn & KP_TURN_MOVES || (turn != *(volatile __u32 *)&set->ended[way] && origin->since >= old))
		return false;
	if (!swap_turn(&origin->use.turn, turn, (turn + KP_TURN) | KP_TURN_MOVES))
		return false;
	ended = *(volatile __u32 *)&set->ended[way];
	if (ended != turn && swap_turn(&set->ended[way], ended, turn))
		give_up(&origin->use.here, origin->use.group);
	*(volatile __u64 *)&set->key[way] = key;
	/* Whoever began a turn at the same time has taken the mark away already. */
	swap_turn(&origin->use.turn, (turn + KP_TURN) | KP_TURN_MOVES, turn + KP_TURN);
	return true;
}

/* Any note of the set, `way` first, and rather one that was never used than one whose object may come again; the number of ways when all are
 * in use. */
static __noinline __u32 take_any(struct note_set *set, __u32 way, __u64 key)
{
	__u64 now = bpf_ktime_get_ns();

	if (!set)
		return KP_NOTE_WAYS;
#pragma unroll
	for (__u32 step = 0; step < KP_NOTE_WAYS; step++) {
		if (!set->key[(way ^ step) & (KP_NOTE_WAYS - 1)] && take_way(set, (way ^ step) & (KP_NOTE_WAYS - 1), key, 0))
			return way ^ step;
	}
#pragma unroll
	for (__u32 step = 0; step < KP_NOTE_WAYS; step++) {
		if (take_way(set, (way ^ step) & (KP_NOTE_WAYS - 1), key, 0))
			return way ^ step;
	}
#pragma unroll
	for (__u32 step = 0; step < KP_NOTE_WAYS; step++) {
		if (take_way(set, (way ^ step) & (KP_NOTE_WAYS - 1), key, now - KP_NOTE_OLD_NS))
			return way ^ step;
	}
	return KP_NOTE_WAYS;
}

/* The next turn of a note that the object has had; false when it is being given to another one. */
static __always_inline bool take_turn(const struct seat *seat)
{
	struct origin *origin = origin_of(seat);
	__u32 *turn = &origin->use.turn, before = *(volatile __u32 *)turn, ended = *(volatile __u32 *)ended_of(seat);

	if (before & KP_TURN_MOVES)
		return false;
	/* It is used again before kp_block_look came by: its last I/O has ended, unseen. */
	if (unlikely(ended != before) && swap_turn(ended_of(seat), ended, before))
		give_up(&origin->use.here, origin->use.group);
	*(volatile __u32 *)turn = before + KP_TURN;
	return true;
}

/* Set by each I/O that begins, cleared by the agent when it looks for those in flight: it need not where none began. */
__u32 kp_block_begun;

/* A note for an I/O that begins; false when there is no room. The caller fills it in. Another CPU may give the note away in the middle of that,
 * for it is still that of an I/O that has ended: to forbid it costs an atomic operation an I/O. From then on find_seat() does not find it. The
 * new owner has it described as well, maybe both in turns, so that is looked at again before the I/O goes to the device: is_described(). */
static __always_inline bool begin_note(struct seat *seat, __u64 key)
{
	struct origin *origin;

	if (!find_seat(seat, key) || !take_turn(seat)) {
		if (!seat->set)
			return false;
		seat->way = take_any(seat->set, seat->way, key);
		if (seat->way >= KP_NOTE_WAYS)
			return false;
	}
	origin = origin_of(seat);
	origin->use.last = origin->use.here;
	origin->since = recent_mono();
	if (!*(volatile __u32 *)&kp_block_begun)
		*(volatile __u32 *)&kp_block_begun = 1;
	return true;
}

/* Whether the note was last described for this object, and the I/O not yet sent to the device. */
static __always_inline bool is_described(const struct seat *seat)
{
	return origin_of(seat)->use.here.state == seat->mark;
}

/* Whether it is there already. */
static __always_inline bool is_at_device(const struct seat *seat)
{
	return origin_of(seat)->use.here.state == (seat->mark | KP_AT_DEVICE) && !is_over(seat);
}

static __always_inline void put_account(struct account *to, struct account value)
{
	__u64 bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	*(volatile __u64 *)to = bits;
}

/* The I/O goes to the device: so does all that its end has to know. Last of all, for whoever waits for the line waits here. */
static __always_inline void write_note(const struct seat *seat, __u64 begun, __u64 issued)
{
	struct note *note = note_of(seat);

	note->use = origin_of(seat)->use;
	note->begun = begun;
	note->issued = issued;
}

/* The I/O ends. */
static __always_inline void end_note(const struct seat *seat, const struct use *use)
{
	*(volatile __u32 *)ended_of(seat) = use->turn;
}

#endif
