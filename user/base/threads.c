// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See threads.h. */
#include "base/threads.h"

#include <signal.h>

int start_helper(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}
