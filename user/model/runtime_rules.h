/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What language runtimes do beside running the program: which of their functions collect garbage,
 * compile, wait for events; and what their threads are for, by their start routine or, where the
 * code has no symbols, by the name they give themselves. All the rules are in two tables, in
 * runtime_rules.c; to teach wallgap another runtime, add lines there.
 */
#ifndef WG_MODEL_RUNTIME_RULES_H
#define WG_MODEL_RUNTIME_RULES_H

#include <stdbool.h>

/* What a sample or a wait was part of. */
enum activity {
	ACT_NONE, /* the program itself, or nothing that we know */
	ACT_GC,
	ACT_JIT,     /* making machine code */
	ACT_PARSE,   /* source to byte code */
	ACT_LOAD,    /* finding, reading and linking modules */
	ACT_MESSAGE, /* values on their way between threads: copying, queueing */
	ACT_LOOP,    /* an event loop waits for events */
	ACT_ATOMICS, /* Atomics.wait */
	ACT_POOL,    /* a thread of a pool waits for work */
	ACT_CNT,
};

const char *activity_name(enum activity a); /* "gc", "event loop"; "" for none */

struct runtime_rule {
	const char *name;  /* of a function, see match.h */
	const char *below; /* only where it has called this one; or NULL */
	enum activity activity;
};

/* The rule for a user function, or NULL. */
const struct runtime_rule *runtime_rule_of(const char *name);

/*
 * Is JIT code of this name, in this script (symbol/script.h), the program's own? Not a part of the
 * engine, nor a script of node itself.
 */
bool is_program_script(const char *name, const char *script);

/* The way from native code into scripts, by a symbol. */
bool is_script_entry(const char *name);

/*
 * What a thread is for: "V8 platform worker", "GC helper"; "" when no rule says so. start: its start
 * routine, "" not known; module: the file that holds it; comm: the thread's name.
 */
const char *thread_kind(const char *start, const char *module, const char *comm);

#endif
