// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two programs, one of which no verifier lets pass. For programs_test.cpp. */
#include "lib/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 kp_runs; /* of the good one */

SEC("tp_btf/sched_switch")
int BPF_PROG(kp_good)
{
	__sync_fetch_and_add(&kp_runs, 1);
	return 0;
}

/* Reads the 101st argument of a tracepoint that has four. */
SEC("tp_btf/sched_switch")
int kp_bad(__u64 *context)
{
	return (int)context[100];
}
