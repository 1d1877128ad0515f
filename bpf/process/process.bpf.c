// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Process probe: the kernel's own counters of every thread, read when the agent asks. Costs nothing in between. */
#include "abi/process.h"
#include "lib/iterator.bpf.h"
#include "lib/task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int kp_threads(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct kp_thread thread = {};

	if (!task)
		return 0;
	thread.start = task->start_boottime;
	thread.cpu_ns = task->se.sum_exec_runtime;
	thread.wait_ns = task->sched_info.run_delay;
	thread.minor_faults = task->min_flt;
	thread.major_faults = task->maj_flt;
	if (bpf_core_field_exists(task->ioac.read_bytes)) {
		thread.read_bytes = task->ioac.read_bytes;
		thread.write_bytes = task->ioac.write_bytes;
	}
	kp_name_task(&thread.process, task->group_leader);
	thread.process.pid = task->pid;
	bpf_seq_write(context->meta->seq, &thread, sizeof(thread));
	return 0;
}
