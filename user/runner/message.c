// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads and makes the messages of the runner protocol; see message.h. */
#include "runner/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"

static int wrong(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int wrong(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_SZ, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* What another program wrote, fit for one line of ours. */
static void copy_clean(char *out, size_t sz, const char *text, size_t len)
{
	size_t o = 0;

	for (size_t i = 0; i < len && text[i] && o + 1 < sz; i++)
		out[o++] = iscntrl((unsigned char)text[i]) ? ' ' : text[i];
	out[o] = '\0';
}

static char *clean_dup(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1);

	if (copy)
		copy_clean(copy, len + 1, text, len);
	return copy;
}

static const char *string_of(json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

/* -1 for what is no number, or is negative. */
static long long count_of(json_t *obj, const char *key)
{
	json_t *value = json_object_get(obj, key);

	return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
									: -1;
}

int message_parse(const char *line, size_t len, json_t **msg, const char *type, char *why)
{
	json_t *obj = json_loadb(line, len, 0, NULL);
	const char *got = string_of(obj, "type"), *text;
	char shown[64];
	int code = 0;

	if (!got) {
		copy_clean(shown, sizeof(shown), line, len);
		code = wrong(why, "sent junk where \"%s\" was expected: %s", type, shown);
	} else if (!strcmp(got, "error")) {
		text = string_of(obj, "text");
		text = text && *text ? text : "failed and did not say why";
		copy_clean(why, WHY_SZ, text, strlen(text));
		code = -EREMOTEIO;
	} else if (strcmp(got, type)) {
		copy_clean(shown, sizeof(shown), got, strlen(got));
		code = wrong(why, "sent \"%s\" where \"%s\" was expected", shown, type);
	}
	if (code)
		json_decref(obj);
	else
		*msg = obj;
	return code;
}

/* --- hello --- */

static int read_libs(json_t *list, struct runner_hello *hello)
{
	json_t *item;
	size_t i;

	hello->libs = calloc(json_array_size(list) + 1, sizeof(*hello->libs));
	if (!hello->libs)
		return -ENOMEM;
	json_array_foreach(list, i, item)
	{
		const char *name = string_of(item, "name"), *version = string_of(item, "version");
		struct lib *lib = &hello->libs[hello->lib_cnt];

		if (!name || !version)
			continue;
		hello->lib_cnt++;
		lib->name = clean_dup(name);
		lib->version = clean_dup(version);
		if (!lib->name || !lib->version)
			return -ENOMEM;
	}
	return 0;
}

/* The strings of a list, blanks between them; NULL: no memory. */
static char *join_words(json_t *list)
{
	size_t sz = 0, i;
	char *text = NULL;
	FILE *f = open_memstream(&text, &sz);
	const char *gap = "";
	json_t *item;

	if (!f)
		return NULL;
	json_array_foreach(list, i, item)
	{
		scoped_free char *word =
			json_is_string(item) ? clean_dup(json_string_value(item)) : NULL;

		if (word && *word) {
			fprintf(f, "%s%s", gap, word);
			gap = " ";
		}
	}
	return fclose(f) ? NULL : text;
}

bool runner_offers(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		size_t word = strcspn(list, " ");

		if (word == len && !strncmp(list, name, len))
			return true;
		list += word + (list[word] == ' ');
	}
	return false;
}

static int lacks(char *why, const char *what, const char *name)
{
	wrong(why, "does not have the %s %s", what, name);
	return -ENOTSUP;
}

int message_read_hello(json_t *msg, const struct runner_spec *spec, struct runner_hello *hello,
		       char *why)
{
	const char *runtime = string_of(msg, "runtime"), *version = string_of(msg, "version");
	long long protocol = count_of(msg, "protocol");

	if (protocol != RUNNER_PROTOCOL)
		return wrong(why, "speaks runner protocol %lld, wanted is %d", protocol,
			     RUNNER_PROTOCOL);
	if (!runtime || !version)
		return wrong(why, "does not name its runtime and version in hello");
	hello->runtime = clean_dup(runtime);
	hello->version = clean_dup(version);
	hello->flags = join_words(json_object_get(msg, "flags"));
	hello->workloads = join_words(json_object_get(msg, "workloads"));
	hello->models = join_words(json_object_get(msg, "models"));
	if (!hello->runtime || !hello->version || !hello->flags || !hello->workloads ||
	    !hello->models || read_libs(json_object_get(msg, "libs"), hello))
		return -ENOMEM;
	if (!runner_offers(hello->workloads, spec->workload))
		return lacks(why, "workload", spec->workload);
	return runner_offers(hello->models, spec->model) ? 0 : lacks(why, "model", spec->model);
}

void message_clear_hello(struct runner_hello *hello)
{
	for (size_t i = 0; i < hello->lib_cnt; i++) {
		free(hello->libs[i].name);
		free(hello->libs[i].version);
	}
	free(hello->libs);
	free(hello->runtime);
	free(hello->version);
	free(hello->flags);
	free(hello->workloads);
	free(hello->models);
	*hello = (struct runner_hello){0};
}

/* --- setup, ready --- */

char *message_make_setup(const struct runner_spec *spec, const int *cpus, int timeout_s)
{
	json_t *msg, *list = cpus ? json_array() : json_null();
	char *text, *line;

	for (int i = 0; cpus && i < spec->workers; i++)
		json_array_append_new(list, json_integer(cpus[i]));
	msg = json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:b, s:o, s:i}", "type", "setup",
			"workload", spec->workload, "model", spec->model, "workers", spec->workers,
			"tasks", spec->tasks, "n", (json_int_t)spec->n, "touch", !spec->no_touch,
			"cpus", list, "timeout_s", timeout_s);
	text = msg ? json_dumps(msg, JSON_COMPACT) : NULL;
	json_decref(msg);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

static int read_lane(json_t *item, int index, struct runner_lane *lane, char *why)
{
	long long tid = count_of(item, "tid"), tgid = count_of(item, "tgid");
	json_t *cpu = json_object_get(item, "cpu");

	if (tid <= 0 || tgid <= 0 || tid > INT32_MAX || tgid > INT32_MAX)
		return wrong(why, "gives no valid tid and tgid for lane %d", index);
	lane->tid = (uint32_t)tid;
	lane->tgid = (uint32_t)tgid;
	lane->cpu = json_is_integer(cpu) ? (int)json_integer_value(cpu) : -1;
	return 0;
}

int message_read_ready(json_t *msg, const struct runner_spec *spec, struct message_ready *ready,
		       char *why)
{
	json_t *lanes = json_object_get(msg, "lanes"), *item;
	const char *detail = string_of(msg, "detail");
	int err;
	size_t i;

	if (json_array_size(lanes) != (size_t)spec->workers)
		return wrong(why, "is ready with %zu lanes, asked for were %d",
			     json_array_size(lanes), spec->workers);
	ready->n = count_of(msg, "n");
	if (ready->n <= 0)
		return wrong(why, "does not say the size n of its tasks in ready");
	ready->detail = clean_dup(detail ? detail : "");
	ready->lanes = calloc((size_t)spec->workers, sizeof(*ready->lanes));
	if (!ready->detail || !ready->lanes)
		return -ENOMEM;
	json_array_foreach(lanes, i, item)
	{
		err = read_lane(item, (int)i, &ready->lanes[i], why);
		if (err)
			return err;
	}
	return 0;
}

void message_clear_ready(struct message_ready *ready)
{
	free(ready->lanes);
	free(ready->detail);
	*ready = (struct message_ready){0};
}

/* --- done --- */

/* Tasks may come in any order; seen has a byte a task. */
static int check_task(json_t *item, const struct runner_spec *spec, char *seen, char *why)
{
	long long index = count_of(item, "index"), lane = count_of(item, "lane");
	long long begin_ns = count_of(item, "begin_ns"), end_ns = count_of(item, "end_ns");

	if (index < 0 || index >= spec->tasks || seen[index])
		return wrong(why, "counts its tasks wrongly: %lld", index);
	seen[index] = 1;
	if (lane < 0 || lane >= spec->workers)
		return wrong(why, "did task %lld on lane %lld, which does not exist", index, lane);
	if (begin_ns < 0 || end_ns < begin_ns)
		return wrong(why, "did task %lld from %lld ns to %lld ns", index, begin_ns, end_ns);
	if (!string_of(item, "checksum"))
		return wrong(why, "gives no checksum for task %lld", index);
	return 0;
}

static int check_done(json_t *tasks, const struct runner_spec *spec, char *why)
{
	scoped_free char *seen = calloc((size_t)spec->tasks, 1);
	json_t *item, *first = json_array_get(tasks, 0);
	int err;
	size_t i;

	if (!seen)
		return -ENOMEM;
	if (json_array_size(tasks) != (size_t)spec->tasks)
		return wrong(why, "did %zu tasks, asked for were %d", json_array_size(tasks),
			     spec->tasks);
	json_array_foreach(tasks, i, item)
	{
		err = check_task(item, spec, seen, why);
		if (err)
			return err;
		if (!strcmp(string_of(item, "checksum"), string_of(first, "checksum")))
			continue;
		wrong(why,
		      "wrong result: task %lld (lane %lld) gave %.24s, task %lld (lane %lld) "
		      "gave %.24s for the same work",
		      count_of(item, "index"), count_of(item, "lane"), string_of(item, "checksum"),
		      count_of(first, "index"), count_of(first, "lane"),
		      string_of(first, "checksum"));
		return -EILSEQ;
	}
	return 0;
}

static int add_works(json_t *tasks, struct run *run)
{
	json_t *item;
	size_t i;

	json_array_foreach(tasks, i, item)
	{
		struct work *work = run_add_work(run);

		if (!work)
			return -ENOMEM;
		work->index = (int)count_of(item, "index");
		work->lane = (int)count_of(item, "lane");
		work->begin_ns = (uint64_t)count_of(item, "begin_ns");
		work->end_ns = (uint64_t)count_of(item, "end_ns");
		work->checksum = clean_dup(string_of(item, "checksum"));
		if (!work->checksum)
			return -ENOMEM;
	}
	return 0;
}

/* From the first task's begin to the last one's end. */
static uint64_t span_of(const struct work *works, size_t cnt)
{
	uint64_t begin_ns = UINT64_MAX, end_ns = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (works[i].begin_ns < begin_ns)
			begin_ns = works[i].begin_ns;
		if (works[i].end_ns > end_ns)
			end_ns = works[i].end_ns;
	}
	return end_ns - begin_ns;
}

int message_read_done(json_t *msg, const struct runner_spec *spec, struct run *run, char *why)
{
	json_t *tasks = json_object_get(msg, "tasks");
	size_t before = run->work_cnt;
	char *checksum;
	int err;

	err = check_done(tasks, spec, why);
	if (!err)
		err = add_works(tasks, run);
	if (err)
		return err;
	checksum = strdup(run->works[before].checksum);
	if (!checksum)
		return -ENOMEM;
	free(run->checksum);
	run->checksum = checksum;
	run->task_cnt = spec->tasks;
	run->work_ns = span_of(run->works + before, run->work_cnt - before);
	return 0;
}
