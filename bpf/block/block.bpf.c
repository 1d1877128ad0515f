// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Block probe: every I/O of every disk, by window.
 *
 * An I/O begins when the kernel accounts it (block_io_start, 6.4+, in the context of its submitter), goes to the device when the driver
 * gets it (block_rq_issue) and ends with its last byte (block_rq_complete). Queue time is from the first to the second, device time from
 * the second to the third. Before 6.4 an I/O is first seen when it is queued or issued.
 *
 * Drivers that take bios and have no requests (zram, dm, md) are seen at block_bio_queue and block_bio_complete; there is no queue then.
 */
#include "abi/block.h"
#include "block/account.bpf.h"
#include "block/kernel.bpf.h"
#include "block/notes.bpf.h"
#include "block/operation.bpf.h"
#include "block/series.bpf.h"
#include "block/slots.bpf.h"
#include "block/submitter.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* NULL for requests that no disk gets, such as those of a SCSI host that is being scanned. */
static __always_inline struct gendisk *disk_of(struct request *rq)
{
	if (bpf_core_field_exists(rq->q->disk))
		return rq->q->disk;
	return ((struct request___disk *)rq)->rq_disk;
}

/* When the kernel says that a request began, as it does for /proc/diskstats (since 6.9: when the first one in its plug did); 0 when it keeps
 * no statistics of it. Reading the clock at block_io_start instead would cost as much as all the rest there. From 6.12 on the stamp is older
 * than the request until shortly after block_io_start, so it is read when the request is issued. */
static __always_inline __u64 begun_at(struct request *rq)
{
	return has_stamp(rq) || op_is_flush(rq->cmd_flags) ? rq->start_time_ns : 0;
}

/* What the request was submitted to; NULL for a flush without data. */
static __always_inline struct block_device *device_of(struct request *rq)
{
	struct bio *bio = rq->bio;

	return bio ? bio->bi_bdev : NULL;
}

/* Who it is from, and where it counts. */
static __always_inline void describe(const struct seat *seat, const struct place *place, struct bio *bio, __u32 op)
{
	struct note *note = note_of(seat);
	__u32 slot = name_submitter(submitter_of(seat), bio);

	note->here.series = place->series;
	note->here.whole = place->whole;
	note->group = place->stacked ? KP_BLOCK_GROUPS /* none */ : slot * KP_BLOCK_OPS + op;
}

static __always_inline bool begin_request(struct seat *seat, struct request *rq)
{
	struct gendisk *disk = disk_of(rq);
	__u32 op = op_class(rq->cmd_flags);
	struct place place;
	struct note *note;

	if (!disk || !begin_note(seat, key_of(rq)))
		return false;
	note = note_of(seat);
	note->begun = recent_mono(); /* how old the note is, until the request is issued */
	note->issued = 0;
	note->here.bytes = 0;
	place = place_of(disk, device_of(rq), op);
	describe(seat, &place, rq->bio, op);
	return true;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(kp_io_start, struct request *rq)
{
	struct seat seat;

	if (kp_window_config()->length)
		begin_request(&seat, rq);
	return 0;
}

/* Only where there is no block_io_start. With the scheduler none most requests do not come by here. */
SEC("tp_btf/block_rq_insert")
int BPF_PROG(kp_rq_insert, struct request *rq)
{
	struct seat seat;

	if (kp_window_config()->length && !find_note(&seat, key_of(rq)))
		begin_request(&seat, rq);
	return 0;
}

static __always_inline void enter(struct note *note, __u32 bytes, const struct moment *now)
{
	note->issued = now->mono;
	if (!note->here.bytes)
		note->here.bytes = bytes;
	note->here.issued = 1;
	enter_device(note->here.series, note->here.whole, now);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(kp_rq_issue, struct request *rq)
{
	struct moment now = {};
	struct seat seat;

	if (!moment_now(&now))
		return 0;
	if (!find_seat(&seat, key_of(rq)) || note_of(&seat)->issued) {
		if (seat.set && note_of(&seat)->key == key_of(rq) && !is_over(&seat))
			return 0; /* a requeue was missed: it is still counted as being there */
		/* The flush that a flush sequence sends, or the first we see of a request. */
		if (!begin_request(&seat, rq))
			return 0;
	}
	note_of(&seat)->begun = begun_at(rq);
	enter(note_of(&seat), rq->__data_len, &now);
	return 0;
}

/* The times of a request whose beginning was not seen, by the kernel's own stamps. */
static __always_inline void time_unseen(struct ended *io, struct request *rq, __u64 now)
{
	__u64 begun = begun_at(rq), issued = rq->io_start_time_ns;

	KP_LOSE(unseen);
	io->timed = begun && issued >= begun;
	if (!io->timed) {
		KP_LOSE(untimed);
		return;
	}
	io->queued = true;
	io->issued = true;
	io->queue_ns = issued - begun;
	io->device_ns = elapsed(issued, now);
}

static __always_inline void time_request(struct ended *io, struct request *rq, const struct note *note, __u64 now)
{
	__u64 issued = note->issued, begun = issued ? note->begun : begun_at(rq);

	if (!issued && rq->io_start_time_ns > begun) /* our program at issue was skipped */
		issued = begun ? rq->io_start_time_ns : 0;
	io->timed = issued || !io->bytes || io->status;
	if (!io->timed) /* it must have been at the device: nobody knows since when */
		KP_LOSE(untimed);
	io->queued = begun != 0;
	io->issued = issued != 0;
	io->queue_ns = begun ? elapsed(begun, issued ? issued : now) : 0;
	io->device_ns = issued ? elapsed(issued, now) : 0;
}

/* A request ends with its last byte. One that is in a flush sequence comes by here twice, and ends when the sequence does; the flush
 * itself has the flag too. */
static __always_inline bool ends(struct request *rq, __u32 bytes)
{
	return bytes >= rq->__data_len && (!in_flush_sequence(rq) || op_is_flush(rq->cmd_flags));
}

/* Where an I/O began, from where its rest is. Requests that are no reads or writes say -1. */
static __always_inline __u64 first_sector(__u64 sector, __u32 bytes, __u32 rest)
{
	if (sector == ~0ULL)
		return 0;
	return bytes > rest ? sector - ((bytes - rest) >> 9) : sector;
}

static __always_inline void end_noted(struct request *rq, int status, __u32 bytes, const struct seat *seat)
{
	struct kp_block_cpu *cpu = this_cpu();
	struct note *note = note_of(seat);
	struct moment now = {};
	struct ended io = {};

	if (!moment_now(&now))
		return;
	io.series = note->here.series;
	io.bytes = note->here.bytes ? note->here.bytes : bytes;
	io.sector = first_sector(rq->__sector, io.bytes, rq->__data_len);
	io.status = status;
	time_request(&io, rq, note, now.mono);
	if (cpu && io.timed)
		count_times(cpu, &io);
	if (cpu)
		count_group(requests_of(cpu, note->group), &io, false);
	account(&io, seat, &now);
	end_note(seat);
}

static __always_inline void end_unseen(struct request *rq, int status, __u32 bytes)
{
	struct gendisk *disk = disk_of(rq);
	struct kp_block_cpu *cpu = this_cpu();
	struct moment now = {};
	struct ended io = {};

	if (!disk || !moment_now(&now))
		return;
	io.series = place_of(disk, device_of(rq), op_class(rq->cmd_flags)).series;
	io.bytes = bytes;
	io.sector = first_sector(rq->__sector, 0, 0);
	io.status = status;
	time_unseen(&io, rq, now.mono);
	if (cpu && io.timed)
		count_times(cpu, &io);
	account(&io, NULL, &now);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(kp_rq_complete, struct request *rq, int error, unsigned int bytes)
{
	struct seat seat;

	if (!ends(rq, bytes))
		return 0;
	if (find_note(&seat, key_of(rq)))
		end_noted(rq, error, bytes, &seat);
	else
		end_unseen(rq, error, bytes);
	return 0;
}

/* The device would not take it now; it is issued again later. */
SEC("tp_btf/block_rq_requeue")
int BPF_PROG(kp_rq_requeue, struct request *rq)
{
	struct moment now = {};
	struct kp_block_slot *slot;
	struct note *note;
	struct seat seat;

	if (!moment_now(&now) || !find_note(&seat, key_of(rq)))
		return 0;
	note = note_of(&seat);
	if (note->here.issued)
		leave_device(note->here.series, note->here.whole, &now, 0);
	slot = slot_of(note->here.series, now.window);
	if (slot)
		__sync_fetch_and_add(&slot->requeues, 1);
	if (!note->begun)
		note->begun = note->issued;
	note->issued = 0;
	note->here.issued = 0;
	return 0;
}

static __always_inline void count_merge(__u32 series)
{
	struct kp_block_slot *slot;
	struct moment now = {};

	if (!moment_now(&now))
		return;
	slot = slot_of(series, now.window);
	if (slot)
		__sync_fetch_and_add(&slot->merges, 1);
}

/* rq has been merged into its predecessor and ends with it. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(kp_rq_merge, struct request *rq)
{
	struct seat seat;

	if (!find_note(&seat, key_of(rq)))
		return 0;
	count_merge(note_of(&seat)->here.series);
	end_note(&seat);
	return 0;
}

static __always_inline int on_bio_merge(struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;

	if (disk && kp_window_config()->length)
		count_merge(place_of(disk, bio->bi_bdev, op_class(bio->bi_opf)).series);
	return 0;
}

SEC("tp_btf/block_bio_backmerge")
int BPF_PROG(kp_backmerge, struct bio *bio)
{
	return on_bio_merge(bio);
}

SEC("tp_btf/block_bio_frontmerge")
int BPF_PROG(kp_frontmerge, struct bio *bio)
{
	return on_bio_merge(bio);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(kp_bio_queue, struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	struct moment now = {};
	struct place place;
	struct seat seat;
	__u32 op;

	if (!disk || disk->queue->mq_ops || !moment_now(&now))
		return 0;
	if (!begin_note(&seat, key_of(bio))) {
		KP_LOSE(uncounted);
		return 0;
	}
	op = op_class(bio->bi_opf);
	note_of(&seat)->begun = now.mono;
	note_of(&seat)->here.bytes = bio->bi_iter.bi_size;
	place = place_of(disk, bio->bi_bdev, op);
	describe(&seat, &place, bio, op);
	enter(note_of(&seat), 0, &now);
	return 0;
}

/* The bio may have been passed on to another device meanwhile: it counts for the one it was first seen at. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(kp_bio_complete, struct request_queue *queue, struct bio *bio)
{
	struct kp_block_cpu *cpu = this_cpu();
	struct moment now = {};
	struct ended io = {};
	struct note *note;
	struct seat seat;
	__u32 group;

	if (!moment_now(&now) || !find_note(&seat, key_of(bio)))
		return 0;
	note = note_of(&seat);
	io.series = note->here.series;
	io.bytes = note->here.bytes;
	io.sector = first_sector(bio->bi_iter.bi_sector, io.bytes, bio->bi_iter.bi_size);
	io.status = bio->bi_status;
	io.timed = true;
	io.issued = true;
	io.device_ns = elapsed(note->begun, now.mono);
	if (cpu)
		count_times(cpu, &io);
	group = note->group;
	count_group(bpf_map_lookup_elem(&kp_block_bios, &group), &io, true);
	account(&io, &seat, &now);
	end_note(&seat);
	return 0;
}
