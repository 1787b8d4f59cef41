/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel says of call paths, before anything has a name: stacks by hash, and for one
 * window the waits, faults, samples and wakeups that refer to them.
 */
#ifndef WG_COLLECT_PROFILE_H
#define WG_COLLECT_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "shared.h"

/* Frames: kernel_cnt of the kernel, then user_cnt; see "Call paths" in bpf/shared.h. */
struct raw_stack {
	uint64_t hash;
	uint64_t *frame;
	uint32_t
		tgid; /* of the process that first had it; its own, if it has frames of no module */
	uint8_t user_cnt, kernel_cnt, end;
};

struct raw_wait {
	struct wg_site_key key;
	struct wg_site sum;
};

struct raw_fault {
	struct wg_site_key key;
	struct wg_fault_site sum;
};

/* Samples that are alike. The leaf belongs where the stack has a 0. */
struct raw_sample {
	uint64_t stack, leaf;
	uint32_t tgid;
	uint32_t task; /* as in a site's key */
	uint8_t state, lane;
	uint16_t pad;
	uint32_t pad2;
	uint64_t cnt;
};

/* Wakeups that are alike, weighed. */
struct raw_wake {
	uint64_t stack, object, waker;
	uint32_t tgid, waker_tgid;
	uint16_t flags;
	uint8_t lane;
	uint8_t pad;
	uint64_t cnt, waited_ns;
};

struct profile {
	struct raw_wait *waits;
	size_t wait_cnt, wait_cap, wait_merged;
	struct raw_fault *faults;
	size_t fault_cnt, fault_cap, fault_merged;
	struct raw_sample *samples;
	size_t sample_cnt, sample_cap, sample_merged;
	struct raw_wake *wakes;
	size_t wake_cnt, wake_cap, wake_merged;
};

void profile_clear(struct profile *p);
/* Add one; those alike are merged now and then. 0 or -ENOMEM. */
int profile_add_sample(struct profile *p, const struct raw_sample *s);
int profile_add_wake(struct profile *p, const struct raw_wake *w);
int profile_add_wait(struct profile *p, const struct wg_site_key *key, const struct wg_site *sum);
int profile_add_fault(struct profile *p, const struct wg_site_key *key,
		      const struct wg_fault_site *sum);
/* Add all waits and faults of `from`. */
int profile_join(struct profile *p, const struct profile *from);
/* Merge all that are alike, and put them in an order that does not depend on when they came. */
void profile_settle(struct profile *p);

/* Stacks of all windows, by hash. */
struct stacks {
	struct raw_stack *stack;
	size_t cnt, cap;
	size_t sorted; /* so many are in order */
};

void stacks_clear(struct stacks *s);
int stacks_add(struct stacks *s, const struct wg_stack_event *e, size_t sz);
/* NULL: its frames never came. The pointer holds until the next add. */
const struct raw_stack *stacks_find(struct stacks *s, uint64_t hash);

#endif
