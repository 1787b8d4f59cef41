/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Threads of the program's own, beside the main one. */
#ifndef WG_BASE_THREADS_H
#define WG_BASE_THREADS_H

#include <pthread.h>

/*
 * pthread_create(), for a thread that takes no signals: they are for the main thread, whose waits they
 * end and who may still kill what runs as another user. Returns 0 or -errno. attr: NULL for none.
 */
int start_helper(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

#endif
