/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What functions say about a futex wait that goes through them: the type of the lock, and whether
 * it is contention or waiting for work. All the rules are in one table, in lock_rules.c.
 */
#ifndef WG_MODEL_LOCK_RULES_H
#define WG_MODEL_LOCK_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared.h"

/* What a wait is for. */
enum wait_class {
	WAIT_NONE,	 /* no wait on a lock */
	WAIT_CONTENTION, /* another one has it */
	WAIT_IDLE,	 /* for work, an event, or the end of another thread */
	WAIT_BARRIER,	 /* for the others to come as far */
	WAIT_UNKNOWN,	 /* a futex of nobody's that we know: either */
	WAIT_CLASS_CNT,
};

const char *wait_class_name(enum wait_class c); /* "", "contention", "idle wait", ... */

enum lock_type {
	/* futexes */
	TYPE_RAW, /* no function on the path tells more */
	TYPE_MUTEX,
	TYPE_RWLOCK,
	TYPE_CONDVAR,
	TYPE_SEMAPHORE,
	TYPE_BARRIER,
	TYPE_JOIN,
	TYPE_ONCE,
	TYPE_ARENA,
	TYPE_STDIO,
	TYPE_LOADER,
	TYPE_LIBC,
	TYPE_PARK,
	TYPE_GO,
	TYPE_JAVA,
	TYPE_GIL, /* CPython's */
	/* the kernel's */
	TYPE_MMAP,
	TYPE_VMA,
	TYPE_KRWSEM,
	TYPE_KMUTEX,
	TYPE_KSPIN,
	TYPE_KRWLOCK,
	TYPE_KPERCPU,
	TYPE_KRT,
	LOCK_TYPE_CNT,
};

/* "mutex", "malloc arena", "raw futex": the words of the JSON. */
const char *lock_type_name(enum lock_type type);

/* What a wait on one is for, where its path does not say. */
enum wait_class lock_type_wait(enum lock_type type);

/*
 * Where the object of this type begins whose word at addr was waited on. The words of one object
 * that are waited on share 8 aligned bytes.
 */
uint64_t lock_type_base(enum lock_type type, uint64_t addr);

enum rule_kind {
	RULE_STEP,  /* on the way from a lock's function to the system call, or around it */
	RULE_LOCK,  /* decides, where none nearer to the leaf did */
	RULE_OUTER, /* decides anew, further up: a lock that is built of another one */
	RULE_ABOVE, /* the same, where only functions of its file that have no names lie between */
};

struct lock_rule {
	const char *name; /* see match.h */
	enum rule_kind kind;
	enum lock_type type;
	enum wait_class wait;
	bool in_libc; /* only where it and all frames below it are of libc or the loader */
};

/* The rule for a user function, or NULL. */
const struct lock_rule *lock_rule_of(const char *name);

/* What a function of a module means for a futex wait below it, as the kernel side wants it. */
enum wg_lock_class lock_class_of(const char *function, const char *module);

/* Where threads begin: frames there say nothing ("start_thread", "clone3", "_start"). */
bool is_entry_function(const char *name);

/* "libc.so.6", "libpthread-2.28.so", "ld-linux-x86-64.so.2", musl's. */
bool is_libc(const char *module);

#endif
