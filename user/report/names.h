/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Functions, call paths, locks and causes as words of a line. Names come from other people's
 * files: what is returned is fit to print. Each returns a new string, or NULL without memory.
 */
#ifndef WG_REPORT_NAMES_H
#define WG_REPORT_NAMES_H

#include "model/where.h"

/* The name of a function without its arguments, long template arguments and Rust's hash. */
char *short_function(const char *name, int max);

/*
 * "a < b < .. < y < z" of where_path.frames in at most max columns: the leaf, the innermost function
 * of a script, the root, and from the leaf on as many as fit.
 */
char *short_path(const struct recording *r, const uint32_t *frames, uint32_t cnt, int max);

/* All frames of a stack, leaf first, "a < b < c", kernel ones marked "[k]". */
char *full_path(const struct recording *r, const struct stack *s);

/* "rwlock, heap, first waited for in EVP_MD_fetch", "TLB flush", "syscall read"; "" for functions. */
char *cause_words(const struct locks *l, const struct where_cause *c, bool count_objects);

#endif
