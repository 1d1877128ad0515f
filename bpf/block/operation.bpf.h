/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which class an operation belongs to. Private to block.bpf.c.
 *
 * The operations' numbers move between kernels, so the running kernel's are asked for. */
#ifndef KPULSE_BLOCK_OPERATION_BPF_H
#define KPULSE_BLOCK_OPERATION_BPF_H

#include "abi/block.h"
#include "block/kernel.bpf.h"

/* True when `op` is what this kernel calls `name`, in whichever of the two enums it has. */
#define KP_OP_IS(op, name)                                                                                                        \
	((bpf_core_enum_value_exists(enum req_op___kp, name##___kp) &&                                                            \
	  (op) == bpf_core_enum_value(enum req_op___kp, name##___kp)) ||                                                          \
	 (bpf_core_enum_value_exists(enum req_opf___kp, name##___opf) &&                                                          \
	  (op) == bpf_core_enum_value(enum req_opf___kp, name##___opf)))

static __always_inline bool op_is_flush(__u32 flags)
{
	__u32 op = flags & KP_REQ_OP_MASK;

	return KP_OP_IS(op, REQ_OP_FLUSH);
}

/* A flush without data: it is never issued itself, for the device gets a request of its own for it. To be asked when the request begins, for
 * the kernel takes the flag away soon. */
static __always_inline bool is_flush_only(struct request *rq)
{
	return !rq->__data_len && !op_is_flush(rq->cmd_flags) &&
	       bpf_core_enum_value_exists(enum req_flag_bits___kp, __REQ_PREFLUSH___kp) &&
	       rq->cmd_flags >> (bpf_core_enum_value(enum req_flag_bits___kp, __REQ_PREFLUSH___kp) & 31) & 1;
}

static __always_inline __u32 op_class(__u32 flags)
{
	__u32 op = flags & KP_REQ_OP_MASK;

	if (KP_OP_IS(op, REQ_OP_READ))
		return KP_BLOCK_READ;
	if (KP_OP_IS(op, REQ_OP_WRITE) || KP_OP_IS(op, REQ_OP_WRITE_ZEROES) || KP_OP_IS(op, REQ_OP_ZONE_APPEND))
		return KP_BLOCK_WRITE;
	if (KP_OP_IS(op, REQ_OP_DISCARD) || KP_OP_IS(op, REQ_OP_SECURE_ERASE))
		return KP_BLOCK_DISCARD;
	if (KP_OP_IS(op, REQ_OP_FLUSH))
		return KP_BLOCK_FLUSH;
	return KP_BLOCK_OTHER;
}

/* Set before loading: where these bits of rq_flags are. They moved in 6.11, when they became enumerators, of an enumeration that has no
 * name at first: then CO-RE cannot find them, but user space can. */
const volatile __u32 kp_flush_seq_bit = KP_RQF_FLUSH_SEQ_BIT;
const volatile __u32 kp_io_stat_bit = KP_RQF_IO_STAT_BIT;

/* RQF_FLUSH_SEQ: the request is part of a flush sequence that is under way. */
static __always_inline bool in_flush_sequence(struct request *rq)
{
	return rq->rq_flags >> (kp_flush_seq_bit & 31) & 1;
}

/* RQF_IO_STAT: the kernel keeps statistics of the request, and so has stamped it. */
static __always_inline bool has_stamp(struct request *rq)
{
	return rq->rq_flags >> (kp_io_stat_bit & 31) & 1;
}

#endif
