// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap record: watch a command, from its exec to the exit of its last descendant, or a process
 * that runs already, for a while.
 */
#include <errno.h>
#include <limits.h>

#include "capture/command.h"
#include "capture/confining.h"
#include "capture/ending.h"
#include "capture/head.h"
#include "cmd/attachable.h"
#include "cmd/common.h"
#include "host/host.h"
#include "model/lock_rules.h"

struct record_opts {
	const char *out, *user;
	struct runas as;
	int repeats, freq_hz;
	bool verbose, stacks;
	struct opt_ints tgids;
	struct command command; /* argv is NULL with -p */
};

static const char examples[] = "  wallgap record -- make -j2\n"
			       "  wallgap record -o a.wg --repeats 5 -- python3 work.py\n"
			       "  wallgap record -p 1234 -d 10\n";

static int parse(struct record_opts *o, int argc, char **argv)
{
	const struct opt opts[] = {
		{"output", 'o', OPT_STR, &o->out, 0, 0, "FILE",
		 "the recording (wallgap-<date>-<time>.wg)"},
		{"repeats", 'r', OPT_INT, &o->repeats, 1, 1000, "N", "run the command N times (1)"},
		{"pid", 'p', OPT_INTS, &o->tgids, 1, INT_MAX, "TGID",
		 "watch this running process and what it forks; again for more"},
		{"duration", 'd', OPT_INT, &o->command.seconds, 1, 1000000, "SECONDS",
		 "stop after so long (with -p: 10)"},
		{"freq", 'F', OPT_INT, &o->freq_hz, 0, 20000, "HZ",
		 "on-CPU samples a second and CPU (997; 0: none)"},
		{"no-stacks", 0, OPT_UNFLAG, &o->stacks, 0, 0, NULL,
		 "no call paths: buckets and counts only"},
		{"path", 0, OPT_FLAG, &o->command.path, 0, 0, NULL,
		 "of a command: keep its critical path (default)"},
		{"no-path", 0, OPT_UNFLAG, &o->command.path, 0, 0, NULL,
		 "do not: saves some 60 ns a wakeup"},
		{"user", 'u', OPT_STR, &o->user, 0, 0, "NAME", USER_HELP},
		{"verbose", 'v', OPT_FLAG, &o->verbose, 0, 0, NULL, "every thread in the report"},
		{0},
	};
	const struct usage u = {"record", "[OPTION...] [--] CMD [ARG...]",
				"Run CMD and watch it and all its descendants until the last has "
				"ended; save what was seen.\nExits with CMD's own status if that "
				"is not 0.",
				examples, opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	o->command.argv = first < argc ? argv + first : NULL;
	if (!o->command.argv == !o->tgids.cnt) {
		err_set(&e, -EINVAL, "%s; try: wallgap record --help",
			o->tgids.cnt ? "either -p or a command, not both" : "no command to run");
		return say_error("record", EXIT_USAGE, &e);
	}
	if (o->tgids.cnt && o->repeats > 1) {
		err_set(&e, -EINVAL, "--repeats is for a command, not for -p");
		return say_error("record", EXIT_USAGE, &e);
	}
	if (o->tgids.cnt && o->user) {
		err_set(&e, -EINVAL, "--user is for a command, not for -p");
		return say_error("record", EXIT_USAGE, &e);
	}
	for (int i = 0; i < o->tgids.cnt; i++)
		if (attachable(o->tgids.v[i], &e))
			return say_error("record", EXIT_FAILED, &e);
	o->command.tgids = o->tgids.v;
	o->command.tgid_cnt = o->tgids.cnt;
	o->command.stop = interrupt_flag();
	o->command.path &= !o->tgids.cnt;
	if (o->tgids.cnt && !o->command.seconds)
		o->command.seconds = 10;
	return -1;
}

/* path: of PATH_MAX. */
static int record(struct collector *c, const struct record_opts *o, char *path, int argc,
		  char **argv)
{
	struct recording r = {0};
	struct capture *k = NULL;
	struct child child = {.pid = -1, .gate_fd = -1, .exec_fd = -1, .pid_fd = -1};
	struct err e = {""};
	int err, i, status = EXIT_DONE, saved;

	err = head_begin(&r, "record", argc, argv, o->command.as, c);
	if (!err)
		err = capture_new(&k, c, &r);
	if (o->command.argv)
		command_preload(c, o->command.argv[0]);
	for (i = 0; i < o->repeats && !err && !interrupted(); i++)
		err = command_run(k, &o->command, &child, i, i == o->repeats - 1, &status, &e);
	if (err && child.exec_failed)
		status = status_of_exec(err);
	interrupt_say("record", &r);
	if (!err)
		err = head_end(&r, c, interrupted());
	capture_free(k); /* names and symbols are as large as what is to be saved */
	if (err) {
		if (!e.msg[0])
			err_sys(&e, err, "cannot record");
		saved = say_error("record", EXIT_FAILED, &e);
	} else {
		saved = recording_finish("record", &r, path, PATH_MAX, o->verbose);
	}
	ending_finish(c, &child);
	recording_clear(&r);
	if (interrupted())
		return interrupt_status(saved);
	return status ? status : saved;
}

int cmd_record(int argc, char **argv)
{
	struct record_opts o = {
		.repeats = 1, .freq_hz = 997, .stacks = true, .command = {.path = true}};
	struct collector_opts copts;
	struct collector *c;
	struct err e = {""};
	char path[PATH_MAX];
	int status = parse(&o, argc, argv);

	if (status >= 0)
		return status;
	if (o.command.argv) {
		status = choose_user("record", &o.as, o.user);
		if (status >= 0)
			return status;
		o.command.as = &o.as;
	}
	copts = (struct collector_opts){.freq_hz = o.freq_hz,
					.preemptible = host_preemptible(),
					.stacks = o.stacks,
					.path = o.command.path,
					.lock_class = lock_class_of,
					.cache = UNWIND_CACHE};
	status = measuring_open(&c, &copts, path, sizeof(path), o.out, &e);
	if (status != EXIT_DONE) {
		say_error("record", status, &e);
	} else {
		confine_or_note(CONFINE_STARTS);
		interrupt_catch();
		status = record(c, &o, path, argc, argv);
		collector_close(c);
	}
	runas_clear(&o.as);
	return status;
}
