/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Ctrl-C and its like: the measurement stops, and what was seen is kept. */
#ifndef WG_BASE_INTERRUPT_H
#define WG_BASE_INTERRUPT_H

#include <signal.h>

/*
 * From now on the first signal that would end us is noted; a second SIGINT, SIGTERM or SIGQUIT calls
 * what interrupt_at_once was given, and ends the program with 128 + its number. SIGPIPE and SIGXFSZ
 * do nothing: the write fails.
 */
void interrupt_catch(void);
/* The number of that first signal; 0: none came. To be handed to who must stop. */
const volatile sig_atomic_t *interrupt_flag(void);
/* fn runs in a signal handler; NULL: nothing is to be done. */
void interrupt_at_once(void (*fn)(void));
/* In a child, before its exec: signals as we found them. */
void interrupt_restore(void);

#endif
