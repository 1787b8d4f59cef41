// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One watched run of a command or of a process; see command.h. */
#include "cmd/command.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/common.h"
#include "cmd/ending.h"
#include "cmd/procs.h"
#include "cmd/window.h"
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
static int watch(struct collector *c, struct child *child, long others, struct window *w,
		 struct procs *procs, uint64_t until, struct err *e)
{
	struct pollfd ended = {.fd = child ? child->pid_fd : -1, .events = POLLIN};
	int err, timeout, look_cnt = 0;

	while (!interrupted && now_ns() < until) {
		err = collector_drain(c, &w->gone);
		if (err)
			return err_sys(e, err, "cannot drain the ring buffer");
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

static char *processes_label(const struct opt_ints *tgids)
{
	char label[160];
	size_t len =
		(size_t)snprintf(label, sizeof(label), "process%s", tgids->cnt > 1 ? "es" : "");

	for (int i = 0; i < tgids->cnt && len < sizeof(label) - 1; i++)
		len += (size_t)snprintf(label + len, sizeof(label) - len, "%s %d", i ? "," : "",
					tgids->v[i]);
	return strdup(label);
}

static int fill_run(struct run *run, const struct command *o, int repeat)
{
	run->label = o->label  ? strdup(o->label)
		     : o->argv ? command_label(o->argv)
			       : processes_label(&o->tgids);
	run->runtime = strdup("");
	run->workload = strdup("");
	run->model = strdup(o->side ? o->side : "");
	run->detail = strdup("");
	run->checksum = strdup("");
	run->repeat = repeat;
	run->interrupted = interrupted;
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

static int track_all(struct collector *c, const struct opt_ints *tgids, struct err *e)
{
	int err = 0;

	for (int i = 0; i < tgids->cnt && !err; i++)
		err = collector_track(c, tgids->v[i], false, e);
	return err;
}

static int measure(struct recorder *rec, struct child *child, const struct command *o, int repeat,
		   struct err *e)
{
	struct recording *r = &rec->r;
	struct collector *c = rec->c;
	struct procs procs = {0};
	uint64_t spin_ns = UNKNOWN, cacheline_ns = UNKNOWN, until = UINT64_MAX;
	struct window w;
	struct run *run;
	bool timed_out = false;
	long others = 0;
	int err;

	if (o->side)
		timing_quick(&spin_ns, &cacheline_ns);
	window_init(&w, c, rec->names);
	w.path = child && o->path;
	if (child) {
		err = window_begin_empty(&w, child->pid, e);
		if (!err)
			err = collector_track(c, child->pid, true, e);
		/* now, while it waits: once it runs it may have children of its own at any moment */
		others = collector_live(c) - 1;
		if (!err)
			err = child_exec(child, o->argv, e);
		if (!err && !r->start_ns)
			r->start_ns = collector_exec_ns(c) - program_start_ns();
	} else {
		err = track_all(c, &o->tgids, e);
		if (!err)
			err = window_begin(&w, 0, e);
	}
	if (o->seconds)
		until = now_ns() + (uint64_t)o->seconds * NSEC_PER_SEC;
	if (!err)
		err = watch(c, child, others, &w, &procs, until, e);
	if (!err && child && o->seconds && !interrupted)
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
		err = window_end(&w, run, e);
	if (!err)
		fit_window(run, child ? collector_exec_ns(c) : 0);
	window_clear(&w);
	return err || !timed_out ? err : note_time_over(r, o);
}

static int status_of_exec(int err)
{
	return err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int command_run(struct recorder *rec, const struct command *o, struct child *child, int repeat,
		int *status, struct err *e)
{
	int err;

	if (!o->argv) {
		confine_or_note(CONFINE_READS);
		return measure(rec, NULL, o, repeat, e);
	}
	err = child_fork(child, o->argv, o->as, o->quiet, e);
	if (rec->last)
		confine_or_note(CONFINE_READS);
	if (!err)
		ending_prepare(rec->c, child);
	if (!err)
		err = measure(rec, child, o, repeat, e);
	if (err && child->exec_failed)
		*status = status_of_exec(err);
	if (!err && child->reaped && child->status && !interrupted) {
		*status = child->status;
		rec->r.runs[rec->r.run_cnt - 1].exit_status = child->status;
	}
	if (interrupted)
		ending_ask(rec->c, child);
	else
		ending_finish(rec->c, child);
	return err;
}
