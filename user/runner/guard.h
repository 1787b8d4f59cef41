/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whoever ends wallgap, and by SIGKILL as well, ends its runners: a process of ours that does nothing
 * but wait for our end, and kills their process groups then. A runner itself is killed by the kernel
 * when we die; of what it has started the kernel knows nothing.
 *
 *      we ---pipe---> guard     +PGID: begun, -PGID: about to be reaped, its end: ours
 *
 * It sees no signal that is meant for us or our group, holds no descriptor but the pipe and no
 * capability but the one to kill. What leaves its runner's process group is out of its reach.
 */
#ifndef WG_RUNNER_GUARD_H
#define WG_RUNNER_GUARD_H

#include <sys/types.h>

/*
 * Start it: early, as long as we are small and have one thread. Returns 0 or -errno; without it all
 * the others do nothing.
 */
int guard_open(void);
/* A group that is to end with us; before anything of it runs that is not ours. */
void guard_add(pid_t pgid);
/* Before its leader is reaped: after that its number may be another's. */
void guard_remove(pid_t pgid);
/* End it; it kills who is left. */
void guard_close(void);

#endif
