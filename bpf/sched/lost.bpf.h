/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What no task got of a CPU's time: the hypervisor took it away, or interrupts did. Private to sched.bpf.c.
 *
 * From sums of the run queue's own, each of one word, which is never half written. What they count is not what clock minus clock_task counts: that
 * is 0 in kernels that keep the sums all the same (Debian), and, since late 2024, leaves out what was stolen beyond the time by which the clock moved. */
#ifndef KPULSE_SCHED_LOST_BPF_H
#define KPULSE_SCHED_LOST_BPF_H

/* `rq` is locked by this CPU. */
static __always_inline void lost_so_far(struct rq *rq, struct kp_lost *lost)
{
	if (bpf_core_field_exists(rq->prev_steal_time_rq))
		lost->stolen = rq->prev_steal_time_rq;
	else if (bpf_core_field_exists(rq->prev_steal_time))
		lost->stolen = rq->prev_steal_time;
	if (bpf_core_field_exists(rq->prev_irq_time))
		lost->irq = rq->prev_irq_time;
}

/* The same of a run queue that is only known by its address. */
static __always_inline void look_lost(struct rq *rq, struct kp_lost *lost)
{
	if (bpf_core_field_exists(rq->prev_steal_time_rq))
		lost->stolen = BPF_CORE_READ(rq, prev_steal_time_rq);
	else if (bpf_core_field_exists(rq->prev_steal_time))
		lost->stolen = BPF_CORE_READ(rq, prev_steal_time);
	if (bpf_core_field_exists(rq->prev_irq_time))
		lost->irq = BPF_CORE_READ(rq, prev_irq_time);
}

#endif
