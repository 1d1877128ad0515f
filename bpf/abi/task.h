/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A task as a record names it. */
#ifndef KPULSE_ABI_TASK_H
#define KPULSE_ABI_TASK_H

#include <linux/types.h>

#include "abi/assert.h"

#define KP_COMM_LEN 16 /* TASK_COMM_LEN */

struct kp_task {
	__u32 pid;    /* of the thread, initial pid namespace; 0 is the idle task */
	__u32 tgid;
	__u64 cgroup; /* kernfs id in the watched hierarchy; 0 when unknown */
	char comm[KP_COMM_LEN]; /* ends with a 0 byte; any other byte may stand in it */
};
KP_ASSERT_SIZE(struct kp_task, 32);

#endif
