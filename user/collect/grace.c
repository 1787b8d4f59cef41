// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Programs at tracepoints and perf events are RCU readers; see grace.h. */
#include "collect/grace.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define GRACE_NS                                                                                   \
	(100 * NSEC_PER_MSEC) /* where the kernel has no membarrier: no program runs so long */

void wait_for_programs(void)
{
	const struct timespec grace = {.tv_nsec = GRACE_NS};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&grace, NULL);
}
