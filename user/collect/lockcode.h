/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where in modules the functions lie that take locks or wait for others, for the kernel side to
 * tell one from the other when the critical path comes by (bpf/path.bpf.h).
 */
#ifndef WG_COLLECT_LOCKCODE_H
#define WG_COLLECT_LOCKCODE_H

#include "collect/module.h"
#include "shared.h"

/* What a function of a module (its file's name) means for a wait below it. */
typedef enum wg_lock_class lock_class_fn(const char *function, const char *module);

/* The fds are of the BPF maps, and stay the caller's. */
struct lockcode {
	int modules_fd, codes_fd;
	lock_class_fn *class_of; /* NULL: nobody wants to know */
	uint32_t cnt;		 /* codes handed over */
};

/*
 * Tell the kernel side of module m, which has that number. Nothing is said of a file with very many
 * symbols, or where room or memory run out: waits there count as waits for others.
 */
void lockcode_add(struct lockcode *l, uint32_t number, const struct module *m);

#endif
