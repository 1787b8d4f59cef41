// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Signals that end a measurement; see interrupt.h. */
#include "base/interrupt.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

static volatile sig_atomic_t interrupted;
static volatile uint64_t interrupted_ns;
static void (*volatile at_once)(void);

/* A second signal so soon is the same: timeout(1) sends its own twice, a terminal may too. */
#define SAME_SIGNAL_NS (150 * NSEC_PER_MSEC)

/*
 * The first stops the measurement. A second one of those that somebody types or sends on purpose ends
 * us at once; the others come again by themselves: SIGXCPU every second, SIGHUP from kernel and shell.
 */
static void on_signal(int sig)
{
	int saved = errno;

	if (!interrupted) {
		interrupted_ns = now_ns();
		interrupted = sig;
	} else if ((sig == SIGINT || sig == SIGTERM || sig == SIGQUIT) &&
		   now_ns() - interrupted_ns > SAME_SIGNAL_NS) {
		if (at_once)
			at_once();
		_exit(128 + sig);
	}
	errno = saved;
}

/* All that would end us and that is neither a fault of ours nor a failed write. */
static const int caught[] = {SIGINT,  SIGTERM, SIGHUP,	SIGQUIT,   SIGXCPU, SIGUSR1,
			     SIGUSR2, SIGALRM, SIGPROF, SIGVTALRM, SIGPOLL, SIGPWR};
/* These say that a write cannot go on: it fails instead, and what is open is closed and said. */
static const int ignored[] = {SIGPIPE, SIGXFSZ};
static struct sigaction found[ARRAY_SIZE(caught)], found_ignored[ARRAY_SIZE(ignored)];

void interrupt_catch(void)
{
	struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART: waits must end */
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	size_t i;

	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(caught); i++) {
		sigaction(caught[i], NULL, &found[i]);
		if (caught[i] != SIGHUP || found[i].sa_handler != SIG_IGN) /* nohup */
			sigaction(caught[i], &sa, NULL);
	}
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, &found_ignored[i]);
}

void interrupt_at_once(void (*fn)(void))
{
	at_once = fn;
}

void interrupt_restore(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], &found[i], NULL);
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &found_ignored[i], NULL);
}

const volatile sig_atomic_t *interrupt_flag(void)
{
	return &interrupted;
}
