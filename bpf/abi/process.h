/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the task iterator says of each thread. All counters since the thread began. */
#ifndef KPULSE_ABI_PROCESS_H
#define KPULSE_ABI_PROCESS_H

#include "abi/assert.h"
#include "abi/task.h"

struct kp_thread {
	__u64 start;        /* CLOCK_BOOTTIME; with the pid it names the thread for ever */
	__u64 cpu_ns;
	__u64 wait_ns;      /* runnable but not running */
	__u64 minor_faults;
	__u64 major_faults;
	__u64 read_bytes;   /* from storage; 0 on a kernel without CONFIG_TASK_IO_ACCOUNTING */
	__u64 write_bytes;  /* to storage, when the pages were dirtied */
	struct kp_task process; /* pid is the thread's; comm the one of the group leader */
};
KP_ASSERT_SIZE(struct kp_thread, 56 + 32);

#endif
