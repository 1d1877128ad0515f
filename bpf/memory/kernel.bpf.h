/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel structures and fields that only the memory programs read; see lib/kernel.bpf.h and docs/adr/0001. */
#ifndef KPULSE_MEMORY_KERNEL_BPF_H
#define KPULSE_MEMORY_KERNEL_BPF_H

#include "lib/kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct percpu_counter {
	__s64 count; /* what the CPUs still hold back (up to a batch each) is missing in it */
};

struct mm_struct {
	unsigned long total_vm;
	struct percpu_counter rss_stat[4]; /* 6.2+ */
};

struct atomic_long___kp {
	__s64 counter;
};

struct mm_rss_stat { /* before 6.2 */
	struct atomic_long___kp count[4];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct task_struct___memory {
	unsigned int flags;
	struct mm_struct *mm;
};

#pragma clang attribute pop

#define KP_PF_KTHREAD 0x00200000

/* Indexes of rss_stat, the same ever since shmem pages are counted (4.5). */
#define KP_MM_FILEPAGES 0
#define KP_MM_ANONPAGES 1
#define KP_MM_SHMEMPAGES 3

#endif
