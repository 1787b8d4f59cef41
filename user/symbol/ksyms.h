/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Kernel functions by /proc/kallsyms: modules and BPF programs included. It lists starts only: a
 * function ends where the next symbol of any kind starts, and no more than 256 KiB on.
 */
#ifndef WG_SYMBOL_KSYMS_H
#define WG_SYMBOL_KSYMS_H

#include <stdint.h>

struct ksyms;

/* path: /proc/kallsyms, or a file like it. -EPERM when it holds no addresses. */
int ksyms_open(struct ksyms **out, const char *path);
void ksyms_close(struct ksyms *k); /* accepts NULL */
/*
 * The function that holds addr: its name, owned by k, without .isra and the like, or NULL. *module
 * (module may be NULL) becomes "" for the kernel proper, else the module's name without brackets.
 */
const char *ksyms_find(const struct ksyms *k, uint64_t addr, const char **module);

#endif
