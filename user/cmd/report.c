// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wallgap report: print a recording. Needs no root and no kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/common.h"
#include "report/report.h"
#include "store/store.h"
#include "store/target.h"

struct cmd_report_opts {
	const char *format, *what, *out, *file;
	bool verbose;
};

/* enum folded_what, or -EINVAL. */
static int folded_what(const struct cmd_report_opts *o)
{
	static const char *const words[] = {
		[FOLDED_CPU] = "cpu", [FOLDED_OFFCPU] = "offcpu", [FOLDED_FAULTS] = "faults"};

	for (int i = 0; o->what && i < (int)ARRAY_SIZE(words); i++) {
		if (!strcmp(o->what, words[i]))
			return i;
	}
	return o->what ? -EINVAL : FOLDED_CPU;
}

static int parse(struct cmd_report_opts *o, int argc, char **argv)
{
	const struct opt opts[] = {
		{"format", 'f', OPT_STR, &o->format, 0, 0, "text|json|folded",
		 "how to print it (text); folded: for flame graphs"},
		{"what", 'w', OPT_STR, &o->what, 0, 0, "cpu|offcpu|faults",
		 "folded: samples, us of blocked time, or page faults (cpu)"},
		{"output", 'o', OPT_STR, &o->out, 0, 0, "FILE", "where to (standard output)"},
		{"verbose", 'v', OPT_FLAG, &o->verbose, 0, 0, NULL,
		 "text: every thread, whole call paths"},
		{0},
	};
	const struct usage u = {
		"report", "[OPTION...] FILE.wg", "Print a recording.",
		"  wallgap report a.wg\n"
		"  wallgap report --format json a.wg | jq '.runs[].lane_buckets'\n"
		"  wallgap report --format folded a.wg | flamegraph.pl --color=java\n"
		"Folded lines begin with the run's label and, in a pool, the thread's "
		"role;\nkernel frames end in _[k], JIT code in _[j].\n",
		opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	if (argc - first != 1)
		err_set(&e, -EINVAL, "%s; try: wallgap report --help",
			first < argc ? "one recording at a time" : "no recording named");
	else if (strcmp(o->format, "text") && strcmp(o->format, "json") &&
		 strcmp(o->format, "folded"))
		err_set(&e, -EINVAL, "--format is text, json or folded, not '%.40s'", o->format);
	else if (o->what && strcmp(o->format, "folded"))
		err_set(&e, -EINVAL, "--what goes with --format folded");
	else if (folded_what(o) < 0)
		err_set(&e, -EINVAL, "--what is cpu, offcpu or faults, not '%.40s'", o->what);
	if (e.msg[0])
		return say_error("report", EXIT_USAGE, &e);
	o->file = argv[first];
	return -1;
}

static int print(FILE *f, const struct recording *r, const struct cmd_report_opts *o)
{
	const char *no_color = getenv("NO_COLOR");
	struct report_opts ro = {.verbose = o->verbose,
				 .color = !o->out && isatty(STDOUT_FILENO) &&
					  !(no_color && *no_color)};
	int err;

	if (!strcmp(o->format, "json"))
		err = report_json(f, r);
	else if (!strcmp(o->format, "folded"))
		err = report_folded(f, r, (enum folded_what)folded_what(o));
	else
		err = report_text(f, r, &ro);
	return err ? err : fflush(f) || ferror(f) ? -EIO : 0;
}

/*
 * A device or a pipe that we were meant to write to: below /dev, where links too are the system's, or
 * of our own. Anybody can put one, or a link to one, in a folder that others write to.
 */
static bool is_device(const char *path)
{
	struct stat st;

	if (!strncmp(path, "/dev/", strlen("/dev/")) &&
	    strncmp(path, "/dev/shm/", strlen("/dev/shm/")))
		return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	return !lstat(path, &st) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) &&
	       st.st_uid == geteuid();
}

/* The recording is not to be had again, what is made of it is. */
static bool is_the_recording(const struct cmd_report_opts *o)
{
	struct stat in, out;

	return !stat(o->file, &in) && !stat(o->out, &out) && in.st_dev == out.st_dev &&
	       in.st_ino == out.st_ino;
}

/* To a file: whole or not at all. A device or a pipe is written as it is. */
static int print_to_file(const struct recording *r, const struct cmd_report_opts *o, struct err *e)
{
	struct target t = TARGET_NONE;
	bool plain = !is_device(o->out);
	FILE *f = NULL;
	int err, fd = -1;

	if (is_the_recording(o))
		return err_set(e, -EEXIST,
			       "cannot write %s: it is the recording itself; name another file",
			       o->out);
	err = plain ? target_open(&t, o->out, e) : 0;
	if (!err) {
		fd = plain ? dup(t.fd) : open(o->out, O_WRONLY | O_CLOEXEC);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		if (!f)
			err = err_sys(e, -errno, "cannot write %s", o->out);
	}
	if (!err) {
		err = print(f, r, o);
		if (fclose(f) && !err)
			err = -errno;
		if (err)
			err_sys(e, err, "cannot write %s", o->out);
	}
	if (!err && plain)
		err = target_commit(&t, e);
	target_drop(&t);
	return err;
}

int cmd_report(int argc, char **argv)
{
	struct cmd_report_opts o = {.format = "text"};
	struct recording r;
	struct err e = {""};
	int status = parse(&o, argc, argv), err;

	if (status >= 0)
		return status;
	recording_init(&r);
	err = store_read(o.file, &r, &e);
	if (!err && o.out)
		err = print_to_file(&r, &o, &e);
	else if (!err && print(stdout, &r, &o))
		err = err_set(&e, -EIO, "cannot write the report");
	recording_clear(&r);
	return err ? say_error("report", EXIT_FAILED, &e) : EXIT_DONE;
}
