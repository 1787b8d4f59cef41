// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The loader's side of the runner protocol: what is said when. Starting and ending the program is
 * left to process.c, the messages to message.c; here every failure becomes one line.
 */
#include "runner/runner.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "runner/message.h"
#include "runner/process.h"

#define DEFAULT_TIMEOUT_S 60
#define HELLO_TIMEOUT_S 20 /* it comes before anything is built */
#define STOP_GRACE_NS (2 * NSEC_PER_SEC)
/* The runner has the same time-out and knows better which lane is late: let it speak first. */
#define TIMEOUT_GRACE_NS NSEC_PER_SEC
#define MAX_CNT 50000 /* workers or tasks: their messages stay below PROCESS_LINE_MAX */
#define MAX_CPUS 65536
#define RUNNER_FILES_MAX 16

enum state { AT_GATE, READY, WORKING, FAILED };

struct runner {
	struct runner_spec spec; /* its strings are ours */
	struct process process;
	enum state state;
	uint64_t deadline_ns; /* of the go under way */
	int limit_s;	      /* that the last deadline gave it */
	int *cpus;	      /* of each lane, or NULL: not pinned */
	struct runner_hello hello;
	struct message_ready ready;
};

/* One line that names the runner and quotes the end of what it printed. */
static int fail(struct runner *r, struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail(struct runner *r, struct err *e, int code, const char *fmt, ...)
{
	char what[WHY_SZ], words[160];
	va_list ap;

	r->state = FAILED;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	process_last_words(&r->process, words, sizeof(words));
	return err_set(e, code, "runner %.160s (%s, %s): %s%s%s%s", r->spec.path, r->spec.workload,
		       r->spec.model, what, *words ? "; it printed \"" : "", words,
		       *words ? "\"" : "");
}

static int fail_read(struct runner *r, struct err *e, int code, const char *type)
{
	char fate[128];

	switch (code) {
	case -ETIMEDOUT:
		return fail(r, e, code, "did not answer with \"%s\" within %d s", type, r->limit_s);
	case -EPIPE:
		process_fate(&r->process, fate, sizeof(fate));
		return fail(r, e, code, "%s before \"%s\"", fate, type);
	case -EMSGSIZE:
		return fail(r, e, code,
			    "sent a line of more than %lu MiB where \"%s\" was expected",
			    PROCESS_LINE_MAX >> 20, type);
	default:
		return fail(r, e, code, "reading \"%s\": %s", type, strerror(-code));
	}
}

/* Wait for the message type. *msg is the caller's. -EINTR leaves the runner as it was. */
static int expect(struct runner *r, const char *type, uint64_t deadline_ns,
		  const volatile sig_atomic_t *stop, json_t **msg, struct err *e)
{
	char why[WHY_SZ], *line;
	size_t len;
	int code;

	code = process_read_line(&r->process, deadline_ns, stop, &line, &len);
	if (code == -EINTR)
		return err_set(e, code, "runner %.160s: interrupted", r->spec.path);
	if (code)
		return fail_read(r, e, code, type);
	code = message_parse(line, len, msg, type, why);
	return code ? fail(r, e, code, "%s", why) : 0;
}

static int fail_message(struct runner *r, struct err *e, int code, const char *why)
{
	return fail(r, e, code, "%s", code == -ENOMEM ? "no memory for its message" : why);
}

/* A runner that is gone is no error yet: it may have said why, and the next read will tell. */
static int send_line(struct runner *r, const char *line, uint64_t deadline_ns, struct err *e)
{
	int code = process_write(&r->process, line, strlen(line), deadline_ns);

	if (!code || code == -EPIPE)
		return 0;
	if (code == -ETIMEDOUT)
		return fail(r, e, code, "does not read what it is sent");
	return fail(r, e, code, "cannot be written to: %s", strerror(-code));
}

/* --- open --- */

static int check_spec(const struct runner_spec *spec, struct err *e)
{
	if (spec->workers < 1 || spec->workers > MAX_CNT)
		return err_set(e, -EINVAL, "%d workers: must be 1 to %d", spec->workers, MAX_CNT);
	if (spec->tasks < 1 || spec->tasks > MAX_CNT)
		return err_set(e, -EINVAL, "%d tasks: must be 1 to %d", spec->tasks, MAX_CNT);
	if (spec->n < 0)
		return err_set(e, -EINVAL, "n of %lld: must not be negative", spec->n);
	return 0;
}

static void runner_free(struct runner *r)
{
	free((char *)r->spec.path);
	free((char *)r->spec.workload);
	free((char *)r->spec.model);
	free(r->cpus);
	message_clear_hello(&r->hello);
	message_clear_ready(&r->ready);
	free(r);
}

static struct runner *runner_new(const struct runner_spec *spec)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->spec = *spec;
	r->spec.path = strdup(spec->path);
	r->spec.workload = strdup(spec->workload);
	r->spec.model = strdup(spec->model);
	if (r->spec.path && r->spec.workload && r->spec.model)
		return r;
	runner_free(r);
	return NULL;
}

/* What the program needs of the file system: itself, and the arguments that are files. */
static int make_tmp(struct privatetmp *tmp, const struct runner_spec *spec)
{
	const char *needed[RUNNER_FILES_MAX + 2] = {spec->path};
	int cnt = 1;

	for (int i = 0; spec->args && spec->args[i] && cnt <= RUNNER_FILES_MAX; i++)
		if (spec->args[i][0] == '/')
			needed[cnt++] = spec->args[i];
	return privatetmp_init(tmp, spec->as ? spec->as->uid : geteuid(), needed);
}

static int open_process(struct runner *r, const struct runner_spec *spec, struct err *e)
{
	struct privatetmp tmp = {.keep_cnt = 0};
	const struct process_spec ps = {.path = r->spec.path,
					.args = spec->args,
					.env = spec->env,
					.no_huge_pages = spec->no_huge_pages,
					.as = spec->as,
					.tmp = spec->private_tmp ? &tmp : NULL};
	int err = spec->private_tmp ? make_tmp(&tmp, spec) : 0;

	if (err)
		err_sys(e, err, "runner %.160s: a /tmp of its own", spec->path);
	else
		err = process_open(&r->process, &ps, e);
	privatetmp_clear(&tmp);
	return err;
}

int runner_open(struct runner **out, const struct runner_spec *spec, struct err *e)
{
	struct runner *r;
	int err;

	*out = NULL;
	err = check_spec(spec, e);
	if (err)
		return err;
	r = runner_new(spec);
	if (!r)
		return err_set(e, -ENOMEM, "runner %.160s: no memory", spec->path);
	if (!strcmp(spec->model, "single"))
		r->spec.workers = 1;
	if (r->spec.timeout_s <= 0)
		r->spec.timeout_s = DEFAULT_TIMEOUT_S;
	err = open_process(r, spec, e);
	if (err) {
		runner_free(r);
		return err;
	}
	*out = r;
	return 0;
}

pid_t runner_pid(const struct runner *r)
{
	return r->process.tgid;
}

/* --- start --- */

/* The CPU of each lane: those that we may use, in turn. NULL: not known, so not pinned. */
static int *share_out_cpus(int workers)
{
	size_t sz = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	int *cpus = calloc((size_t)workers, sizeof(*cpus));
	int cpu = -1;

	if (!set || !cpus || sched_getaffinity(0, sz, set) || !CPU_COUNT_S(sz, set)) {
		CPU_FREE(set);
		free(cpus);
		return NULL;
	}
	for (int i = 0; i < workers; i++) {
		do
			cpu = (cpu + 1) % MAX_CPUS;
		while (!CPU_ISSET_S((size_t)cpu, sz, set));
		cpus[i] = cpu;
	}
	CPU_FREE(set);
	return cpus;
}

static uint64_t deadline_from_now(struct runner *r)
{
	r->limit_s = r->spec.timeout_s;
	return now_ns() + (uint64_t)r->limit_s * NSEC_PER_SEC + TIMEOUT_GRACE_NS;
}

static uint64_t hello_deadline(struct runner *r)
{
	r->limit_s = r->spec.timeout_s < HELLO_TIMEOUT_S ? r->spec.timeout_s : HELLO_TIMEOUT_S;
	return now_ns() + (uint64_t)r->limit_s * NSEC_PER_SEC;
}

static int read_hello(struct runner *r, uint64_t deadline_ns, struct err *e)
{
	char why[WHY_SZ];
	json_t *msg;
	int err;

	err = expect(r, "hello", deadline_ns, NULL, &msg, e);
	if (err)
		return err;
	err = message_read_hello(msg, &r->spec, &r->hello, why);
	json_decref(msg);
	return err ? fail_message(r, e, err, why) : 0;
}

static int send_setup(struct runner *r, uint64_t deadline_ns, struct err *e)
{
	scoped_free char *line = NULL;

	r->cpus = r->spec.pin ? share_out_cpus(r->spec.workers) : NULL;
	line = message_make_setup(&r->spec, r->cpus, r->spec.timeout_s);

	if (!line)
		return fail(r, e, -ENOMEM, "no memory for the set-up");
	return send_line(r, line, deadline_ns, e);
}

static int read_ready(struct runner *r, uint64_t deadline_ns, struct err *e)
{
	char why[WHY_SZ];
	json_t *msg;
	int err;

	err = expect(r, "ready", deadline_ns, NULL, &msg, e);
	if (err)
		return err;
	err = message_read_ready(msg, &r->spec, &r->ready, why);
	json_decref(msg);
	return err ? fail_message(r, e, err, why) : 0;
}

/*
 * Is the lane a thread of the runner's process group, which nobody else can be in? It is the runner that
 * names its lanes: it could name a thread that we may pin, and its user may not.
 */
static bool is_its_own(const struct runner *r, const struct runner_lane *lane)
{
	return getpgid((pid_t)lane->tid) == r->process.tgid;
}

/* For runtimes that cannot pin a thread themselves. */
static void pin_lanes(struct runner *r)
{
	size_t sz = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *set = r->cpus ? CPU_ALLOC(MAX_CPUS) : NULL;

	for (int i = 0; set && i < r->spec.workers; i++) {
		struct runner_lane *lane = &r->ready.lanes[i];

		if (lane->cpu >= 0 || !is_its_own(r, lane))
			continue;
		CPU_ZERO_S(sz, set);
		CPU_SET_S((size_t)r->cpus[i], sz, set);
		if (!sched_setaffinity((pid_t)lane->tid, sz, set))
			lane->cpu = r->cpus[i];
	}
	CPU_FREE(set);
}

bool runner_pinned(const struct runner *r)
{
	for (int i = 0; r->ready.lanes && i < r->spec.workers; i++)
		if (r->ready.lanes[i].cpu < 0)
			return false;
	return r->ready.lanes;
}

int runner_start(struct runner *r, struct err *e)
{
	uint64_t deadline_ns = hello_deadline(r);
	int err;

	assert(r->state == AT_GATE);
	r->state = FAILED; /* until the end of this says otherwise */
	err = process_exec(&r->process, r->spec.path, deadline_ns, e);
	if (!err)
		err = read_hello(r, deadline_ns, e);
	deadline_ns = deadline_from_now(r);
	if (!err)
		err = send_setup(r, deadline_ns, e);
	if (!err)
		err = read_ready(r, deadline_ns, e);
	if (err)
		return err;
	pin_lanes(r);
	r->state = READY;
	return 0;
}

const struct runner_hello *runner_hello(const struct runner *r)
{
	return &r->hello;
}

const struct runner_lane *runner_lanes(const struct runner *r, int *cnt)
{
	*cnt = r->ready.lanes ? r->spec.workers : 0;
	return r->ready.lanes;
}

const char *runner_detail(const struct runner *r)
{
	return r->ready.detail ? r->ready.detail : "";
}

long long runner_n(const struct runner *r)
{
	return r->ready.n;
}

/* --- work --- */

int runner_go(struct runner *r, struct err *e)
{
	int err;

	assert(r->state == READY);
	r->deadline_ns = deadline_from_now(r);
	err = send_line(r, "{\"type\":\"go\"}\n", now_ns(), e);
	if (!err)
		r->state = WORKING;
	return err;
}

int runner_wait(struct runner *r, struct run *run, const volatile sig_atomic_t *stop, struct err *e)
{
	char why[WHY_SZ];
	json_t *msg;
	int err;

	assert(r->state == WORKING);
	err = expect(r, "done", r->deadline_ns, stop, &msg, e);
	if (err)
		return err;
	err = message_read_done(msg, &r->spec, run, why);
	json_decref(msg);
	if (err)
		return fail_message(r, e, err, why);
	r->state = READY;
	return 0;
}

void runner_close(struct runner *r)
{
	static const char stop[] = "{\"type\":\"stop\"}\n";
	uint64_t grace_ns = 0;

	if (!r)
		return;
	/* One that has failed once is not waited for. */
	if ((r->state == READY || r->state == WORKING) &&
	    !process_write(&r->process, stop, sizeof(stop) - 1, now_ns()))
		grace_ns = STOP_GRACE_NS;
	process_close(&r->process, grace_ns);
	runner_free(r);
}
