/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Locks with identity: which words that were waited on belong to one lock, of what type it is,
 * and what to call it. Pure.
 *
 *   site (a wait) --- type and purpose, by its call path (lock_rules.h)
 *     |- lock (an address) --- object: words of one lock in one process, by type and base
 *                                |- name: a symbol, an offset in a file's data, or where it lies
 *                                         and the function from which it was waited for
 *
 * Names, not addresses, are what is the same from run to run and from process to process: objects
 * of one type with one name have one name_id.
 */
#ifndef WG_MODEL_LOCKS_H
#define WG_MODEL_LOCKS_H

#include "model/paths.h"

struct lock_object {
	enum lock_type type;
	bool kernel;
	bool shared;		 /* futex: in memory that other processes share */
	uint32_t tgid;		 /* 0: the kernel's */
	uint64_t base;		 /* where it begins, as far as its type tells */
	const struct lock *lock; /* one of its words */
	char *name; /* "table_lock in libfoo.so", "heap, first waited for in EVP_MD_fetch" */
	uint32_t name_id;
};

/* What a site with a wait is about. */
struct wait_info {
	enum wait_class wait; /* WAIT_NONE: on no lock */
	enum lock_type type;  /* of a lock or futex, else TYPE_RAW */
	uint32_t object;      /* index into locks.objects, or NO_INDEX */
	uint32_t from;	      /* first frame of its stack that tells something */
};

/*
 * Is it not known what the site is about, since it found no room while it was recorded, or its call
 * path did? Of a lock, the other waits for it may tell.
 */
bool site_is_lost(const struct stack *stack, const struct wait_info *w);

struct locks {
	const struct paths *paths;
	struct lock_object *objects;
	size_t object_cnt, object_cap;
	struct wait_info **of; /* [run][site] */
};

/* enum lock_flags of a lock, by the enum wg_site_flags of a wait for it. */
uint32_t lock_flags_of(uint32_t site_flags);

/* l points into p and its recording. Returns 0 or -ENOMEM, then with l empty. */
int locks_of(struct locks *l, const struct paths *p);
void locks_clear(struct locks *l);

#endif
