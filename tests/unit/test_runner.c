// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Both sides of the runner protocol: the loader's side against small scripts that answer wrongly
 * or not at all, then the loader's side and the native runner together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "model/recording.h"
#include "runner/runner.h"

#define HELLO                                                                                      \
	"say '{\"type\":\"hello\",\"protocol\":1,\"runtime\":\"fake\",\"version\":\"1.2\","        \
	"\"libs\":[{\"name\":\"libfake\",\"version\":\"9\"}],\"models\":[\"threads\",\"procs\"],"  \
	"\"workloads\":[\"math\"],\"new in protocol 1.5\":{}}'\n"
#define LANE "{\"tid\":1,\"tgid\":1,\"cpu\":0}"
#define READY "say '{\"type\":\"ready\",\"lanes\":[" LANE "," LANE "],\"n\":7,\"detail\":\"d\"}'\n"
#define TO_READY HELLO "hear\n" READY
#define TASK(i, lane, sum)                                                                         \
	"{\"index\":" #i ",\"lane\":" #lane ",\"begin_ns\":10,\"end_ns\":1" #i                     \
	",\"checksum\":\"" sum "\"}"
#define DONE(tasks) "say '{\"type\":\"done\",\"begin_ns\":1,\"end_ns\":99,\"tasks\":[" tasks "]}'\n"
#define GOOD_DONE DONE(TASK(0, 0, "a") "," TASK(1, 1, "a"))

static char folder[] = "/tmp/test_runner.XXXXXX";
static char script[PATH_MAX], native[PATH_MAX];

/* --- helpers --- */

static void write_script(const char *body)
{
	FILE *f = fopen(script, "we");

	assert_non_null(f);
	fprintf(f,
		"#!/bin/bash\n"
		"say() { printf '%%s\\n' \"$1\" >&$WALLGAP_OUT_FD; }\n"
		"hear() { IFS= read -r line <&$WALLGAP_IN_FD || exit 9; }\n"
		"%s",
		body);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	fclose(f);
}

static struct runner_spec fake_spec(void)
{
	return (struct runner_spec){
		.path = script,
		.workload = "math",
		.model = "threads",
		.workers = 2,
		.tasks = 2,
		.timeout_s = 20,
	};
}

static int open_and_start(struct runner **r, const struct runner_spec *spec, struct err *e)
{
	assert_int_equal(runner_open(r, spec, e), 0);
	return runner_start(*r, e);
}

static int go_and_wait(struct runner *r, struct run *run, struct err *e)
{
	int err = runner_go(r, e);

	return err ? err : runner_wait(r, run, NULL, e);
}

static struct run *new_run(struct recording *rec)
{
	struct run *run;

	recording_init(rec);
	run = recording_add_run(rec);
	assert_non_null(run);
	return run;
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int cnt = 0;

	assert_non_null(d);
	while (readdir(d))
		cnt++;
	closedir(d);
	return cnt;
}

static void nap(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* A process that ended and was not reaped by its new parent has ended all the same. */
static bool is_gone(pid_t tgid)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", tgid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state == 'Z' || state == 'X';
}

static void assert_gone_soon(pid_t tgid)
{
	for (int i = 0; i < 300 && !is_gone(tgid); i++)
		nap(10);
	assert_true(is_gone(tgid));
}

static void assert_says(const struct err *e, const char *part)
{
	if (!strstr(e->msg, part))
		fail_msg("\"%s\" does not say \"%s\"", e->msg, part);
	assert_null(strchr(e->msg, '\n'));
	for (const char *c = e->msg; *c; c++)
		assert_false(iscntrl((unsigned char)*c));
}

/* --- scripts that fail --- */

struct bad {
	const char *body;
	int code;
	const char *says;
	int timeout_s; /* 0: enough */
};

/* Before or instead of ready. */
static const struct bad bad_starts[] = {
	{"sleep 30", -ETIMEDOUT, "did not answer with \"hello\" within 1 s", 1},
	{HELLO "sleep 30", -ETIMEDOUT, "did not answer with \"ready\" within 1 s", 1},
	{"say 'what now?'", -EPROTO, "junk where \"hello\" was expected: what now?", 0},
	{"say ''", -EPROTO, "junk", 0},
	{"say '[1]'", -EPROTO, "junk", 0},
	{"say '{\"type\":7}'", -EPROTO, "junk", 0},
	{"say $'\\e[31m\\x01'", -EPROTO, "junk", 0},
	{"say '{\"type\":\"hello\",\"protocol\":2}'", -EPROTO, "speaks runner protocol 2", 0},
	{"say '{\"type\":\"hello\"}'", -EPROTO, "speaks runner protocol -1", 0},
	{"say '{\"type\":\"hello\",\"protocol\":1}'", -EPROTO, "name its runtime", 0},
	{"say '{\"type\":\"hello\",\"protocol\":1,\"runtime\":\"x\",\"version\":\"1\","
	 "\"models\":[\"threads\"],\"workloads\":[\"crypto\"]}'",
	 -ENOTSUP, "does not have the workload math", 0},
	{"say '{\"type\":\"hello\",\"protocol\":1,\"runtime\":\"x\",\"version\":\"1\","
	 "\"models\":[\"procs\"],\"workloads\":[\"math\"]}'",
	 -ENOTSUP, "does not have the model threads", 0},
	{READY, -EPROTO, "sent \"ready\" where \"hello\" was expected", 0},
	{"echo first >&2; echo 'it hurts' >&2; exit 3", -EPIPE,
	 "ended with exit status 3 before \"hello\"; it printed \"it hurts\"", 0},
	{HELLO "hear; kill -SEGV $$", -EPIPE, "was killed by signal 11", 0},
	{"eval \"exec $WALLGAP_OUT_FD>&-\"; sleep 30", -EPIPE, "closed its side and did not end",
	 0},
	{"head -c 17000000 /dev/zero | tr '\\0' x >&$WALLGAP_OUT_FD; sleep 30", -EMSGSIZE,
	 "more than 16 MiB", 0},
	{"say '{\"type\":\"error\",\"text\":\"no\\nluck \\u001b[1m\"}'", -EREMOTEIO, "no luck", 0},
	{"say '{\"type\":\"error\"}'", -EREMOTEIO, "did not say why", 0},
	{HELLO "say '{\"type\":\"ready\",\"lanes\":[" LANE "],\"n\":7}'", -EPROTO,
	 "ready with 1 lanes, asked for were 2", 0},
	{HELLO "say '{\"type\":\"ready\",\"n\":7}'", -EPROTO, "ready with 0 lanes", 0},
	{HELLO "say '{\"type\":\"ready\",\"lanes\":[" LANE ",{\"tid\":-4,\"tgid\":1}],\"n\":7}'",
	 -EPROTO, "no valid tid and tgid for lane 1", 0},
	{HELLO "say '{\"type\":\"ready\",\"lanes\":[" LANE "," LANE "]}'", -EPROTO, "the size n",
	 0},
};

static void test_bad_starts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_starts); i++) {
		const struct bad *bad = &bad_starts[i];
		struct runner_spec spec = fake_spec();
		struct err e = {""};
		struct runner *r;

		write_script(bad->body);
		if (bad->timeout_s)
			spec.timeout_s = bad->timeout_s;
		assert_int_equal(open_and_start(&r, &spec, &e), bad->code);
		assert_says(&e, bad->says);
		assert_says(&e, script);
		runner_close(r);
	}
}

/* Instead of done. */
static const struct bad bad_ends[] = {
	{"sleep 30", -ETIMEDOUT, "did not answer with \"done\" within 1 s", 1},
	{"exit 0", -EPIPE, "ended with exit status 0 before \"done\"", 0},
	{"say '{\"type\":\"error\",\"text\":\"lane 1 is on fire\"}'; exit 1", -EREMOTEIO,
	 "lane 1 is on fire", 0},
	{READY, -EPROTO, "sent \"ready\" where \"done\" was expected", 0},
	{DONE(TASK(0, 0, "a") "," TASK(1, 1, "b")), -EILSEQ,
	 "wrong result: task 1 (lane 1) gave b, task 0 (lane 0) gave a", 0},
	{DONE(TASK(0, 0, "a")), -EPROTO, "did 1 tasks, asked for were 2", 0},
	{DONE(TASK(0, 0, "a") "," TASK(0, 1, "a")), -EPROTO, "counts its tasks wrongly: 0", 0},
	{DONE(TASK(0, 0, "a") "," TASK(2, 1, "a")), -EPROTO, "counts its tasks wrongly: 2", 0},
	{DONE(TASK(0, 0, "a") "," TASK(1, 2, "a")), -EPROTO, "on lane 2, which does not exist", 0},
	{DONE(TASK(0, 0, "a") ",7"), -EPROTO, "counts its tasks wrongly: -1", 0},
	{DONE(TASK(0, 0, "a") ",{\"index\":1,\"lane\":1,\"begin_ns\":5,\"end_ns\":4}"), -EPROTO,
	 "from 5 ns to 4 ns", 0},
	{DONE(TASK(0, 0, "a") ",{\"index\":1,\"lane\":1,\"begin_ns\":5,\"end_ns\":5}"), -EPROTO,
	 "no checksum for task 1", 0},
	{"say '{\"type\":\"done\"}'", -EPROTO, "did 0 tasks", 0},
};

static void test_bad_ends(void **state)
{
	char body[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_ends); i++) {
		const struct bad *bad = &bad_ends[i];
		struct runner_spec spec = fake_spec();
		struct err e = {""};
		struct recording rec;
		struct runner *r;
		struct run *run = new_run(&rec);

		snprintf(body, sizeof(body), TO_READY "hear\n%s", bad->body);
		write_script(body);
		if (bad->timeout_s)
			spec.timeout_s = bad->timeout_s;
		assert_int_equal(open_and_start(&r, &spec, &e), 0);
		assert_int_equal(go_and_wait(r, run, &e), bad->code);
		assert_says(&e, bad->says);
		assert_int_equal(run->work_cnt, 0);
		runner_close(r);
		recording_clear(&rec);
	}
}

static void test_cannot_run(void **state)
{
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct runner *r;

	(void)state;
	spec.path = "/nonexistent/runner";
	assert_int_equal(open_and_start(&r, &spec, &e), -ENOENT);
	assert_says(&e, "/nonexistent/runner: cannot be run: No such file");
	runner_close(r);
	spec.path = folder;
	assert_int_equal(open_and_start(&r, &spec, &e), -EACCES);
	runner_close(r);
}

static void test_bad_specs(void **state)
{
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct runner *r;

	(void)state;
	spec.workers = 0;
	assert_int_equal(runner_open(&r, &spec, &e), -EINVAL);
	assert_says(&e, "0 workers");
	spec.workers = 100000;
	assert_int_equal(runner_open(&r, &spec, &e), -EINVAL);
	spec = fake_spec();
	spec.tasks = 0;
	assert_int_equal(runner_open(&r, &spec, &e), -EINVAL);
	assert_says(&e, "0 tasks");
	assert_null(r);
	runner_close(NULL);
}

/* --- scripts that do well --- */

static void test_good_script(void **state)
{
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);
	int cnt;

	(void)state;
	/* noise must neither block it nor be taken for a message */
	write_script("head -c 300000 /dev/zero | tr '\\0' x >&2; echo; echo noise; " TO_READY
		     "hear\n" GOOD_DONE "hear\n" GOOD_DONE "hear\n[[ $line == *stop* ]]");
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	assert_string_equal(runner_hello(r)->runtime, "fake");
	assert_string_equal(runner_hello(r)->version, "1.2");
	assert_int_equal(runner_hello(r)->lib_cnt, 1);
	assert_string_equal(runner_hello(r)->libs[0].name, "libfake");
	assert_string_equal(runner_detail(r), "d");
	assert_int_equal(runner_n(r), 7);
	assert_int_equal(runner_lanes(r, &cnt)[1].tid, 1);
	assert_int_equal(cnt, 2);
	assert_int_equal(go_and_wait(r, run, &e), 0);
	assert_int_equal(go_and_wait(r, run, &e), 0);
	assert_int_equal(run->work_cnt, 4);
	assert_int_equal(run->task_cnt, 2);
	assert_int_equal(run->work_ns, 1);
	assert_string_equal(run->checksum, "a");
	runner_close(r);
	recording_clear(&rec);
}

static void test_waits_at_gate(void **state)
{
	struct runner_spec spec = fake_spec();
	char path[64], comm[32] = "";
	struct err e = {""};
	struct runner *r;
	uint64_t begin_ns;
	pid_t tgid;
	FILE *f;

	(void)state;
	write_script(TO_READY "hear");
	assert_int_equal(runner_open(&r, &spec, &e), 0);
	tgid = runner_pid(r);
	nap(50);
	snprintf(path, sizeof(path), "/proc/%d/comm", tgid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(comm, sizeof(comm), f));
	fclose(f);
	assert_string_not_equal(comm, "fake\n"); /* the script's name: not before its exec */
	assert_int_equal(getpgid(tgid), tgid);
	begin_ns = now_ns();
	runner_close(r); /* never started */
	assert_true(now_ns() - begin_ns < NSEC_PER_SEC);
	assert_true(is_gone(tgid));
}

static void test_ten_thousand_lanes(void **state)
{
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);
	int cnt;

	(void)state;
	write_script(HELLO
		     "hear\n"
		     "{ printf '{\"type\":\"ready\",\"n\":1,\"lanes\":['\n"
		     "seq -s, -f '{\"tid\":%.0f,\"tgid\":7,\"cpu\":1}' 1 10000 | tr -d '\\n'\n"
		     "printf ']}\\n'; } >&$WALLGAP_OUT_FD\n"
		     "hear\n"
		     "{ printf '{\"type\":\"done\",\"tasks\":['\n"
		     "seq 0 9999 | sed 's/.*/{\"index\":&,\"lane\":&,\"begin_ns\":1,\"end_ns\":2,"
		     "\"checksum\":\"'$(printf %0128d 5)'\"},/; $s/,$//' | tr -d '\\n'\n"
		     "printf ']}\\n'; } >&$WALLGAP_OUT_FD\n");
	spec.workers = 10000;
	spec.tasks = 10000;
	spec.pin = true;
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	assert_int_equal(runner_lanes(r, &cnt)[9999].tid, 10000);
	assert_int_equal(cnt, 10000);
	if (go_and_wait(r, run, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(run->work_cnt, 10000);
	assert_int_equal(strlen(run->checksum), 128);
	runner_close(r);
	recording_clear(&rec);
}

static volatile sig_atomic_t stopped;

static void on_alarm(int sig)
{
	(void)sig;
	stopped = 1;
}

static void test_stop_ends_the_wait(void **state)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);
	uint64_t begin_ns;

	(void)state;
	write_script(TO_READY "hear\nsleep 3\n" GOOD_DONE "hear\n");
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	assert_int_equal(runner_go(r, &e), 0);
	sigaction(SIGALRM, &sa, NULL);
	begin_ns = now_ns();
	alarm(1);
	assert_int_equal(runner_wait(r, run, &stopped, &e), -EINTR);
	assert_true(now_ns() - begin_ns < 2900 * NSEC_PER_MSEC);
	assert_int_equal(run->work_cnt, 0);
	stopped = 0;
	/* what was interrupted can be waited for again */
	assert_int_equal(runner_wait(r, run, &stopped, &e), 0);
	runner_close(r);
	recording_clear(&rec);
}

/* Deaf to stop and SIGTERM, with a child that would outlive it. */
static void test_close_kills_the_group(void **state)
{
	struct runner_spec spec = fake_spec();
	struct err e = {""};
	struct runner *r;
	uint64_t begin_ns;
	char path[PATH_MAX + 8];
	int child;
	FILE *f;

	(void)state;
	write_script("trap '' TERM\nsleep 300 & echo $! >\"$0.child\"\n" TO_READY
		     "while :; do sleep 1; done");
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	begin_ns = now_ns();
	runner_close(r);
	assert_true(now_ns() - begin_ns < 4 * NSEC_PER_SEC);
	snprintf(path, sizeof(path), "%s.child", script);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &child), 1);
	fclose(f);
	unlink(path);
	assert_gone_soon(child);
}

static void test_nothing_leaks(void **state)
{
	struct runner_spec spec = fake_spec();
	int before = open_files();
	struct err e = {""};
	struct runner *r;

	(void)state;
	/* ls sees the two of the protocol, stdin, stdout, stderr, and the folder it reads */
	write_script(HELLO "hear\n[ $(ls /proc/self/fd | wc -l) = 6 ] || "
			   "{ ls -l /proc/self/fd >&2; exit 5; }\n" READY "hear");
	for (int i = 0; i < 3; i++) {
		struct runner *other;

		assert_int_equal(runner_open(&other, &spec, &e), 0);
		if (open_and_start(&r, &spec, &e))
			fail_msg("%s", e.msg);
		runner_close(r);
		runner_close(other);
	}
	assert_int_equal(open_files(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

/* --- the native runner --- */

struct small {
	const char *workload;
	long long n;
	const char *checksum; /* or NULL: the models must agree all the same */
	const char *detail;
};

static const struct small small[] = {
	{"math", 100, NULL, "100 terms a task"},
	{"crypto", 100,
	 "cc59bb9b70c7d9255a13f00dc107694dc4854bf32e6d4fa9e95d917da5eeabc3"
	 "100745c964c7f82118845bb843b7c0b79a9564e96f62588b02705f326a1541a4",
	 "100 operations a task"},
	{"crypto-query", 100,
	 "cc59bb9b70c7d9255a13f00dc107694dc4854bf32e6d4fa9e95d917da5eeabc3"
	 "100745c964c7f82118845bb843b7c0b79a9564e96f62588b02705f326a1541a4",
	 "100 operations a task"},
	{"crypto-fetched", 100,
	 "cc59bb9b70c7d9255a13f00dc107694dc4854bf32e6d4fa9e95d917da5eeabc3"
	 "100745c964c7f82118845bb843b7c0b79a9564e96f62588b02705f326a1541a4",
	 "100 operations a task"},
	{"crypto-private", 100,
	 "cc59bb9b70c7d9255a13f00dc107694dc4854bf32e6d4fa9e95d917da5eeabc3"
	 "100745c964c7f82118845bb843b7c0b79a9564e96f62588b02705f326a1541a4",
	 "100 operations a task"},
	{"crypto-query-private", 100,
	 "cc59bb9b70c7d9255a13f00dc107694dc4854bf32e6d4fa9e95d917da5eeabc3"
	 "100745c964c7f82118845bb843b7c0b79a9564e96f62588b02705f326a1541a4",
	 "100 operations a task"},
	{"transfer", 1 << 20, "a11ba780", "1 MiB a task"},
	{"churn", 1100, NULL, "1,100 mappings of 64 KiB a task"},
	{"populate", 1, NULL, "1 mappings of 100 MiB a task"},
};

static const char *const models[] = {"single", "threads", "procs"};

static struct runner_spec native_spec(const char *workload, const char *model, long long n)
{
	return (struct runner_spec){
		.path = native,
		.workload = workload,
		.model = model,
		.workers = 2,
		.tasks = 5,
		.n = n,
		.pin = true,
		.timeout_s = 20,
	};
}

/* The number of the system call it sleeps in; -1 when it runs, or when we may not know. */
static long call_of(const struct runner_lane *lane)
{
	char path[64];
	long nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", lane->tgid, lane->tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr;
}

static void check_lane(struct runner *r, const struct runner_lane *lane, bool other_process)
{
	cpu_set_t set;
	long nr = -1;

	if (other_process) {
		assert_int_not_equal(lane->tgid, runner_pid(r));
		assert_int_not_equal(lane->tid, lane->tgid); /* a thread of its own there */
	} else {
		assert_int_equal(lane->tgid, runner_pid(r));
		assert_int_not_equal(lane->tid, runner_pid(r));
	}
	assert_int_equal(sched_getaffinity((pid_t)lane->tid, sizeof(set), &set), 0);
	assert_int_equal(CPU_COUNT(&set), 1);
	assert_true(lane->cpu >= 0 && CPU_ISSET(lane->cpu, &set));
	/* it may still be on its way there when the runner says ready */
	for (int i = 0; i < 100 && nr < 0; i++, nap(1))
		nr = call_of(lane);
	assert_int_equal(nr, SYS_read);
}

static void run_small(const struct small *s, const char *model, char *checksum, size_t sz)
{
	struct runner_spec spec = native_spec(s->workload, model, s->n);
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);
	const struct runner_lane *lanes;
	int cnt;

	if (open_and_start(&r, &spec, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(runner_hello(r)->runtime, "native");
	assert_string_equal(runner_detail(r), s->detail);
	assert_int_equal(runner_n(r), s->n);
	lanes = runner_lanes(r, &cnt);
	assert_int_equal(cnt, strcmp(model, "single") ? 2 : 1);
	for (int i = 0; i < cnt; i++)
		check_lane(r, &lanes[i], !strcmp(model, "procs"));
	for (int i = 0; i < 2; i++)
		if (go_and_wait(r, run, &e))
			fail_msg("%s", e.msg);
	assert_int_equal(run->work_cnt, 10);
	for (size_t i = 0; i < run->work_cnt; i++)
		assert_int_equal(run->works[i].lane, run->works[i].index % cnt);
	snprintf(checksum, sz, "%s", run->checksum);
	if (s->checksum)
		assert_string_equal(checksum, s->checksum);
	runner_close(r);
	recording_clear(&rec);
}

static void test_native_everything(void **state)
{
	char first[160], checksum[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
		run_small(&small[i], models[0], first, sizeof(first));
		for (size_t m = 1; m < ARRAY_SIZE(models); m++) {
			run_small(&small[i], models[m], checksum, sizeof(checksum));
			assert_string_equal(checksum, first);
		}
	}
}

static void test_native_sum(void **state)
{
	double sum = 0;
	char checksum[160], wanted[40];

	(void)state;
	for (int i = 0; i < 100; i++)
		sum += sqrt(i) * sin(i);
	snprintf(wanted, sizeof(wanted), "%.17g", sum);
	run_small(&small[0], "threads", checksum, sizeof(checksum));
	assert_string_equal(checksum, wanted);
}

struct fault {
	const char *variable, *model;
	int code;
	const char *says;
	int timeout_s;
};

static const struct fault faults[] = {
	{"WALLGAP_TEST_CRASH", "single", -EPIPE, "was killed by signal 11 (", 20},
	{"WALLGAP_TEST_CRASH", "threads", -EPIPE, "was killed by signal 11 (", 20},
	{"WALLGAP_TEST_CRASH", "procs", -EREMOTEIO, "the process of lane 0 (", 20},
	{"WALLGAP_TEST_WRONG", "threads", -EREMOTEIO, "wrong result: task 1 (lane 1) gave", 20},
	{"WALLGAP_TEST_WRONG", "procs", -EREMOTEIO, "wrong result: task 1 (lane 1) gave", 20},
	{"WALLGAP_TEST_HANG", "threads", -EREMOTEIO,
	 "lane 0 did not finish task 0 within 1 s, nor are 2 others done", 1},
	{"WALLGAP_TEST_HANG", "procs", -EREMOTEIO, "lane 0 did not finish task 0 within 1 s", 1},
};

static void test_native_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct runner_spec spec = native_spec("math", faults[i].model, 100);
		const struct runner_lane *lanes;
		struct err e = {""};
		struct recording rec;
		struct runner *r;
		struct run *run = new_run(&rec);
		pid_t last;
		int cnt;

		spec.timeout_s = faults[i].timeout_s;
		setenv(faults[i].variable, "0", 1);
		assert_int_equal(open_and_start(&r, &spec, &e), 0);
		unsetenv(faults[i].variable);
		lanes = runner_lanes(r, &cnt);
		last = (pid_t)lanes[cnt - 1].tgid;
		assert_int_equal(go_and_wait(r, run, &e), faults[i].code);
		assert_says(&e, faults[i].says);
		runner_close(r);
		assert_gone_soon(last);
		recording_clear(&rec);
	}
}

/* transfer compares what arrives with what was sent, even when all tasks agree. */
static void test_native_wrong_buffer(void **state)
{
	struct runner_spec spec = native_spec("transfer", "procs", 1 << 20);
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);

	(void)state;
	spec.workers = 1;
	spec.tasks = 1;
	setenv("WALLGAP_TEST_WRONG", "0", 1);
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	unsetenv("WALLGAP_TEST_WRONG");
	assert_int_equal(go_and_wait(r, run, &e), -EREMOTEIO);
	assert_says(&e, "arrived with checksum a11ba780 and was sent with wrong");
	runner_close(r);
	recording_clear(&rec);
}

static void test_native_refusals(void **state)
{
	struct runner_spec spec = native_spec("transfer", "procs", 1ll << 40);
	struct err e = {""};
	struct runner *r;

	(void)state;
	assert_int_equal(open_and_start(&r, &spec, &e), -EREMOTEIO);
	assert_says(&e, "MiB are available: use fewer workers");
	runner_close(r);
	spec = native_spec("math", "threads", LLONG_MAX);
	assert_int_equal(open_and_start(&r, &spec, &e), -EREMOTEIO);
	assert_says(&e, "n or timeout_s is out of range");
	runner_close(r);
	spec = native_spec("juggling", "threads", 1);
	assert_int_equal(open_and_start(&r, &spec, &e), -ENOTSUP);
	assert_says(&e, "does not have the workload juggling");
	runner_close(r);
}

/* What a switch of bench --prove asks for reaches the runner and its children. */
static void test_no_huge_pages(void **state)
{
	struct runner_spec spec = native_spec("math", "procs", 10);
	struct err e = {""};
	struct runner *r;
	char path[64], line[128];
	int cnt, enabled;

	(void)state;
	for (int off = 0; off < 2; off++) {
		FILE *f;

		spec.no_huge_pages = off;
		if (open_and_start(&r, &spec, &e))
			fail_msg("%s", e.msg);
		snprintf(path, sizeof(path), "/proc/%u/status", runner_lanes(r, &cnt)[1].tgid);
		f = fopen(path, "re");
		assert_non_null(f);
		for (enabled = -1; enabled < 0 && fgets(line, sizeof(line), f);)
			sscanf(line, "THP_enabled: %d", &enabled);
		fclose(f);
		runner_close(r);
		if (enabled < 0)
			skip(); /* a kernel without huge pages */
		assert_int_equal(enabled, !off);
	}
}

static void test_native_many_lanes(void **state)
{
	struct runner_spec spec = native_spec("math", "threads", 10);
	struct err e = {""};
	struct recording rec;
	struct runner *r;
	struct run *run = new_run(&rec);
	int cnt;

	(void)state;
	spec.workers = 1000;
	spec.tasks = 3000;
	if (open_and_start(&r, &spec, &e) || go_and_wait(r, run, &e))
		fail_msg("%s", e.msg);
	runner_lanes(r, &cnt);
	assert_int_equal(cnt, 1000);
	assert_int_equal(run->work_cnt, 3000);
	runner_close(r);
	recording_clear(&rec);
}

/* A stop while lanes work must not wait for them. */
static void test_native_stop_while_working(void **state)
{
	struct runner_spec spec = native_spec("math", "procs", 1000);
	const struct runner_lane *lanes;
	struct err e = {""};
	struct runner *r;
	uint64_t begin_ns;
	pid_t last;
	int cnt;

	(void)state;
	setenv("WALLGAP_TEST_HANG", "1", 1);
	assert_int_equal(open_and_start(&r, &spec, &e), 0);
	unsetenv("WALLGAP_TEST_HANG");
	lanes = runner_lanes(r, &cnt);
	last = (pid_t)lanes[1].tgid;
	assert_int_equal(runner_go(r, &e), 0);
	nap(50);
	begin_ns = now_ns();
	runner_close(r);
	assert_true(now_ns() - begin_ns < NSEC_PER_SEC);
	assert_gone_soon(last);
}

/* The loader is killed: nothing of the runner may stay. */
static void test_native_loader_dies(void **state)
{
	struct runner_spec spec = native_spec("math", "procs", 1000);
	pid_t loader, left[3];
	int fds[2], cnt;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	setenv("WALLGAP_TEST_HANG", "1", 1);
	loader = fork();
	if (!loader) {
		const struct runner_lane *lanes;
		struct err e = {""};
		struct runner *r;

		if (runner_open(&r, &spec, &e) || runner_start(r, &e) || runner_go(r, &e))
			_exit(1);
		lanes = runner_lanes(r, &cnt);
		left[0] = runner_pid(r);
		left[1] = (pid_t)lanes[0].tgid;
		left[2] = (pid_t)lanes[1].tgid;
		if (write(fds[1], left, sizeof(left)) != sizeof(left))
			_exit(1);
		for (;;)
			pause();
	}
	unsetenv("WALLGAP_TEST_HANG");
	close(fds[1]);
	assert_int_equal(read(fds[0], left, sizeof(left)), sizeof(left));
	close(fds[0]);
	kill(loader, SIGKILL);
	waitpid(loader, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		assert_gone_soon(left[i]);
}

static void exec_native(int in_fd, int out_fd)
{
	char text[16];

	fcntl(in_fd, F_SETFD, 0);
	fcntl(out_fd, F_SETFD, 0);
	snprintf(text, sizeof(text), "%d", in_fd);
	setenv("WALLGAP_IN_FD", text, 1);
	snprintf(text, sizeof(text), "%d", out_fd);
	setenv("WALLGAP_OUT_FD", text, 1);
	setenv("WALLGAP_TEST_HANG", "1", 1);
	execl(native, native, NULL);
	_exit(127);
}

/* Any loader that goes away, also one that is not its parent: its pipe ends, in the midst of a go. */
static void test_native_sees_end_of_pipe(void **state)
{
	static const char ask[] = "{\"type\":\"setup\",\"workload\":\"math\",\"model\":\"procs\","
				  "\"workers\":2,\"tasks\":2,\"n\":9}\n{\"type\":\"go\"}\n";
	char text[8192];
	ssize_t len = 0, got;
	int in[2], out[2], status;
	pid_t tgid;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	tgid = fork();
	if (!tgid)
		exec_native(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], ask, sizeof(ask) - 1), sizeof(ask) - 1);
	text[0] = '\0';
	while (!strstr(text, "\"ready\"")) {
		got = read(out[0], text + len, sizeof(text) - 1 - (size_t)len);
		assert_true(got > 0);
		len += got;
		text[len] = '\0';
	}
	nap(50); /* now it waits for a lane that hangs */
	close(in[1]);
	/* it and its children hold the other end: this ends when all have gone */
	do
		got = read(out[0], text, sizeof(text));
	while (got > 0);
	assert_int_equal(waitpid(tgid, &status, 0), tgid);
	assert_true(WIFEXITED(status));
	close(out[0]);
}

/* --- frame --- */

/* The runner is build/wallgap-native; this program lies in some folder below build. */
static int find_native(void)
{
	ssize_t len = readlink("/proc/self/exe", native, sizeof(native) - 20);
	char *slash;

	native[len > 0 ? len : 0] = '\0';
	while ((slash = strrchr(native, '/'))) {
		strcpy(slash, "/wallgap-native");
		if (!access(native, X_OK))
			return 0;
		*slash = '\0';
	}
	snprintf(native, sizeof(native), "build/wallgap-native");
	return access(native, X_OK);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(script, sizeof(script), "%s/fake", folder);
	if (!find_native())
		return 0;
	fprintf(stderr, "build/wallgap-native is missing: make build/wallgap-native\n");
	return -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(script);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_starts),
		cmocka_unit_test(test_bad_ends),
		cmocka_unit_test(test_cannot_run),
		cmocka_unit_test(test_bad_specs),
		cmocka_unit_test(test_good_script),
		cmocka_unit_test(test_waits_at_gate),
		cmocka_unit_test(test_ten_thousand_lanes),
		cmocka_unit_test(test_stop_ends_the_wait),
		cmocka_unit_test(test_close_kills_the_group),
		cmocka_unit_test(test_nothing_leaks),
		cmocka_unit_test(test_native_everything),
		cmocka_unit_test(test_native_sum),
		cmocka_unit_test(test_native_faults),
		cmocka_unit_test(test_native_wrong_buffer),
		cmocka_unit_test(test_native_refusals),
		cmocka_unit_test(test_no_huge_pages),
		cmocka_unit_test(test_native_many_lanes),
		cmocka_unit_test(test_native_stop_while_working),
		cmocka_unit_test(test_native_loader_dies),
		cmocka_unit_test(test_native_sees_end_of_pipe),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
