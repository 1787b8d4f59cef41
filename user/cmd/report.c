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
	const char *format, *out, *file;
	bool verbose;
};

static int parse(struct cmd_report_opts *o, int argc, char **argv)
{
	const struct opt opts[] = {
		{"format", 'f', OPT_STR, &o->format, 0, 0, "text|json", "how to print it (text)"},
		{"output", 'o', OPT_STR, &o->out, 0, 0, "FILE", "where to (standard output)"},
		{"verbose", 'v', OPT_FLAG, &o->verbose, 0, 0, NULL, "text: every thread"},
		{0},
	};
	const struct usage u = {"report", "[OPTION...] FILE.wg", "Print a recording.",
				"  wallgap report a.wg\n"
				"  wallgap report --format json a.wg | jq '.runs[].lane_buckets'\n",
				opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	if (argc - first != 1)
		err_set(&e, -EINVAL, "%s; try: wallgap report --help",
			first < argc ? "one recording at a time" : "no recording named");
	else if (strcmp(o->format, "text") && strcmp(o->format, "json"))
		err_set(&e, -EINVAL, "--format is text or json, not '%.40s'", o->format);
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

	err = strcmp(o->format, "json") ? report_text(f, r, &ro) : report_json(f, r);
	return err ? err : fflush(f) || ferror(f) ? -EIO : 0;
}

/* To a file: whole or not at all. A device or a pipe is written as it is. */
static int print_to_file(const struct recording *r, const struct cmd_report_opts *o, struct err *e)
{
	struct target t = TARGET_NONE;
	struct stat st;
	bool plain = stat(o->out, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	FILE *f = NULL;
	int err, fd = -1;

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
