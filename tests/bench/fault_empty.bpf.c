// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What fault-cost compares with: nothing at all. */
#include "lib/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/page_fault_user")
int ref_empty(void *ctx)
{
	return 0;
}
