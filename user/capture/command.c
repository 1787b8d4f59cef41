// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One watched run of a command or of a process; see command.h. */
#include "capture/command.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "base/util.h"
#include "capture/confining.h"
#include "capture/ending.h"
#include "capture/procs.h"
#include "host/host.h"
#include "host/timing.h"

/* ms, cut to what is left until then. */
static int at_most(int timeout, uint64_t until)
{
	uint64_t now = now_ns(), left = until > now ? (until - now) / NSEC_PER_MSEC + 1 : 0;

	return until != UINT64_MAX && left < (uint64_t)timeout ? (int)left : timeout;
}

/*
 * A last switch that did not reach us would keep the count of live tasks up for ever: so look for
 * the tasks themselves, now and then. True when there were none several times in a row.
 */
static bool nobody_left(struct collector *c, int *look_cnt)
{
	struct rows rows = {0};

	if (++*look_cnt % 64)
		return false;
	if (collector_snapshot(c, &rows, NULL) || rows.cnt)
		*look_cnt = 0;
	rows_clear(&rows);
	return *look_cnt >= 4 * 64;
}

/*
 * Until the last descendant has ended, the time is over, or a signal. others: tasks that are
 * tracked and none of the child's, left over by a run that was cut short.
 */
static int watch(struct capture *k, const struct command *o, struct child *child, long others,
		 struct procs *procs, uint64_t until, struct err *e)
{
	struct collector *c = capture_collector(k);
	struct pollfd ended = {.fd = child ? child->pid_fd : -1, .events = POLLIN};
	int err, timeout, look_cnt = 0;

	while (!*o->stop && now_ns() < until) {
		err = capture_drain(k, e);
		if (err)
			return err;
		if ((!child || child_poll(child)) && collector_live(c) <= others)
			return 0;
		timeout = procs_sample(procs, c);
		if (child && child->reaped) {
			/* only descendants are left, or the last rows are about to come */
			ended.fd = -1;
			timeout = timeout < 2 ? timeout : 2;
			if (nobody_left(c, &look_cnt))
				return 0;
		}
		timeout = at_most(timeout, until);
		if (poll(&ended, 1, timeout) < 0 && errno != EINTR)
			return err_sys(e, -errno, "poll");
	}
	return 0;
}

/* It still runs and its time is over: then we end it, and say so. */
static int note_time_over(struct recording *r, const struct command *o)
{
	char reason[32];

	snprintf(reason, sizeof(reason), "-d %d", o->seconds);
	say_note("wallgap record: the %d s of -d are over: ending the command, which still runs",
		 o->seconds);
	free(r->stopped_by);
	r->stopped_by = strdup(reason);
	return r->stopped_by ? 0 : -ENOMEM;
}

static char *command_label(char **argv)
{
	char label[160];
	size_t len = 0;

	for (; *argv && len < sizeof(label) - 1; argv++)
		len += (size_t)snprintf(label + len, sizeof(label) - len, "%s%s", len ? " " : "",
					*argv);
	return strdup(label);
}

static char *processes_label(const struct command *o)
{
	char label[160];
	size_t len =
		(size_t)snprintf(label, sizeof(label), "process%s", o->tgid_cnt > 1 ? "es" : "");

	for (int i = 0; i < o->tgid_cnt && len < sizeof(label) - 1; i++)
		len += (size_t)snprintf(label + len, sizeof(label) - len, "%s %d", i ? "," : "",
					o->tgids[i]);
	return strdup(label);
}

static int fill_run(struct run *run, const struct command *o, int repeat)
{
	run->label = o->label  ? strdup(o->label)
		     : o->argv ? command_label(o->argv)
			       : processes_label(o);
	run->runtime = strdup("");
	run->workload = strdup("");
	run->model = strdup(o->side ? o->side : "");
	run->detail = strdup("");
	run->checksum = strdup("");
	run->repeat = repeat;
	run->interrupted = *o->stop != 0;
	return run->label && run->runtime && run->workload && run->model && run->detail &&
			       run->checksum
		       ? 0
		       : -ENOMEM;
}

/* The window is the command's life: from its exec to the last descendant's end. */
static void fit_window(struct run *run, uint64_t exec_ns)
{
	uint64_t last = 0;
	size_t i;

	if (!run->thread_cnt)
		return;
	if (exec_ns)
		run->begin_ns = exec_ns;
	for (i = 0; i < run->thread_cnt; i++)
		if (run->threads[i].end_ns > last)
			last = run->threads[i].end_ns;
	if (last > run->begin_ns)
		run->end_ns = last;
}

void command_preload(struct collector *c, const char *command)
{
	scoped_free char *dirs = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	char path[PATH_MAX], *dir, *save = NULL;

	if (strchr(command, '/')) {
		collector_preload(c, command);
		return;
	}
	for (dir = dirs ? strtok_r(dirs, ":", &save) : NULL; dir;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, sizeof(path), "%s/%s", dir, command);
		if (!access(path, X_OK)) {
			collector_preload(c, path);
			return;
		}
	}
}

static int track_all(struct collector *c, const struct command *o, struct err *e)
{
	int err = 0;

	for (int i = 0; i < o->tgid_cnt && !err; i++)
		err = collector_track(c, o->tgids[i], false, e);
	return err;
}

static int measure(struct capture *k, struct child *child, const struct command *o, int repeat,
		   struct err *e)
{
	struct recording *r = capture_recording(k);
	struct collector *c = capture_collector(k);
	struct procs procs = {0};
	uint64_t spin_ns = UNKNOWN, cacheline_ns = UNKNOWN, until = UINT64_MAX;
	struct run *run;
	bool timed_out = false;
	long others = 0;
	int err;

	if (o->side)
		timing_quick(&spin_ns, &cacheline_ns);
	if (child) {
		err = capture_begin_early(k, child->pid, o->path, e);
		if (!err)
			err = collector_track(c, child->pid, true, e);
		/* now, while it waits: once it runs it may have children of its own at any moment */
		others = collector_live(c) - 1;
		if (!err)
			err = child_exec(child, o->argv, e);
		if (!err && !r->start_ns)
			r->start_ns = collector_exec_ns(c) - host_own_start_ns();
	} else {
		err = track_all(c, o, e);
		if (!err)
			err = capture_begin(k, 0, e);
	}
	if (o->seconds)
		until = now_ns() + (uint64_t)o->seconds * NSEC_PER_SEC;
	if (!err)
		err = watch(k, o, child, others, &procs, until, e);
	if (!err && child && o->seconds && !*o->stop)
		timed_out = now_ns() >= until && (!child_poll(child) || collector_live(c) > others);
	run = err ? NULL : recording_add_run(r);
	if (!err)
		err = run ? fill_run(run, o, repeat) : -ENOMEM;
	if (!err)
		run->sample_hz = (uint64_t)collector_freq(c);
	if (!err) {
		run->spin_ns = spin_ns;
		run->cacheline_ns = cacheline_ns;
	}
	if (!err)
		procs_result(&procs, &run->memory);
	procs_clear(&procs);
	if (!err)
		err = capture_end(k, run, e);
	if (!err)
		fit_window(run, child ? collector_exec_ns(c) : 0);
	return err || !timed_out ? err : note_time_over(r, o);
}

int command_run(struct capture *k, const struct command *o, struct child *child, int repeat,
		bool last, int *status, struct err *e)
{
	struct collector *c = capture_collector(k);
	struct recording *r = capture_recording(k);
	int err;

	if (!o->argv) {
		confine_or_note(CONFINE_READS);
		return measure(k, NULL, o, repeat, e);
	}
	err = child_fork(child, o->argv, o->as, o->quiet, e);
	if (last)
		confine_or_note(CONFINE_READS);
	if (!err)
		ending_prepare(c, child);
	if (!err)
		err = measure(k, child, o, repeat, e);
	if (!err && child->reaped && child->status && !*o->stop) {
		*status = child->status;
		r->runs[r->run_cnt - 1].exit_status = child->status;
	}
	if (*o->stop)
		ending_ask(c, child);
	else
		ending_finish(c, child);
	return err;
}
