/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the block probe reads of the kernel, beyond lib/kernel.bpf.h; see there. */
#ifndef KPULSE_BLOCK_KERNEL_BPF_H
#define KPULSE_BLOCK_KERNEL_BPF_H

#include "lib/kernel.bpf.h"

/* The low bits of cmd_flags and bi_opf: the operation. */
#define KP_REQ_OP_MASK 0xff
/* Bits of rq_flags before 6.11, when they became enum values. */
#define KP_RQF_FLUSH_SEQ_BIT 4
#define KP_RQF_IO_STAT_BIT 13
#define KP_PF_KTHREAD 0x00200000

/* 6.0+; req_opf before. Only names matter. */
enum req_op___kp {
	REQ_OP_READ___kp,
	REQ_OP_WRITE___kp,
	REQ_OP_FLUSH___kp,
	REQ_OP_DISCARD___kp,
	REQ_OP_SECURE_ERASE___kp,
	REQ_OP_ZONE_APPEND___kp,
	REQ_OP_WRITE_ZEROES___kp,
};

enum req_opf___kp {
	REQ_OP_READ___opf,
	REQ_OP_WRITE___opf,
	REQ_OP_FLUSH___opf,
	REQ_OP_DISCARD___opf,
	REQ_OP_SECURE_ERASE___opf,
	REQ_OP_ZONE_APPEND___opf,
	REQ_OP_WRITE_ZEROES___opf,
	REQ_OP_WRITE_SAME___opf, /* up to 5.17 */
};

struct kp_counter { /* atomic_t or refcount_t: read as a whole */
	int counter;
};

enum req_flag_bits___kp {
	__REQ_PREFLUSH___kp = 18, /* only the name matters */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct blk_mq_ops;

struct gendisk {
	int major;
	int first_minor;
	struct request_queue *queue;
};

struct request_queue {
	const struct blk_mq_ops *mq_ops; /* NULL: bio-based */
	struct gendisk *disk;            /* 5.15+ */
};

struct block_device { /* a disk or a partition */
	__u32 bd_dev;
	struct gendisk *bd_disk;
	struct request_queue *bd_queue; /* 5.16+ */
};

struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
};

struct cgroup___block {
	int level; /* 0: the root */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
};

struct page {
	unsigned long compound_head;
	unsigned long memcg_data; /* CONFIG_MEMCG */
};

struct bio_vec {
	struct page *bv_page;
};

struct bio {
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	struct blkcg_gq *bi_blkg; /* CONFIG_BLK_CGROUP */
	struct bio_vec *bi_io_vec;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int rq_flags;
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
	__u64 start_time_ns;    /* see begun_at() */
	struct kp_counter ref;  /* 0: free */
	__u64 io_start_time_ns; /* 0 unless the queue collects latencies (wbt, kyber, iolatency) */
};

struct request___disk {
	struct gendisk *rq_disk; /* up to 5.16 */
};

struct task_struct___block {
	unsigned int flags;
};

#pragma clang attribute pop

#endif
