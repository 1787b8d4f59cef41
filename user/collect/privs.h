/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What this process may do, by Linux capability: one table says what each is for and what is lost
 * without it. It is the capability that counts, whoever the user is.
 */
#ifndef WG_COLLECT_PRIVS_H
#define WG_COLLECT_PRIVS_H

#include <stdbool.h>
#include <stddef.h>

#define PRIV_MAX 16

struct priv {
	const char *name;    /* "CAP_SYSLOG" */
	const char *without; /* what is lost */
	bool needed;	     /* nothing can be traced without it */
	bool have;	     /* it, or one that includes it, or it is not called for here */
};

/*
 * The table as it is for the calling thread; bench: with what `bench` alone has a use for. Returns how
 * many.
 */
size_t privs_read(struct priv out[PRIV_MAX], bool bench);

/* The names of those needed that are missing, "CAP_BPF and CAP_PERFMON"; false if none is. */
bool privs_missing(char *buf, size_t sz);

/* May it do all that root may with BPF: also ask for objects by number? */
bool privs_all_bpf(void);

/*
 * What is started from here on has none of the capabilities that were lent to us as "ambient" ones:
 * it is not wallgap.
 */
void privs_keep_from_children(void);

#endif
