/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What this kernel allows. Each capability is probed once, by trying it; a missing one is a
 * reason and a loss, not an error, unless the ledger cannot do without.
 */
#ifndef WG_COLLECT_CAPS_H
#define WG_COLLECT_CAPS_H

#include <stdbool.h>

#include "base/err.h"

enum feature {
	FEAT_RIGHTS, /* the capabilities that all of it needs */
	FEAT_KERNEL, /* 5.15 or newer */
	FEAT_BTF,
	FEAT_BPF,	   /* the bpf system call, and loading a tracing program */
	FEAT_STORAGE,	   /* task storage */
	FEAT_PERF,	   /* software perf events on all CPUs */
	FEAT_FEXIT,	   /* fexit on handle_mm_fault */
	FEAT_CONTENTION,   /* lock contention tracepoints (5.19) */
	FEAT_TLB,	   /* TLB flush tracepoint, and flushes that come by it */
	FEAT_IPI,	   /* tracepoints of interrupts between CPUs (6.4) */
	FEAT_SWITCH_STATE, /* sched_switch passes the previous state (5.18) */
	FEAT_FIND_VMA,	   /* programs may ask what is mapped at an address (5.17) */
	FEAT_CNT,
};

struct cap_result {
	const char *name;    /* "fexit on handle_mm_fault" */
	const char *without; /* what is lost without it */
	bool needed;	     /* the tool cannot run without it */
	bool have;
	int err;       /* of the probe: 0 or -errno */
	char why[160]; /* when not had: the reason, and what to do */
};

/* Probe all, in order; a later one that needs a missing earlier one is not tried. */
void caps_probe(struct cap_result out[FEAT_CNT]);

/* The first needed one that is missing, as -EOPNOTSUPP (-ENOMEM, -EMFILE: a limit of ours) with a line in e; or 0. */
int caps_check(const struct cap_result caps[FEAT_CNT], struct err *e);

#endif
