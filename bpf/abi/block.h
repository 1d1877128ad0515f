/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Contract of the block probe: what its programs write and the agent reads. Times are ns of CLOCK_MONOTONIC. */
#ifndef KPULSE_ABI_BLOCK_H
#define KPULSE_ABI_BLOCK_H

#include "abi/assert.h"
#include "abi/cgroup.h"
#include "abi/histogram.h"
#include "abi/task.h"
#include "abi/window.h"

#define KP_RECORD_BLOCK_WORST 2

/* Classes of operations. */
#define KP_BLOCK_READ 0
#define KP_BLOCK_WRITE 1
#define KP_BLOCK_DISCARD 2
#define KP_BLOCK_FLUSH 3
#define KP_BLOCK_OTHER 4
#define KP_BLOCK_OPS 5

/* Devices with series of their own. Those that come later share the series of "other". */
#define KP_BLOCK_DEVICES 16

/* A series is one operation of one device; 0 to KP_BLOCK_OPS - 1 are those of "other". A device is a disk or a partition. What is done to a
 * partition is counted for it, and not for the disk, where the agent adds it; but both know what enters and leaves the device. */
#define KP_BLOCK_SERIES 48

/* Slots by window. A series has 2^ring_bits of them, so there is room for KP_BLOCK_SLOTS >> ring_bits series: the agent chooses by the
 * windows' length. */
#define KP_BLOCK_SLOTS 6144
#define KP_BLOCK_RING_BITS_MIN 7 /* 128 windows of 48 series: windows of 5 ms and more */
#define KP_BLOCK_RING_BITS_MAX 8 /* 256 windows of 24 series */

/* What one series did in one window is in two slots, of the CPUs that submit and of those that end, which mostly are others: a cache line that
 * both write to is what counting costs most. See lib/slot.bpf.h for who writes what. */

/* What went to the device. */
struct kp_block_entry {
	__u64 window;   /* 0: free */
	__u64 depth_ns; /* rest of the window at each I/O that went to the device */
	__u32 entered;  /* also those that ended without having been there */
	__u32 net_max;  /* most that had entered than had left (ended or requeued), since the window began */
	__u32 merges;
	__u32 requeues; /* left the device, to enter it again */
};
KP_ASSERT_SIZE(struct kp_block_entry, 32);

/* What ended. A cache line. */
struct kp_block_exit {
	__u64 window;
	__u64 bytes;
	__u64 queue_ns;
	__u64 device_ns;
	__u64 depth_ns; /* rest of the window at each I/O that left the device, ended or requeued */
	__u32 ios;
	__u32 worst;    /* longest total time >> KP_BLOCK_WORST_SHIFT, plus 1; 0: none */
	__u32 errors_io;
	__u32 errors_timeout;
	__u32 errors_nospc;
	__u32 errors_other;
};
KP_ASSERT_SIZE(struct kp_block_exit, 64);

#define KP_BLOCK_WORST_SHIFT 4 /* 16 ns: 68 s fit, longer ones count as that long when the worst one is looked for */

/* Histograms of times have KP_BLOCK_BUCKETS of the buckets of abi/histogram.h (256 ns to 17 s), from KP_BLOCK_FIRST on; shorter and longer times
 * are in the first and the last of them. */
#define KP_BLOCK_FIRST 48
#define KP_BLOCK_BUCKETS 208

/* The sum of the total times is queue_sum + device_sum. Buckets wrap; a difference does not mind. */
struct kp_block_times {
	__u64 queue_sum;
	__u64 device_sum;
	__u32 queue[KP_BLOCK_BUCKETS];
	__u32 device[KP_BLOCK_BUCKETS];
	__u32 total[KP_BLOCK_BUCKETS];
};
KP_ASSERT_SIZE(struct kp_block_times, 16 + 12 * KP_BLOCK_BUCKETS);

/* What a cgroup has submitted, of one operation. */
struct kp_block_group {
	__u64 ios;
	__u64 bytes;
	__u64 ns; /* queue and device */
};
KP_ASSERT_SIZE(struct kp_block_group, 24);

#define KP_BLOCK_GROUPS (KP_CGROUP_SLOTS * KP_BLOCK_OPS) /* number: slot * KP_BLOCK_OPS + operation */

/* Of the I/Os that ended on one CPU, cumulative. A program never runs inside of itself on a CPU (the kernel sees to that and counts what it
 * skips), so it may add to what is its own without atomic operations. */
struct kp_block_cpu {
	struct kp_block_times times[KP_BLOCK_SERIES]; /* a disk has requests or bios, never both; "other" may have both */
	struct kp_block_group requests[KP_BLOCK_GROUPS]; /* bios are apart, in an array for all CPUs */
};
KP_ASSERT_SIZE(struct kp_block_cpu, KP_BLOCK_SERIES * sizeof(struct kp_block_times) + KP_BLOCK_GROUPS * sizeof(struct kp_block_group));

/* major << 20 | minor, as the kernel has it; 0: free. series holds number + 1, 0: none yet. */
struct kp_block_device {
	__u32 dev;
	__u32 stacked; /* 1: what is submitted to it goes on to other devices, and counts for a cgroup there. Set by the agent; series that are
			* given out afterwards have it from here */
	__u32 series[KP_BLOCK_OPS];
};
KP_ASSERT_SIZE(struct kp_block_device, 28);

#define KP_BLOCK_SERIES_USED 0x80000000U
#define KP_BLOCK_SERIES_STACKED 0x40000000U /* see struct kp_block_device */

struct kp_block_series {
	__u32 used; /* KP_BLOCK_SERIES_USED | KP_BLOCK_SERIES_STACKED or not | operation; 0: free */
	__u32 dev;  /* 0: "other" */
};
KP_ASSERT_SIZE(struct kp_block_series, 8);

/* What could not be measured, since the programs were attached. */
struct kp_block_losses {
	__u64 overruns;     /* events whose slot still held an older window: the agent is late; they are not in any window */
	__u64 shared;       /* I/Os that went to "other" because all devices or series were taken */
	__u64 unseen;       /* I/Os that ended without a note of how they began (they were under way when we came, or too many
			     * were): timed by the request's own stamps, submitter unknown */
	__u64 untimed;      /* of these, those without stamps: counted, in no time */
	__u64 unended;      /* I/Os whose end was not seen: counted, in no time, when kp_block_look finds their request free, or when their
			     * request or bio is used again */
	__u64 uncounted;    /* bios that there was no room for a note of: not counted */
	__u64 ring_dropped; /* candidates for the worst I/O that did not fit into the ring buffer */
	__u64 backwards;    /* I/Os that ended before they began, by the clock: they count as no time */
};
KP_ASSERT_SIZE(struct kp_block_losses, 64);

/* What has begun and not ended yet, of one series, as kp_block_look finds it. */
struct kp_block_flight {
	__u64 begun;  /* the oldest of them; 0: none, or not known since when */
	__u64 issued; /* when that one went to the device; 0: it is not there */
	__u32 ios;
	__u32 bios;   /* of these, those of disks without requests */
	struct kp_task submitter; /* of the oldest */
};
KP_ASSERT_SIZE(struct kp_block_flight, 56);

/* An I/O that took longer than any before it in its window. */
struct kp_block_worst {
	struct kp_record_head head; /* cpu is the one it ended on */
	__u64 window;
	__u64 queue_ns;
	__u64 device_ns;
	__u64 sector;
	__u32 bytes;
	__u32 series;
	__u32 epoch;
	__u32 reserved;
	struct kp_task submitter; /* all 0: unknown */
};
KP_ASSERT_SIZE(struct kp_block_worst, 88);

#endif
