/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who had a CPU lately, to say who had it most while a task waited for it. Private to sched.bpf.c.
 *
 * A stint is the time in which one task had the CPU again and again, with short gaps only. The stints that go on are found by pid; those that are
 * over are kept until as many others have ended; short ones and long ones apart, for a crowd of short ones must not make
 * forget who had the CPU in a long wait. The idle task has a stint like any other, and what no task got of the CPU's clock
 * (interrupts, the hypervisor) has one, too. */
#ifndef KPULSE_SCHED_STINT_BPF_H
#define KPULSE_SCHED_STINT_BPF_H

/* Who had a CPU for less than this is no culprit, unless it had it last. */
#define KP_STINT_NAMED_NS (32 * 1024)
/* A task that was away for longer begins a new stint. */
#define KP_STINT_GAP_NS (256 * 1024)
/* Time in a stint is taken as evenly spread, so one with gaps must not become too long. */
#define KP_STINT_LONG_NS (16 * 1024 * 1024)

#define KP_STINT_PIDS 64 /* stints that go on: of a task in one of two places, by pid */
#define KP_STINT_IDLE KP_STINT_PIDS
#define KP_STINT_STOLEN (KP_STINT_PIDS + 1)
#define KP_STINT_IRQ (KP_STINT_PIDS + 2)
#define KP_STINT_OPEN (KP_STINT_PIDS + 3)
/* Of those that are over, the longer ones and the others; powers of two. */
#define KP_STINT_KEPT_LONG 128
#define KP_STINT_KEPT_SHORT 64
#define KP_STINT_SHORT_NS (512 * 1024)
#define KP_STINTS (KP_STINT_OPEN + KP_STINT_KEPT_LONG + KP_STINT_KEPT_SHORT)
#define KP_STINT_STOLEN_PID 0xffffffffU /* as the pid of what no task got */
#define KP_STINT_IRQ_PID 0xfffffffeU

struct stint {
	__u64 from;
	__u64 to;
	__u64 ran;  /* of the time between the two */
	__u32 pid;  /* 0 is idle */
	__u32 named;
	struct kp_task task;
};
KP_ASSERT_SIZE(struct stint, 64);

/* Who had a CPU most, and for how long. */
struct blame {
	__u64 ns; /* 0: nobody is known */
	struct kp_task task;
};

/* What one task had of a wait, all its stints together. */
#define KP_SHARES 256 /* power of two */

struct share {
	__u32 pid;
	__u32 asked; /* number of the question it belongs to */
	__u64 ns;
};

/* A group's run queue of this CPU (struct cfs_rq) that was throttled: since when, and how long it had been throttled before in all. */
#define KP_THROTTLED 16 /* power of two */

struct throttled {
	__u64 group; /* its address */
	__u64 since;
	__u64 before;
};

struct stints {
	__u32 kept_long, kept_short; /* so far */
	__u32 asked; /* questions so far */
	__u32 reserved;
	struct blame found; /* answer to the last question */
	__u64 unused; /* so that no stint lies in two cache lines */
	struct stint stint[KP_STINTS];
	struct share share[KP_SHARES];
	struct throttled throttled[KP_THROTTLED];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* not for the agent: such a map begins at a page, others somewhere in a cache line */
	__uint(max_entries, 1); /* number of CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct stints);
} kp_stints SEC(".maps");

/* Culprits that are no task: their names, filled up to KP_COMM_LEN. They are written as words: clang 14 loses other stores when it copies from a
 * constant of bytes. */
#define KP_IDLE "(idle)\0\0\0\0\0\0\0\0\0"
#define KP_STOLEN "(stolen)\0\0\0\0\0\0\0"
#define KP_IRQ "(irq)\0\0\0\0\0\0\0\0\0\0"
#define KP_THROTTLED_TASK "(throttled)\0\0\0\0"

#define KP_CHAR(text, at) ((__u64)(__u8)(text)[at] << 8 * ((at) & 7))
#define KP_WORD(text, at)                                                                                                                            \
	(KP_CHAR(text, at) | KP_CHAR(text, (at) + 1) | KP_CHAR(text, (at) + 2) | KP_CHAR(text, (at) + 3) | KP_CHAR(text, (at) + 4) |                 \
	 KP_CHAR(text, (at) + 5) | KP_CHAR(text, (at) + 6) | KP_CHAR(text, (at) + 7))
#define KP_NAME_NO_TASK(to, text) name_no_task(to, KP_WORD(text, 0), KP_WORD(text, 8))

static __always_inline void name_no_task(struct kp_task *to, __u64 first, __u64 second)
{
	__u64 *comm = (__u64 *)to->comm;

	to->pid = 0;
	to->tgid = 0;
	to->cgroup = 0;
	comm[0] = first;
	comm[1] = second;
}

/* As a culprit is named: the idle task is none. */
static __always_inline void name_culprit(struct kp_task *to, struct task_struct *task)
{
	if (task->pid)
		kp_name_task(to, task);
	else
		KP_NAME_NO_TASK(to, KP_IDLE);
}

/* Where the next one that is over is kept. */
static __always_inline struct stint *stint_kept(struct stints *stints, const struct stint *over)
{
	if (over->ran < KP_STINT_SHORT_NS)
		return &stints->stint[KP_STINT_OPEN + KP_STINT_KEPT_LONG + (stints->kept_short++ & (KP_STINT_KEPT_SHORT - 1))];
	return &stints->stint[KP_STINT_OPEN + (stints->kept_long++ & (KP_STINT_KEPT_LONG - 1))];
}

/* Begins a stint where another one ended. */
static __always_inline void stint_begin(struct stints *stints, struct stint *stint, __u32 pid, __u64 from)
{
	if (stint->named)
		*stint_kept(stints, stint) = *stint;
	stint->from = from;
	stint->ran = 0;
	stint->pid = pid;
	stint->named = 0;
}

/* Whether what a task had from `from` to `to` is of the same stint. One that is nearly without gaps may go on for ever. */
static __always_inline bool stint_goes_on(const struct stint *stint, __u32 pid, __u64 from, __u64 to)
{
	__u64 length = to - stint->from;

	return stint->pid == pid && from <= stint->to + KP_STINT_GAP_NS &&
	       (length <= KP_STINT_LONG_NS || stint->ran >= length - length / 16);
}

/* Where the stint is that such a time belongs to, or begins: not at the first place that was looked at. */
static __noinline __u32 stint_place(struct stints *stints, __u32 place, __u32 pid, __u64 from, __u64 to)
{
	struct stint *stint, *other;

	if (!stints || place >= KP_STINT_OPEN)
		return KP_STINT_IDLE;
	stint = &stints->stint[place];
	if (place < KP_STINT_PIDS && stint->pid != pid) { /* two tasks whose pids choose one place must not end each other's stints */
		other = &stints->stint[place ^ 1];
		if (other->pid == pid || other->to < stint->to) {
			place ^= 1;
			stint = other;
		}
		if (stint_goes_on(stint, pid, from, to))
			return place;
	}
	stint_begin(stints, stint, pid, from);
	return place;
}

/* The stint that goes on, with what was had of [from, to) added. */
static __always_inline struct stint *stint_add(struct stints *stints, __u32 place, __u32 pid, __u64 from, __u64 to, __u64 ran)
{
	struct stint *stint = &stints->stint[place];

	barrier_var(stint); /* else it is computed anew for each field */
	if (unlikely(!stint_goes_on(stint, pid, from, to))) {
		place = stint_place(stints, place, pid, from, to);
		if (place >= KP_STINT_OPEN) /* never: for the verifier */
			place = KP_STINT_IDLE;
		stint = &stints->stint[place];
	}
	stint->to = to;
	stint->ran += ran;
	return stint;
}

/* Of [from, to) the hypervisor and interrupts had this. Returns how much of it that leaves for nobody else. */
static __noinline __u64 stint_lost(struct stints *stints, __u64 from, __u64 to, __u64 stolen, __u64 irq)
{
	struct stint *stint;

	if (!stints)
		return 0;
	if (stolen > to - from)
		stolen = to - from;
	if (irq > to - from - stolen)
		irq = to - from - stolen;
	if (stolen) {
		stint = stint_add(stints, KP_STINT_STOLEN, KP_STINT_STOLEN_PID, from, to, stolen);
		if (!stint->named)
			KP_NAME_NO_TASK(&stint->task, KP_STOLEN);
		stint->named = 1;
	}
	if (irq) {
		stint = stint_add(stints, KP_STINT_IRQ, KP_STINT_IRQ_PID, from, to, irq);
		if (!stint->named)
			KP_NAME_NO_TASK(&stint->task, KP_IRQ);
		stint->named = 1;
	}
	return stolen + irq;
}

/* `task` had the CPU from `from` to `to`, but for what the hypervisor and interrupts had of that. */
static __always_inline void stint_end(struct stints *stints, struct task_struct *task, __u64 from, __u64 to, __u64 stolen, __u64 irq)
{
	__u32 pid = task->pid;
	__u64 ran = to - from;
	struct stint *stint;

	if (unlikely(!from || to <= from))
		return;
	if (unlikely(stolen | irq))
		ran -= stint_lost(stints, from, to, stolen, irq);
	stint = stint_add(stints, pid ? pid & (KP_STINT_PIDS - 1) : KP_STINT_IDLE, pid, from, to, ran);
	if (unlikely(!stint->named && stint->ran >= KP_STINT_NAMED_NS)) {
		name_culprit(&stint->task, task);
		stint->named = 1;
	}
}

/* What of a stint lies in [from, to). */
static __always_inline __u64 overlap(const struct stint *stint, __u64 from, __u64 to)
{
	__u64 begin = stint->from > from ? stint->from : from, end = stint->to < to ? stint->to : to;
	__u64 length = stint->to - stint->from;

	if (begin >= end || !length)
		return 0;
	if (length < 1ULL << 32)
		return stint->ran * (end - begin) / length;
	return (stint->ran / (length >> 16)) * (end - begin) >> 16; /* in 64 bits for days */
}

/* Adds to what the task of a stint had so far. */
static __always_inline __u64 add_share(struct stints *stints, __u32 pid, __u64 ns)
{
	struct share *share = &stints->share[pid & (KP_SHARES - 1)];

	if (share->asked != stints->asked || (share->pid != pid && share->ns < ns)) { /* of two in one place the larger one */
		share->asked = stints->asked;
		share->pid = pid;
		share->ns = 0;
	}
	if (share->pid != pid)
		return 0;
	share->ns += ns;
	return share->ns;
}

/* One step of find_culprit(). Global functions are verified once, not at every step of every caller: so these are, and take numbers only. */
__noinline int consider_stint(__u32 number, __u32 place, __u64 from, __u64 to)
{
	struct stints *stints = bpf_map_lookup_elem(&kp_stints, &number);
	struct stint *stint;
	__u64 ns;

	if (!stints || place >= KP_STINTS)
		return 0;
	stint = &stints->stint[place];
	ns = stint->named ? overlap(stint, from, to) : 0;
	if (!ns)
		return 0;
	ns = add_share(stints, stint->pid, ns);
	if (ns > stints->found.ns) {
		stints->found.ns = ns;
		stints->found.task = stint->task;
	}
	return 0;
}

/* Who had CPU `number` most in [from, to) of its clock: the answer is in `found`. */
__noinline int find_culprit(__u32 number, __u64 from, __u64 to)
{
	struct stints *stints = bpf_map_lookup_elem(&kp_stints, &number);

	if (!stints)
		return 0;
	stints->found.ns = 0;
	stints->asked++;
	for (__u32 place = 0; place < KP_STINTS; place++)
		consider_stint(number, place, from, to);
	return 0;
}

#endif
