// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The runner's side of the runner protocol (workloads/protocol.md): JSON lines from and to the
 * loader become calls of the pool. Whatever goes wrong becomes one "error" message.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "native.h"
#include "pool.h"

#define PROTOCOL 1
#define MAX_LINE (16ul << 20)

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

struct session {
	int in_fd, out_fd;
	char *buf; /* what came from the loader and is not used up */
	size_t len, cap;
	size_t line_sz; /* of the line handed out last, still at the front of buf */
	bool has_pool;
	struct pool pool;
};

/* --- lines --- */

/* The next line without its newline, valid until the next call; NULL: the loader is gone. */
static char *read_line(struct session *s)
{
	char *end;
	ssize_t got;

	s->len -= s->line_sz;
	memmove(s->buf, s->buf + s->line_sz, s->len);
	s->line_sz = 0;
	while (!(end = memchr(s->buf, '\n', s->len))) {
		if (s->len == s->cap) {
			char *bigger = s->cap < MAX_LINE ? realloc(s->buf, 2 * s->cap) : NULL;

			if (!bigger)
				return NULL;
			s->buf = bigger;
			s->cap *= 2;
		}
		got = read(s->in_fd, s->buf + s->len, s->cap - s->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		s->len += (size_t)got;
	}
	*end = '\0';
	s->line_sz = (size_t)(end - s->buf) + 1;
	return s->buf;
}

/* For the pool, while it works. True as well when the loader is gone. */
static bool loader_speaks(void *arg)
{
	struct session *s = arg;
	struct pollfd in = {.fd = s->in_fd, .events = POLLIN};

	return s->len > s->line_sz || poll(&in, 1, 0) > 0;
}

/* Takes msg over. */
static int send_message(struct session *s, json_t *msg)
{
	char *text = msg ? json_dumps(msg, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	ssize_t put;

	json_decref(msg);
	if (!text)
		return -ENOMEM;
	text[len++] = '\n'; /* in place of the end of the string */
	for (size_t at = 0; at < len; at += (size_t)put) {
		put = write(s->out_fd, text + at, len - at);
		if (put < 0 && errno == EINTR)
			put = 0;
		if (put < 0)
			break;
	}
	put = put < 0 ? -errno : 0;
	free(text);
	return (int)put;
}

/* Say what went wrong; the end of the session. */
static int send_error(struct session *s, const char *text)
{
	send_message(s, json_pack("{s:s, s:s+}", "type", "error", "text", text, ""));
	return -EIO;
}

/* --- messages --- */

static json_t *names_of_models(void)
{
	json_t *names = json_array();

	for (size_t i = 0; model_at(i); i++)
		json_array_append_new(names, json_string(model_at(i)->name));
	return names;
}

static json_t *names_of_workloads(void)
{
	json_t *names = json_array();

	for (size_t i = 0; workload_at(i); i++)
		json_array_append_new(names, json_string(workload_at(i)->name));
	return names;
}

static int send_hello(struct session *s)
{
	char version[128];

	snprintf(version, sizeof(version), "%s, glibc %s", COMPILER, gnu_get_libc_version());
	return send_message(
		s, json_pack("{s:s, s:i, s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}], s:o, s:o}", "type",
			     "hello", "protocol", PROTOCOL, "runtime", "native", "version", version,
			     "libs", "name", "glibc", "version", gnu_get_libc_version(), "name",
			     "libcrypto", "version", OpenSSL_version(OPENSSL_VERSION_STRING),
			     "models", names_of_models(), "workloads", names_of_workloads()));
}

static int send_ready(struct session *s)
{
	const struct pool *p = &s->pool;
	json_t *lanes = json_array();
	char detail[96];

	for (int i = 0; i < p->spec.workers; i++) {
		const struct lane_slot *slot = &p->board->slots[i];

		json_array_append_new(lanes,
				      json_pack("{s:i, s:i, s:i}", "tid", (int)slot->tid, "tgid",
						(int)slot->tgid, "cpu", p->lanes[i].cpu));
	}
	workload_describe(p->spec.workload, p->spec.n, detail, sizeof(detail));
	return send_message(s, json_pack("{s:s, s:o, s:I, s:s}", "type", "ready", "lanes", lanes,
					 "n", (json_int_t)p->spec.n, "detail", detail));
}

static int send_done(struct session *s)
{
	const struct pool *p = &s->pool;
	json_t *tasks = json_array();

	for (int i = 0; i < p->spec.tasks; i++) {
		const struct result *res = &p->board->results[i];

		json_array_append_new(
			tasks, json_pack("{s:i, s:i, s:I, s:I, s:s}", "index", i, "lane", res->lane,
					 "begin_ns", (json_int_t)res->begin_ns, "end_ns",
					 (json_int_t)res->end_ns, "checksum", res->checksum));
	}
	return send_message(s, json_pack("{s:s, s:I, s:I, s:o}", "type", "done", "begin_ns",
					 (json_int_t)p->begin_ns, "end_ns", (json_int_t)p->end_ns,
					 "tasks", tasks));
}

/* The CPU of each lane, or NULL for lanes that are not pinned. */
static int read_cpus(json_t *list, int workers, int **cpus)
{
	if (!list || json_is_null(list))
		return 0;
	if (json_array_size(list) != (size_t)workers)
		return -EINVAL;
	*cpus = calloc((size_t)workers, sizeof(**cpus));
	if (!*cpus)
		return -ENOMEM;
	for (int i = 0; i < workers; i++) {
		json_t *cpu = json_array_get(list, (size_t)i);

		if (!json_is_integer(cpu) || json_integer_value(cpu) < 0 ||
		    json_integer_value(cpu) > 1 << 20)
			return -EINVAL;
		(*cpus)[i] = (int)json_integer_value(cpu);
	}
	return 0;
}

/* Returns what is wrong with the set-up, or NULL. */
static const char *read_setup(json_t *msg, struct pool_spec *spec, int **cpus)
{
	const char *workload, *model;
	json_t *list = NULL;
	json_int_t n = 0;
	int touch = 1;

	if (json_unpack(msg, "{s:s, s:s, s:i, s:i, s?I, s?o, s?i, s?b}", "workload", &workload,
			"model", &model, "workers", &spec->workers, "tasks", &spec->tasks, "n", &n,
			"cpus", &list, "timeout_s", &spec->timeout_s, "touch", &touch))
		return "the set-up lacks a field, or one is of the wrong type";
	spec->workload = workload_find(workload);
	if (!spec->workload)
		return "the set-up names a workload that is not had here";
	spec->model = model_find(model);
	if (!spec->model)
		return "the set-up names a model that is not had here";
	if (spec->workers < 1 || spec->workers > POOL_MAX_WORKERS || spec->tasks < 1 ||
	    spec->tasks > POOL_MAX_TASKS)
		return "the set-up wants no workers or no tasks, or more than 50,000";
	if (spec->model->one_lane && spec->workers != 1)
		return "the model single has one worker";
	if (n < 0 || n > spec->workload->max_n || spec->timeout_s < 0)
		return "the set-up's n or timeout_s is out of range";
	spec->n = n ? n : spec->workload->default_n;
	spec->touch = touch;
	if (read_cpus(list, spec->workers, cpus))
		return "the set-up's cpus must be one CPU number a worker, or null";
	spec->cpus = *cpus;
	return NULL;
}

static int on_setup(struct session *s, json_t *msg)
{
	struct pool_spec spec = {
		.loader_fd = s->in_fd, .loader_speaks = loader_speaks, .loader_arg = s};
	scoped_free int *cpus = NULL;
	const char *wrong;
	int err;

	if (s->has_pool)
		return send_error(s, "a second set-up: there is one pool a runner");
	wrong = read_setup(msg, &spec, &cpus);
	if (wrong)
		return send_error(s, wrong);
	s->has_pool = true;
	err = pool_open(&s->pool, &spec);
	if (err == -ECANCELED)
		return err;
	return err ? send_error(s, s->pool.why) : send_ready(s);
}

static int on_go(struct session *s)
{
	int err;

	if (!s->has_pool)
		return send_error(s, "go came before the set-up");
	err = pool_go(&s->pool);
	if (err == -ECANCELED)
		return err;
	return err ? send_error(s, s->pool.why) : send_done(s);
}

/* 0 to go on, 1 for a stop in good order, or -errno: the session is over. */
static int handle_line(struct session *s, const char *line)
{
	json_t *msg = json_loads(line, 0, NULL);
	const char *type = json_string_value(json_object_get(msg, "type"));
	int code;

	if (!type)
		code = send_error(s, "the loader sent a line that is no message");
	else if (!strcmp(type, "setup"))
		code = on_setup(s, msg);
	else if (!strcmp(type, "go"))
		code = on_go(s);
	else if (!strcmp(type, "stop"))
		code = 1;
	else
		code = send_error(s, "the loader sent a message of an unknown type");
	json_decref(msg);
	return code;
}

int serve(int in_fd, int out_fd)
{
	struct session s = {.in_fd = in_fd, .out_fd = out_fd, .cap = 4096};
	char *line;
	int code;

	signal(SIGPIPE, SIG_IGN);
	fcntl(in_fd, F_SETFD, FD_CLOEXEC);
	fcntl(out_fd, F_SETFD, FD_CLOEXEC);
	s.buf = malloc(s.cap);
	code = s.buf ? send_hello(&s) : -ENOMEM;
	while (!code) {
		line = read_line(&s);
		code = line ? handle_line(&s, line) : -EPIPE;
	}
	if (s.has_pool && code == 1)
		pool_close(&s.pool);
	else if (s.has_pool)
		pool_abandon(&s.pool, code == -ECANCELED ? 0 : 1);
	free(s.buf);
	return code == 1 || code == -ECANCELED ? 0 : 1;
}
