// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap record: watch a command, from its exec to the exit of its last descendant, or a process
 * that runs already, for a while.
 */
#include <errno.h>
#include <limits.h>

#include "cmd/attachable.h"
#include "cmd/command.h"
#include "cmd/common.h"
#include "cmd/ending.h"
#include "host/host.h"
#include "model/lock_rules.h"

struct record_opts {
	const char *out, *user;
	struct runas as;
	int repeats, freq_hz;
	bool verbose, stacks;
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
		{"pid", 'p', OPT_INTS, &o->command.tgids, 1, INT_MAX, "TGID",
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
	if (!o->command.argv == !o->command.tgids.cnt) {
		err_set(&e, -EINVAL, "%s; try: wallgap record --help",
			o->command.tgids.cnt ? "either -p or a command, not both"
					     : "no command to run");
		return say_error("record", EXIT_USAGE, &e);
	}
	if (o->command.tgids.cnt && o->repeats > 1) {
		err_set(&e, -EINVAL, "--repeats is for a command, not for -p");
		return say_error("record", EXIT_USAGE, &e);
	}
	if (o->command.tgids.cnt && o->user) {
		err_set(&e, -EINVAL, "--user is for a command, not for -p");
		return say_error("record", EXIT_USAGE, &e);
	}
	for (int i = 0; i < o->command.tgids.cnt; i++)
		if (attachable(o->command.tgids.v[i], &e))
			return say_error("record", EXIT_FAILED, &e);
	o->command.path &= !o->command.tgids.cnt;
	if (o->command.tgids.cnt && !o->command.seconds)
		o->command.seconds = 10;
	return -1;
}

/* path: of PATH_MAX. */
static int record(struct recorder *rec, const struct record_opts *o, char *path, int argc,
		  char **argv)
{
	struct child child = {.pid = -1, .gate_fd = -1, .exec_fd = -1, .pid_fd = -1};
	struct err e = {""};
	int err, i, status = EXIT_DONE, saved;

	err = recording_begin(&rec->r, "record", argc, argv, o->command.as, rec->c);
	if (!err)
		err = names_new(&rec->names, &rec->r);
	if (o->command.argv)
		command_preload(rec->c, o->command.argv[0]);
	for (i = 0; i < o->repeats && !err && !interrupted; i++) {
		rec->last = i == o->repeats - 1;
		err = command_run(rec, &o->command, &child, i, &status, &e);
	}
	interrupt_say("record", &rec->r);
	if (!err)
		err = recording_end(&rec->r, rec->c);
	if (err) {
		if (!e.msg[0])
			err_sys(&e, err, "cannot record");
		saved = say_error("record", EXIT_FAILED, &e);
	} else {
		saved = recording_finish("record", &rec->r, path, PATH_MAX, o->verbose);
	}
	ending_finish(rec->c, &child);
	names_free(rec->names);
	recording_clear(&rec->r);
	if (interrupted)
		return interrupt_status(saved);
	return status ? status : saved;
}

int cmd_record(int argc, char **argv)
{
	struct record_opts o = {
		.repeats = 1, .freq_hz = 997, .stacks = true, .command = {.path = true}};
	struct collector_opts copts;
	struct recorder rec = {0};
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
	status = measuring_open(&rec.c, &copts, path, sizeof(path), o.out, &e);
	if (status != EXIT_DONE) {
		say_error("record", status, &e);
	} else {
		confine_or_note(CONFINE_STARTS);
		interrupt_catch();
		status = record(&rec, &o, path, argc, argv);
		collector_close(rec.c);
	}
	runas_clear(&o.as);
	return status;
}
