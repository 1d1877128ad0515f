/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cgroups as counters know them: a cgroup that is active has a small number, its slot, the same in all probes. */
#ifndef KPULSE_ABI_CGROUP_H
#define KPULSE_ABI_CGROUP_H

#include "abi/assert.h"
#include "abi/window.h"

/* Instead of a controller: the default hierarchy (v2). */
#define KP_CGROUP_DEFAULT 0xFFFFFFFFU

#define KP_CGROUP_SLOTS 256
#define KP_CGROUP_OTHER 0 /* the slot of all cgroups that came when every slot was taken */

/* What a CPU remembers of cgroup ids and their slots. An entry is one word, so that an interrupt never sees half of it. */
#define KP_CGROUP_CACHE 64
#define KP_CGROUP_SLOT_BITS 8

struct kp_cgroup_cache {
	__u64 entry[KP_CGROUP_CACHE]; /* id << KP_CGROUP_SLOT_BITS | slot; ids are far below 2^56 */
};
KP_ASSERT_SIZE(struct kp_cgroup_cache, 8 * KP_CGROUP_CACHE);

/* One per CPU, of all probes. */
struct kp_cgroup_cpu {
	__u64 running; /* the task that got the CPU at the last switch, pid << KP_CGROUP_SLOT_BITS | slot of its cgroup; ~0: not known */
	__u64 reserved[7];
	struct kp_cgroup_cache cache;
};
KP_ASSERT_SIZE(struct kp_cgroup_cpu, 64 + sizeof(struct kp_cgroup_cache));

#define KP_RECORD_CGROUP_MADE 1    /* or renamed */
#define KP_RECORD_CGROUP_REMOVED 2

#define KP_CGROUP_PATH 240

/* A cgroup of the watched hierarchy came or went. */
struct kp_cgroup_event {
	struct kp_record_head head;
	__u64 id;
	char path[KP_CGROUP_PATH]; /* ends with a 0 byte; cut off when longer */
};
KP_ASSERT_SIZE(struct kp_cgroup_event, 256);

#endif
