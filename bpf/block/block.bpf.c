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
#include "block/flight.bpf.h"
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
static __always_inline void describe(const struct seat *seat, struct gendisk *disk, struct block_device *device, struct bio *bio, __u32 op)
{
	struct origin *origin = origin_of(seat);
	struct account *last = &origin->use.last;
	struct place place = {.series = last->series, .whole = last->whole};
	__u32 slot = name_submitter(&origin->submitter, bio);

	if (!device || !is_place(last->series, last->whole, device->bd_dev, op))
		place = place_of(disk, device, op);
	origin->use.group = is_stacked(place.whole == KP_NO_SERIES ? place.series : place.whole) ? KP_BLOCK_GROUPS /* none */ :
												    slot * KP_BLOCK_OPS + op;
	put_account(&origin->use.here, (struct account){.series = place.series, .whole = place.whole, .state = seat->mark});
}

static __always_inline bool begin_request(struct seat *seat, struct request *rq)
{
	struct block_device *device = device_of(rq);
	struct gendisk *disk = device ? device->bd_disk : disk_of(rq);

	if (!disk || !begin_note(seat, key_of(rq)))
		return false;
	if (is_flush_only(rq))
		seat->mark |= KP_FLUSH_ONLY;
	describe(seat, disk, device, rq->bio, op_class(rq->cmd_flags));
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

static __always_inline void issue(const struct seat *seat, __u64 begun, __u32 bytes, const struct moment *now)
{
	struct account *here = &origin_of(seat)->use.here;

	if (!here->bytes)
		here->bytes = bytes;
	here->state |= KP_AT_DEVICE;
	enter_device(here, now);
	write_note(seat, begun, now->mono);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(kp_rq_issue, struct request *rq)
{
	struct moment now = {};
	struct seat seat;

	if (!moment_now(&now))
		return 0;
	if (!find_seat(&seat, key_of(rq)) || !is_described(&seat)) {
		if (seat.set && holds(&seat, key_of(rq)) && is_at_device(&seat) && note_of(&seat)->begun == begun_at(rq))
			return 0; /* a requeue was missed: it is still counted as being there */
		/* The flush that a flush sequence sends, the first we see of a request, or its note was taken away. If it is at the device by
		 * its note, but has another beginning, an end was missed: it counts when this one ends. */
		if (!begin_request(&seat, rq))
			return 0;
	}
	issue(&seat, begun_at(rq), rq->__data_len, &now);
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

/* All of a request's time, by when the kernel says that it began. */
static __always_inline void time_whole(struct ended *io, struct request *rq, __u64 now)
{
	__u64 begun = begun_at(rq);

	io->timed = begun;
	if (begun)
		io->device_ns = elapsed(begun, now);
	else
		KP_LOSE(untimed);
}

static __always_inline void time_request(struct ended *io, struct request *rq, const struct noted *noted, __u64 now)
{
	__u64 issued = noted->issued, begun = issued ? noted->begun : begun_at(rq);

	if (!issued && rq->io_start_time_ns > begun) /* our program at issue was skipped */
		issued = begun ? rq->io_start_time_ns : 0;
	io->timed = issued || !io->here.bytes || io->status;
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

static __always_inline void end_noted(struct request *rq, int status, __u32 bytes, const struct seat *seat, const struct noted *noted,
				      const struct moment *now)
{
	struct kp_block_cpu *cpu = this_cpu();
	struct ended io = {};

	io.here = noted->use->here;
	if (!io.here.bytes)
		io.here.bytes = bytes;
	io.sector = first_sector(rq->__sector, io.here.bytes, rq->__data_len);
	io.status = status;
	time_request(&io, rq, noted, now->mono);
	if (cpu && io.timed)
		count_times(cpu, &io);
	if (cpu)
		count_group(requests_of(cpu, noted->use->group), io.here.bytes, time_of(&io), false);
	account(&io, seat, now);
	end_note(seat, noted->use);
}

static __always_inline void end_unseen(struct request *rq, int status, __u32 bytes, const struct moment *now)
{
	struct gendisk *disk = disk_of(rq);
	struct kp_block_cpu *cpu = this_cpu();
	struct ended io = {};
	struct place place;

	if (!disk)
		return;
	place = place_of(disk, device_of(rq), op_class(rq->cmd_flags));
	io.here = (struct account){.bytes = bytes, .series = place.series, .whole = place.whole};
	io.sector = first_sector(rq->__sector, 0, 0);
	io.status = status;
	if (kp_block_lite)
		time_whole(&io, rq, now->mono);
	else
		time_unseen(&io, rq, now->mono);
	if (cpu && io.timed)
		count_times(cpu, &io);
	account(&io, NULL, now);
}

/* A part of a request has ended, or all of its data but not the flush after it; nobody saw how long it was when it began. */
static __noinline int end_part(struct request *rq, __u32 bytes, const struct moment *now)
{
	struct gendisk *disk = disk_of(rq);
	struct kp_block_exit *exit;
	struct place place;

	if (!disk || !now)
		return 0;
	place = place_of(disk, device_of(rq), op_class(rq->cmd_flags));
	exit = exit_of(place.series, now->window);
	if (exit)
		__sync_fetch_and_add(&exit->bytes, bytes);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(kp_rq_complete, struct request *rq, int error, unsigned int bytes)
{
	struct moment now = {};
	struct noted noted = {};
	struct seat seat;

	if (!ends(rq, bytes)) {
		if (kp_block_lite && moment_now(&now))
			end_part(rq, bytes, &now);
		return 0;
	}
	if (!moment_now(&now))
		return 0;
	if (!kp_block_lite && read_note(&seat, key_of(rq), &noted))
		end_noted(rq, error, bytes, &seat, &noted, &now);
	else
		end_unseen(rq, error, bytes, &now);
	return 0;
}

/* The device would not take it now; it is issued again later. */
SEC("tp_btf/block_rq_requeue")
int BPF_PROG(kp_rq_requeue, struct request *rq)
{
	struct moment now = {};
	struct account *here;
	struct seat seat;

	if (!moment_now(&now) || !find_note(&seat, key_of(rq)))
		return 0;
	here = &origin_of(&seat)->use.here;
	if (!(here->state & KP_AT_DEVICE)) /* not seen going there: it does not leave either */
		return 0;
	step_back(here->series, &now);
	if (here->whole != KP_NO_SERIES)
		step_back(here->whole, &now);
	here->state &= ~KP_AT_DEVICE;
	write_note(&seat, 0, 0);
	return 0;
}

static __always_inline void count_merge(__u32 series)
{
	struct kp_block_entry *entry;
	struct moment now = {};

	if (!moment_now(&now))
		return;
	entry = entry_of(series, now.window);
	if (entry)
		__sync_fetch_and_add(&entry->merges, 1);
}

/* rq has been merged into its predecessor and ends with it. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(kp_rq_merge, struct request *rq)
{
	struct seat seat;

	if (!find_note(&seat, key_of(rq)))
		return 0;
	count_merge(origin_of(&seat)->use.here.series);
	end_note(&seat, &origin_of(&seat)->use);
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

static __noinline int begin_bio(struct bio *bio)
{
	struct block_device *device = bio->bi_bdev;
	struct gendisk *disk = device->bd_disk;
	struct moment now = {};
	struct seat seat;

	if (!disk || !moment_now(&now))
		return 0;
	if (!begin_note(&seat, key_of(bio))) {
		KP_LOSE(uncounted);
		return 0;
	}
	seat.mark |= KP_OF_BIO;
	describe(&seat, disk, device, bio, op_class(bio->bi_opf));
	issue(&seat, now.mono, bio->bi_iter.bi_size, &now);
	return 0;
}

static __always_inline bool takes_requests(struct block_device *device)
{
	if (bpf_core_field_exists(device->bd_queue))
		return device->bd_queue->mq_ops;
	return device->bd_disk->queue->mq_ops;
}

/* Every bio of the machine comes by here, most on their way into a request: so what is done for the others is a function of its own, whose
 * registers and stack those do not pay for. */
SEC("tp_btf/block_bio_queue")
int BPF_PROG(kp_bio_queue, struct bio *bio)
{
	if (!takes_requests(bio->bi_bdev))
		begin_bio(bio);
	return 0;
}

/* The bio may have been passed on to another device meanwhile: it counts for the one it was first seen at. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(kp_bio_complete, struct request_queue *queue, struct bio *bio)
{
	struct kp_block_cpu *cpu = this_cpu();
	struct moment now = {};
	struct ended io = {};
	struct noted noted = {};
	struct seat seat;

	if (!moment_now(&now) || !read_note(&seat, key_of(bio), &noted))
		return 0;
	io.here = noted.use->here;
	io.sector = first_sector(bio->bi_iter.bi_sector, io.here.bytes, bio->bi_iter.bi_size);
	io.status = bio->bi_status;
	io.timed = true;
	io.issued = true;
	io.device_ns = elapsed(noted.begun, now.mono);
	if (cpu)
		count_times(cpu, &io);
	count_group(bios_of(noted.use->group), io.here.bytes, time_of(&io), true);
	account(&io, &seat, &now);
	end_note(&seat, noted.use);
	return 0;
}
