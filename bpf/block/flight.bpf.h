/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* I/Os that have not ended yet, and those that have and it was not shown. Private to block.bpf.c.
 *
 * The kernel's own count of references to a request says whether it is still in use: it is 1 or more from before block_io_start until after
 * block_rq_complete. So a request that is free, but whose note says that its I/O goes on, has ended unseen. A bio has no such count. */
#ifndef KPULSE_BLOCK_FLIGHT_BPF_H
#define KPULSE_BLOCK_FLIGHT_BPF_H

#include "block/notes.bpf.h"

/* In .bss; cleared by the agent before it has kp_block_look run. */
struct kp_block_flight kp_block_flights[KP_BLOCK_SERIES];

/* See key_of(); what a pointer is as a number shows in memory. */
__u64 kp_block_base;

static __always_inline struct request *request_of(__u64 key)
{
	return (struct request *)(*(volatile __u64 *)&kp_block_base + key);
}

static __always_inline bool is_free(struct request *rq)
{
	struct kp_counter references;

	return bpf_core_field_exists(rq->ref) && !bpf_core_read(&references, sizeof(references), &rq->ref) && !references.counter;
}

static __always_inline void add_flight(__u32 series, const struct kp_block_flight *one)
{
	struct kp_block_flight *all;

	asm volatile("" : "+r"(series)); /* keep the compiler from adding it to a pointer before it was compared */
	if (series >= KP_BLOCK_SERIES)
		return;
	all = &kp_block_flights[series];
	all->ios++;
	all->bios += one->bios;
	if (!one->begun || (all->begun && one->begun >= all->begun))
		return;
	all->begun = one->begun;
	all->issued = one->issued;
	all->submitter = one->submitter;
}

/* Since when; of a request that has not been at the device yet, its own stamp. */
static __always_inline void time_flight(struct kp_block_flight *flight, const struct seat *seat, __u32 turn, const struct account *here, __u64 key)
{
	const struct note *note = note_of(seat);

	if (here->state & KP_AT_DEVICE && *(volatile __u32 *)&note->use.turn == turn) {
		flight->begun = note->begun ? note->begun : note->issued;
		flight->issued = note->issued;
	} else if (!(here->state & KP_OF_BIO)) {
		struct request *rq = request_of(key);

		/* Without statistics, and until just before they begin, it is the stamp of what the request was used for last. */
		if (BPF_CORE_READ(rq, rq_flags) >> (kp_io_stat_bit & 31) & 1 || op_is_flush(BPF_CORE_READ(rq, cmd_flags)))
			flight->begun = BPF_CORE_READ(rq, start_time_ns);
	}
}

/* One step of kp_block_look(): a note. Global for the verifier's sake, which looks at it once only. */
__noinline int look_at_note(__u32 number)
{
	__u32 index = number >> KP_NOTE_WAY_BITS, turn, ended;
	struct seat seat = {.way = number & (KP_NOTE_WAYS - 1)};
	struct kp_block_flight flight = {};
	struct origin *origin;
	struct account here;
	__u64 key, bits;

	seat.set = bpf_map_lookup_elem(&kp_block_notes, &index);
	if (!seat.set)
		return 0;
	key = seat.set->key[seat.way & (KP_NOTE_WAYS - 1)];
	origin = origin_of(&seat);
	turn = *(volatile __u32 *)&origin->use.turn;
	ended = *(volatile __u32 *)ended_of(&seat);
	if (!key || turn & KP_TURN_MOVES || turn == ended)
		return 0;
	bits = *(volatile __u64 *)&origin->use.here;
	__builtin_memcpy(&here, &bits, sizeof(here));
	if (!(here.state & KP_OF_BIO) && is_free(request_of(key))) {
		if (swap_turn(ended_of(&seat), ended, turn)) /* fails when its end, or the next one's, came meanwhile */
			give_up(&here, origin->use.group);
		return 0;
	}
	time_flight(&flight, &seat, turn, &here, key);
	flight.bios = here.state & KP_OF_BIO ? 1 : 0;
	flight.submitter = origin->submitter;
	if (*(volatile __u32 *)&origin->use.turn != turn || *(volatile __u32 *)ended_of(&seat) != ended)
		return 0;
	add_flight(here.series, &flight);
	if (here.whole != KP_NO_SERIES)
		add_flight(here.whole, &flight);
	return 0;
}

/* Run by the agent now and then. */
SEC("raw_tp")
int kp_block_look(void *ctx)
{
	*(volatile __u64 *)&kp_block_base = (__u64)&kp_block_losses;
	for (__u32 number = 0; number < KP_NOTE_WAYS << KP_NOTE_SETS_BITS; number++)
		look_at_note(number);
	return 0;
}

#endif
