/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Our side of the runner protocol (workloads/protocol.md): start a runner, have it build a pool,
 * let it go, read what it did, stop it. The runner is another program and may crash, hang or
 * talk junk: every wait has a time-out, and every failure is one line in e that names the runner
 * and quotes the end of its stderr.
 *
 *   runner_open -> (hello) -> runner_setup -> (ready) -> runner_go -> (done) -> ... -> runner_close
 *
 * A pool is built once and can go many times.
 */
#ifndef WG_RUNNER_RUNNER_H
#define WG_RUNNER_RUNNER_H

#include <signal.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/runas.h"
#include "model/recording.h"

struct runner; /* one child process: the orchestrator of a pool */

struct runner_spec {
	const char *path; /* program to run */
	/* Not copied, ended by NULL; or NULL: its arguments, and NAME=value for its environment. */
	const char *const *args, *const *env;
	const char *workload; /* names of INTERFACE: "math", "crypto", ... */
	const char *model;    /* "single", "threads", "procs" */
	int workers;	      /* lanes; for "single" always 1 */
	int tasks;	      /* units of work per go, shared out over the lanes in turn */
	long long n;	      /* size of one unit, in the workload's own unit; 0 for its default */
	bool pin;	      /* lane i on the i-th allowed CPU, round robin */
	bool no_touch;	      /* `transfer`: the buffer is neither written nor read */
	bool no_huge_pages;   /* whatever is set for the machine */
	const struct runas *as; /* not copied: the user that it runs as; NULL: ours */
	bool private_tmp;	/* see privatetmp.h */
	int timeout_s;		/* for one go, and for the set-up; 0 for 60. For hello at most 20 */
};

struct runner_lane {
	uint32_t tid, tgid;
	int cpu; /* pinned there, by the runner or by us; or -1 */
};

/* What a runner said of itself in its hello. */
struct runner_hello {
	char *runtime;		  /* "native" */
	char *version;		  /* of the runtime: "gcc 12.2.0, glibc 2.36" */
	char *flags;		  /* it runs with, blanks between them; "" */
	char *workloads, *models; /* that it has, blanks between them */
	struct lib *libs;
	size_t lib_cnt;
};

/*
 * Fork the runner and wait at a gate before its exec, so that the caller can begin to track it:
 * returns with *out set and the child's pid from runner_pid; the child goes on at runner_start.
 * It is killed when the thread that called this ends. What it prints goes to the errors, not to
 * our stdout.
 */
int runner_open(struct runner **out, const struct runner_spec *spec, struct err *e);
pid_t runner_pid(const struct runner *r);
/*
 * Let it exec, read its hello, send the set-up, wait until the pool is built, warm and ready.
 * -ENOTSUP: it does not have the workload or the model.
 */
int runner_start(struct runner *r, struct err *e);
/* Is `name` among the words of a list of the hello? */
bool runner_offers(const char *list, const char *name);
const struct runner_hello *runner_hello(const struct runner *r);
const struct runner_lane *runner_lanes(const struct runner *r, int *cnt);
/* Is every lane pinned to a CPU? A lane that the runner left free, though asked to pin it, we pin. */
bool runner_pinned(const struct runner *r);
const char *runner_detail(const struct runner *r); /* "100,000 operations a task", may be "" */
/* n as the runner took it (spec->n, or its default). */
long long runner_n(const struct runner *r);
/* Say go. Returns at once. */
int runner_go(struct runner *r, struct err *e);
/*
 * Wait for done; fills run->works, run->work_ns, run->checksum, run->task_cnt. Also fails when two
 * tasks that must agree do not. *stop set by a signal handler (may be NULL) ends the wait with
 * -EINTR; the work goes on, and can be waited for again or closed.
 */
int runner_wait(struct runner *r, struct run *run, const volatile sig_atomic_t *stop,
		struct err *e);
/* Ask it to stop, wait a moment, kill it and its process group if it does not. Accepts NULL. Frees r. */
void runner_close(struct runner *r);

#endif
