/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stalls: how often, how long, who. Private to memory.bpf.c.
 *
 * A task's stall has an entry in kp_open_stalls while it lasts. When it ends it is counted in the window it ends in, with the time that
 * lies in that window. Only what user space cannot know from there goes into the ring buffer: a stall that began in an earlier window,
 * whose time is to be split, and one that is the longest of its window so far, which is to be named. A task in memcg reclaim may
 * stall some ten thousand times a second; these are few. */
#ifndef KPULSE_MEMORY_STALL_BPF_H
#define KPULSE_MEMORY_STALL_BPF_H

struct kp_open_stalls {
	struct kp_open_stall entry[KP_OPEN_STALLS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kp_open_stalls);
} kp_open_stalls SEC(".maps");

static __always_inline struct kp_memory_total *memory_total(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kp_memory_total, &zero);
}

/* The entry of this pid; with `take` a free one becomes its entry when it has none. */
static __always_inline struct kp_open_stall *open_stall(__u32 pid, bool take)
{
	struct kp_memory_total *total = memory_total();
	struct kp_open_stalls *stalls;
	struct kp_open_stall *entry;
	__u32 zero = 0, probe;

	stalls = bpf_map_lookup_elem(&kp_open_stalls, &zero);
	if (!stalls || !total)
		return NULL;
	for (probe = 0; probe < KP_OPEN_PROBES; probe++) {
		entry = &stalls->entry[(pid + probe) % KP_OPEN_STALLS];
		if (*(volatile __u32 *)&entry->pid == pid)
			return entry;
	}
	if (!take)
		return NULL;
	for (probe = 0; probe < KP_OPEN_PROBES; probe++) {
		entry = &stalls->entry[(pid + probe) % KP_OPEN_STALLS];
		if (!__sync_val_compare_and_swap(&entry->pid, 0, pid))
			return entry;
	}
	__sync_fetch_and_add(&total->open_dropped, 1);
	return NULL;
}

static __always_inline void stall_missed(void)
{
	struct kp_memory_total *total = memory_total();

	if (total)
		__sync_fetch_and_add(&total->ends_missed, 1);
}

static __always_inline int stall_begins(__u32 kind)
{
	__u32 pid = bpf_get_current_pid_tgid();
	struct kp_open_stall *entry = open_stall(pid, true);

	if (!entry)
		return 0;
	if (entry->begin && (entry->kind != kind || entry->depth)) { /* inside of another one, which has the time */
		entry->depth++;
		return 0;
	}
	if (entry->begin) /* nothing stalls inside of its own kind: its end was not shown */
		stall_missed();
	entry->kind = kind;
	*(volatile __u64 *)&entry->begin = bpf_ktime_get_ns(); /* last: from now on the agent sees it */
	return 0;
}

/* Like kp_hist_add(), for a histogram that all CPUs share. */
static __always_inline void add_shared(struct kp_histogram *histogram, __u64 value)
{
	__u64 bucket = kp_hist_find(value);

	if (bucket >= KP_HIST_BUCKETS) /* never: for the verifier */
		return;
	__sync_fetch_and_add(&histogram->sum, value);
	__sync_fetch_and_add(&histogram->buckets[bucket], 1);
}

/* Makes `ns` the window's longest stall if it is. Gives up after some other CPU was faster a few times: its stall was long as well. */
static __always_inline bool is_worst(struct kp_memory_slot *slot, __u64 ns)
{
	__u64 known = *(volatile __u64 *)&slot->worst_ns, before;
	int attempt;

	for (attempt = 0; attempt < 4; attempt++) {
		if (ns <= known)
			return false;
		before = __sync_val_compare_and_swap(&slot->worst_ns, known, ns);
		if (before == known)
			return true;
		known = before;
	}
	return false;
}

static __always_inline void emit_stall(__u32 kind, __u64 begin, __u64 end)
{
	struct kp_stall_record *record = bpf_ringbuf_reserve(&kp_ring, sizeof(*record), 0);
	struct kp_memory_total *total = memory_total();

	if (!record) {
		if (total)
			__sync_fetch_and_add(&total->ring_dropped, 1);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->head.type = KP_RECORD_STALL;
	record->head.cpu = bpf_get_smp_processor_id();
	record->begin = begin;
	record->end = end;
	record->kind = kind;
	kp_name_task(&record->task, bpf_get_current_task_btf());
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Counts one that has ended for the cgroup of its task, which is the current one: it may have slept on the way, on other CPUs as well. */
static __always_inline void count_for_group(__u32 kind, __u64 ns)
{
	struct kp_memory_group *group = memory_group();

	if (!group || kind >= KP_STALL_KINDS)
		return;
	__sync_fetch_and_add(&group->count[kind], 1);
	__sync_fetch_and_add(&group->ns[kind], ns);
}

/* Counts one that has ended. Inside of another stall it has no time. */
static __noinline int count_stall(__u32 kind, __u64 begin, __u64 end, __u64 pages)
{
	const struct kp_window_config *config = kp_window_config();
	struct kp_memory_slot *slot = memory_slot(end);
	struct kp_memory_total *total = memory_total();
	__u64 start, ns = end - begin;
	bool earlier, worst = false;

	count_for_group(kind, ns);
	if (!slot || !total || kind >= KP_ACTIVITIES)
		return 0;
	start = kp_window_start(config, slot->window) + config->mono_offset;
	earlier = begin < start;
	if (kind == KP_STALL_DIRECT)
		__sync_fetch_and_add(&slot->direct_pages, pages);
	if (kind == KP_STALL_MEMCG)
		__sync_fetch_and_add(&slot->memcg_pages, pages);
	if (kind < KP_STALL_KINDS) {
		__sync_fetch_and_add(&slot->count[kind], 1);
		if (!ns)
			return 0;
		add_shared(&total->stall[kind], ns);
		worst = is_worst(slot, ns);
	}
	/* Throttling has no begin that the agent could have seen: the window it ends in has all of it. */
	if (kind == KP_STALL_THROTTLE)
		earlier = false;
	__sync_fetch_and_add(&slot->ns[kind], earlier ? end - start : ns);
	if (earlier || worst)
		emit_stall(kind, begin, end);
	return 0;
}

static __always_inline int stall_ends(__u32 kind, __u64 pages)
{
	struct kp_open_stall *entry = open_stall(bpf_get_current_pid_tgid(), false);
	__u64 begin, now;

	if (!entry) /* it began before this program was attached */
		return 0;
	now = bpf_ktime_get_ns();
	if (entry->depth) {
		entry->depth--;
		return count_stall(kind, now, now, pages);
	}
	begin = entry->begin;
	kind = entry->kind;
	entry->begin = 0;
	barrier();
	*(volatile __u32 *)&entry->pid = 0;
	return count_stall(kind, begin, now, pages);
}

#endif
