// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See hurry.h. */
#include "collect/hurry.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

void hurry(void)
{
	const struct sched_param p = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p))
		setpriority(PRIO_PROCESS, (id_t)gettid(), -20);
}
