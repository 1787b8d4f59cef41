/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A child program with a message channel: started behind a gate, watched by poll() with a
 * deadline, ended for certain. Knows pipes and lines, not what they say.
 *
 *      we --in_fd---> WALLGAP_IN_FD     child: own process group, stdin /dev/null
 *      we <--out_fd-- WALLGAP_OUT_FD
 *      we <--err_fd-- stdout, stderr    drained while we wait; the end of it is kept
 */
#ifndef WG_RUNNER_PROCESS_H
#define WG_RUNNER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/runas.h"
#include "runner/privatetmp.h"

#define PROCESS_LINE_MAX (16ul << 20) /* bytes of one message */
#define PROCESS_TAIL_SZ 1024	      /* bytes kept of what it printed */

struct process {
	pid_t tgid;  /* 0: none, or reaped */
	int pid_fd;  /* readable when it has ended */
	int gate_fd; /* one byte lets it exec; -1 after that */
	int exec_fd; /* an errno if the exec failed, else its end; -1 after that */
	int in_fd, out_fd, err_fd;
	char *buf; /* what it wrote to out_fd and nobody took */
	size_t len, cap;
	size_t line_sz;	    /* of the line handed out last, still at the front of buf */
	size_t searched_sz; /* of buf, without a newline in it */
	char tail[PROCESS_TAIL_SZ];
	size_t tail_len;
};

struct process_spec {
	const char *path;	      /* looked up as it is, without PATH */
	const char *const *args;      /* what follows argv[0], ended by NULL; or NULL */
	const char *const *env;	      /* NAME=value to be set besides what we inherited, likewise */
	bool no_huge_pages;	      /* for it and all its children, also after their exec */
	const struct runas *as;	      /* the user that it runs as; NULL: ours */
	const struct privatetmp *tmp; /* a /tmp of its own; NULL: ours */
};

/* Fork; the child waits at the gate. Of spec nothing is kept. */
int process_open(struct process *p, const struct process_spec *spec, struct err *e);
/* Open the gate and wait for the exec. */
int process_exec(struct process *p, const char *path, uint64_t deadline_ns, struct err *e);
/* Write one line, newline included. -EPIPE: it is gone; -ETIMEDOUT: it does not read. */
int process_write(struct process *p, const char *line, size_t len, uint64_t deadline_ns);
/*
 * Its next line, without the newline, valid until the next call. 0 or
 *   -ETIMEDOUT  the deadline passed
 *   -EINTR      *stop was set
 *   -EPIPE      it ended, or closed its side
 *   -EMSGSIZE   the line is longer than PROCESS_LINE_MAX
 *   -errno      of a system call
 */
int process_read_line(struct process *p, uint64_t deadline_ns, const volatile sig_atomic_t *stop,
		      char **line, size_t *len);
/* The last line it printed, without control characters; "" if none. */
void process_last_words(struct process *p, char *buf, size_t sz);
/* How it ended, in words: "was killed by signal 11 (...)"; "closed its side" if it still lives. */
void process_fate(struct process *p, char *buf, size_t sz);
/*
 * End it and its process group, wait grace_ns for its own end first, and free what p holds.
 * Accepts a process that was never opened, if tgid is 0 and descriptors are -1.
 */
void process_close(struct process *p, uint64_t grace_ns);

#endif
