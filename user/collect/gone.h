/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rows of tasks that have ended. The ring that they come in holds a few thousand; a thread of
 * real-time priority takes them out when it fills, since who is to do that in good time has to go
 * before the thousands that end.
 */
#ifndef WG_COLLECT_GONE_H
#define WG_COLLECT_GONE_H

#include <stdint.h>

#include "collect/rows.h"

struct gone;

/* ring_fd: the BPF ring buffer, which stays the caller's. */
int gone_open(struct gone **out, int ring_fd);
void gone_close(struct gone *g); /* accepts NULL */
/* Append to out all that there are. */
int gone_take(struct gone *g, struct rows *out);
/* How many found no memory here. */
uint64_t gone_lost(struct gone *g);

#endif
