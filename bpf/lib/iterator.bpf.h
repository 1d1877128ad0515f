/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program that is run for each task by a read() of the agent is given. */
#ifndef KPULSE_ITERATOR_BPF_H
#define KPULSE_ITERATOR_BPF_H

#include "lib/kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
