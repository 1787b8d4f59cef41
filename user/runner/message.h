/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The messages of the runner protocol (workloads/protocol.md), from and to JSON. A message comes
 * from another program: whatever is wrong with it is said in a few words in why, never asserted.
 */
#ifndef WG_RUNNER_MESSAGE_H
#define WG_RUNNER_MESSAGE_H

#include <jansson.h>

#include "runner/runner.h"

#define RUNNER_PROTOCOL 1
#define WHY_SZ 256

struct message_ready {
	struct runner_lane *lanes; /* spec->workers of them */
	char *detail;
	long long n;
};

/*
 * One line. type is in it, or -EPROTO with why. A message "error" gives -EREMOTEIO and its text
 * in why.
 */
int message_parse(const char *line, size_t len, json_t **msg, const char *type, char *why);

/*
 * Check against what will be asked of it, and take over. 0, -EPROTO with why, -ENOTSUP with why
 * when it has not what will be asked for (hello is filled all the same), or -ENOMEM.
 */
int message_read_hello(json_t *msg, const struct runner_spec *spec, struct runner_hello *hello,
		       char *why);
int message_read_ready(json_t *msg, const struct runner_spec *spec, struct message_ready *ready,
		       char *why);
/* -EILSEQ when checksums disagree. run is only changed on success. */
int message_read_done(json_t *msg, const struct runner_spec *spec, struct run *run, char *why);

/* cpus: spec->workers of them, or NULL. A line with its newline, to be freed; NULL: no memory. */
char *message_make_setup(const struct runner_spec *spec, const int *cpus, int timeout_s);

void message_clear_hello(struct runner_hello *hello);
void message_clear_ready(struct message_ready *ready);

#endif
