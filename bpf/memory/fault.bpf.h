/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Page faults by window. Private to memory.bpf.c.
 *
 * The one hot path of the probe. Reading the clock at every fault would cost more than all the rest, so a fault compares the run queue's
 * clock, which is at hand and at most a tick old, with the end of the window of the fault before; every KP_FAULT_CLOCK th reads the real
 * one. So of the faults of a CPU, at most KP_FAULT_CLOCK - 1 a window are counted one window early; none is lost. */
#ifndef KPULSE_MEMORY_FAULT_BPF_H
#define KPULSE_MEMORY_FAULT_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct kp_fault_cpu);
} kp_fault_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* number of CPUs times kp_slots, set before loading */
	__type(key, __u32);
	__type(value, struct kp_fault_slot);
} kp_fault_slots SEC(".maps");

/* A power of two. */
#define KP_FAULT_CLOCK 32

/* The first fault of a window on this CPU. False: faults are not counted now. */
static __noinline int open_window(struct kp_fault_cpu *cpu, __u32 number)
{
	const struct kp_window_config *config = kp_window_config();
	struct kp_fault_slot *slot;
	__u64 window;
	__u32 index;

	if (!cpu || !config->length)
		return 0;
	window = kp_window_at(config, kp_clock_now(config));
	index = kp_slot_index(number, window);
	slot = bpf_map_lookup_elem(&kp_fault_slots, &index);
	if (!slot)
		return 0;
	if (!kp_slot_claim(&slot->window, window)) {
		cpu->dropped++;
		return 0;
	}
	cpu->index = index;
	cpu->until = kp_window_start(config, window + 1);
	return 1;
}

static __always_inline __u64 fault_clock(struct kp_fault_cpu *cpu, struct task_struct *task)
{
	if (!(++cpu->faults % KP_FAULT_CLOCK) || !bpf_core_field_exists(struct cfs_rq, rq))
		return kp_clock_now(kp_window_config());
	return task->se.cfs_rq->rq->clock;
}

static __always_inline struct kp_fault_slot *fault_slot(struct kp_fault_cpu *cpu, __u32 number, struct task_struct *task)
{
	__u32 index;

	if (fault_clock(cpu, task) >= cpu->until && !open_window(cpu, number))
		return NULL;
	index = cpu->index;
	return bpf_map_lookup_elem(&kp_fault_slots, &index);
}

/* Nothing that interrupts this program is a fault of user space, so a plain addition loses none. */
SEC("tp_btf/page_fault_user")
int BPF_PROG(kp_fault_user)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_fault_cpu *cpu = bpf_map_lookup_elem(&kp_fault_cpus, &number);
	struct task_struct *task = bpf_get_current_task_btf();
	struct kp_fault_slot *slot;

	if (!cpu)
		return 0;
	cpu->group[kp_cgroup_here(number, task)].user++;
	slot = fault_slot(cpu, number, task);
	if (slot)
		slot->user++;
	return 0;
}

/* The kernel may fault again in an interrupt meanwhile (BPF programs that read what is not there do). Newer kernels do not run this
 * program for such a fault, but count the run as missed; older ones do. */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(kp_fault_kernel)
{
	__u32 number = bpf_get_smp_processor_id();
	struct kp_fault_cpu *cpu = bpf_map_lookup_elem(&kp_fault_cpus, &number);
	struct task_struct *task = bpf_get_current_task_btf();
	struct kp_fault_slot *slot;

	if (!cpu)
		return 0;
	__sync_fetch_and_add(&cpu->group[kp_cgroup_here(number, task)].kernel, 1);
	slot = fault_slot(cpu, number, task);
	if (slot)
		__sync_fetch_and_add(&slot->kernel, 1);
	return 0;
}

/* No tracepoint tells that a fault was major, but the kernel's software event does, and it costs the other faults nothing. It comes when
 * the page has been read, in the task that waited for it. */
SEC("perf_event")
int kp_fault_major(void *ctx)
{
	struct kp_memory_slot *slot = memory_slot(bpf_ktime_get_ns());
	struct kp_memory_group *group = memory_group();

	if (group)
		__sync_fetch_and_add(&group->major_faults, 1);
	if (slot)
		__sync_fetch_and_add(&slot->major_faults, 1);
	return 0;
}

#endif
