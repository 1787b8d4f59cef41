/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Threads that must not be late: what they are late for is lost. */
#ifndef WG_COLLECT_HURRY_H
#define WG_COLLECT_HURRY_H

/* The calling thread goes before all that have no real-time priority; its work has to be short. */
void hurry(void);

#endif
