// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * See versus.h. The sides take turns, forth and back, so that what drifts in the machine falls on
 * both alike.
 */
#include "cmd/versus.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "capture/command.h"
#include "capture/confining.h"
#include "capture/ending.h"
#include "capture/head.h"
#include "cmd/common.h"
#include "cmd/progress.h"
#include "host/host.h"
#include "model/lock_rules.h"
#include "store/store.h"

#define WORDS_MAX 256
#define SHELL_CHARS "|&;<>()$`\\\"'*?[]#~=%!{}\n"

/* What is measured with. */
struct recorder {
	struct collector *c;
	struct capture *k;
	struct recording *r;
};

struct side {
	struct command command;
	char *words; /* that argv points into */
	char *argv[WORDS_MAX + 1];
	int failed_cnt;	 /* runs that ended with a status of their own */
	int status, run; /* of the first of these */
};

/* A command of plain words is run as it is; what only a shell understands goes to sh -c. */
static int side_init(struct side *s, const char *text, const char *label, const struct versus *v,
		     const struct runas *as, struct err *e)
{
	char *at, *save = NULL;
	int cnt = 0;

	*s = (struct side){.words = strdup(text)};
	if (!s->words)
		return err_sys(e, -ENOMEM, "cannot compare");
	text += strspn(text, " \t");
	if (strpbrk(text, SHELL_CHARS) || shell_knows(text)) {
		s->argv[0] = (char *)"sh"; /* NOLINT: execvp writes to none */
		s->argv[1] = (char *)"-c"; /* NOLINT */
		s->argv[2] = s->words;
	} else {
		for (at = strtok_r(s->words, " \t", &save); at && cnt < WORDS_MAX;
		     at = strtok_r(NULL, " \t", &save))
			s->argv[cnt++] = at;
		if (!cnt)
			return err_set(e, -EINVAL, "an empty command");
		if (at)
			return err_set(e, -EINVAL, "a command of more than %d words", WORDS_MAX);
	}
	s->command = (struct command){.argv = s->argv,
				      .label = text,
				      .side = label,
				      .as = as,
				      .path = true,
				      .stop = interrupt_flag(),
				      .quiet = !v->show_output};
	return 0;
}

static int run_side(struct recorder *rec, struct side *s, int repeat, bool last, struct err *e)
{
	struct child child = {.pid = -1, .gate_fd = -1, .exec_fd = -1, .pid_fd = -1};
	int status = 0;
	int err = command_run(rec->k, &s->command, &child, repeat, last, &status, e);

	ending_finish(rec->c, &child);
	if (!err && status && !s->failed_cnt++) {
		s->status = status;
		s->run = repeat;
	}
	return err;
}

/* Runs that fill caches: nothing of them is kept. */
static int warm_up(struct recorder *rec, struct side *sides, int times, struct err *e)
{
	int err = 0;

	for (int i = 0; i < 2 * times && !err && !interrupted(); i++) {
		err = run_side(rec, &sides[i % 2], 0, false, e);
		if (!err && rec->r->run_cnt)
			recording_drop_run(rec->r);
	}
	sides[0].failed_cnt = sides[1].failed_cnt = 0;
	return err;
}

static int run_all(struct recorder *rec, struct side *sides, const struct versus *v, struct err *e)
{
	struct progress progress = {0};
	int err = warm_up(rec, sides, v->warmup, e);
	char what[96];

	progress_begin(&progress, 2 * v->repeats);
	for (int i = 0; i < 2 * v->repeats && !err && !interrupted(); i++) {
		int repeat = i / 2, side = (i + repeat) % 2;

		snprintf(what, sizeof(what), "%s, repeat %d", v->label[side], repeat + 1);
		progress_step(&progress, 0, what);
		err = run_side(rec, &sides[side], repeat, i == 2 * v->repeats - 1, e);
		progress_step(&progress, 1, what);
	}
	progress_end(&progress);
	return err;
}

static int say_failed(const struct side *sides, const struct versus *v)
{
	int status = EXIT_DONE;
	struct err e;

	for (int i = 0; i < 2; i++) {
		if (!sides[i].failed_cnt || interrupted())
			continue;
		err_set(&e, 0,
			"%s ended with status %d in %d of %d runs, first in repeat %d: what "
			"it did may not be what was meant",
			v->label[i], sides[i].status, sides[i].failed_cnt, v->repeats,
			sides[i].run + 1);
		status = say_error("compare", EXIT_FAILED, &e);
	}
	return status;
}

static int measure(struct recorder *rec, struct side *sides, const struct versus *v, int argc,
		   char **argv, struct err *e)
{
	int err = head_begin(rec->r, "compare", argc, argv, sides->command.as, rec->c);

	if (!err)
		err = capture_new(&rec->k, rec->c, rec->r);
	for (int i = 0; i < 2 && !err; i++)
		command_preload(rec->c, sides[i].argv[0]);
	if (!err)
		err = run_all(rec, sides, v, e);
	interrupt_say("compare", rec->r);
	if (!err)
		err = head_end(rec->r, rec->c, interrupted());
	if (!err && !rec->r->run_cnt)
		err = err_set(e, -EINTR, "interrupted before anything was measured");
	return err;
}

static int run(struct recorder *rec, struct side *sides, const struct versus *v, int argc,
	       char **argv, char *path, bool *keep)
{
	struct err e = {""};
	int err = measure(rec, sides, v, argc, argv, &e), status;

	if (err) {
		if (!e.msg[0])
			err_sys(&e, err, "cannot compare");
		return interrupt_status(
			say_error("compare", err == -EINTR ? EXIT_DONE : EXIT_FAILED, &e));
	}
	*keep = true;
	status = say_failed(sides, v);
	if (store_save(path, PATH_MAX, rec->r, &e))
		status = say_error("compare", EXIT_FAILED, &e);
	return interrupt_status(status);
}

int versus_measure(const struct versus *v, int argc, char **argv, struct recording *out, char *path,
		   bool *keep)
{
	const struct collector_opts copts = {.freq_hz = v->freq_hz,
					     .preemptible = host_preemptible(),
					     .stacks = true,
					     .path = true,
					     .lock_class = lock_class_of,
					     .cache = UNWIND_CACHE};
	scoped_free struct side *sides = calloc(2, sizeof(*sides));
	struct recorder rec = {.r = out};
	struct runas as = {0};
	struct err e = {""};
	int status = choose_user("compare", &as, v->user), err;

	*out = (struct recording){0};
	*keep = false;
	if (status >= 0)
		return status;
	status = EXIT_FAILED;
	err = sides ? 0 : err_sys(&e, -ENOMEM, "cannot compare");
	for (int i = 0; i < 2 && !err; i++) {
		err = side_init(&sides[i], v->text[i], v->label[i], v, &as, &e);
		status = err == -EINVAL ? EXIT_USAGE : err ? EXIT_FAILED : EXIT_DONE;
	}
	if (!err)
		status = measuring_open(&rec.c, &copts, path, PATH_MAX, v->out, &e);
	if (status != EXIT_DONE) {
		say_error("compare", status, &e);
	} else {
		confine_or_note(CONFINE_STARTS);
		interrupt_catch();
		status = run(&rec, sides, v, argc, argv, path, keep);
		collector_close(rec.c);
	}
	capture_free(rec.k);
	for (int i = 0; sides && i < 2; i++)
		free(sides[i].words);
	runas_clear(&as);
	return status;
}
