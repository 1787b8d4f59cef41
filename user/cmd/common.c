// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What the measuring commands share; see common.h. */
#include "cmd/common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "report/report.h"
#include "store/store.h"

int parse_or_end(const struct usage *u, int argc, char **argv, int *status)
{
	struct err e = {""};
	int first = options_parse(u, argc, argv, &e);

	if (first >= 0)
		return first;
	*status = first == -ECANCELED ? EXIT_DONE : say_error(u->name, EXIT_USAGE, &e);
	return -1;
}

int status_of_exec(int err)
{
	return err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int status_of_open(int err)
{
	return err == -EOPNOTSUPP || err == -EPERM || err == -ENOSYS ? EXIT_CANNOT_RUN_HERE
								     : EXIT_FAILED;
}

int interrupted(void)
{
	return *interrupt_flag();
}

int interrupt_status(int status)
{
	return interrupted() && status == EXIT_DONE ? 128 + interrupted() : status;
}

void interrupt_say(const char *command, struct recording *r)
{
	char reason[32];

	if (!interrupted())
		return;
	snprintf(reason, sizeof(reason), "SIG%s", sigabbrev_np(interrupted()));
	say_note("wallgap %s: stopped by %s: what was seen until then is kept", command, reason);
	free(r->stopped_by);
	r->stopped_by = strdup(reason);
}

int choose_user(const char *command, struct runas *as, const char *name)
{
	struct err e = {""};
	int err = runas_choose(as, name, &e);

	if (!err)
		return -1;
	runas_clear(as);
	return say_error(command, err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, &e);
}

int output_path(char *buf, size_t sz, const char *wanted, struct err *e)
{
	time_t now = time(NULL);
	struct tm tm;
	int len, err;

	if (wanted) {
		len = snprintf(buf, sz, "%s", wanted);
		if (len < 0 || (size_t)len >= sz || !len)
			return err_set(e, -ENAMETOOLONG, "-o: no usable file name");
	} else {
		localtime_r(&now, &tm);
		strftime(buf, sz, "wallgap-%Y%m%d-%H%M%S.wg", &tm);
	}
	err = store_check_writable(buf, e);
	/* a name that nobody asked for: what is there stays, store_save() takes another */
	if (wanted || (err != -EEXIST && err != -EISDIR))
		return err;
	*e = (struct err){""};
	return 0;
}

int measuring_open(struct collector **c, const struct collector_opts *o, char *path, size_t sz,
		   const char *wanted, struct err *e)
{
	int err = collector_open(c, o, e);

	if (err)
		return status_of_open(err);
	if (!output_path(path, sz, wanted, e))
		return EXIT_DONE;
	collector_close(*c);
	*c = NULL;
	return EXIT_FAILED;
}

static int terminal_columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) || ws.ws_col < 60)
		return 0;
	return ws.ws_col < 100 ? ws.ws_col : 100;
}

int recording_finish(const char *command, const struct recording *r, char *path, size_t sz,
		     bool verbose)
{
	const char *no_color = getenv("NO_COLOR");
	struct report_opts o = {.verbose = verbose,
				.color = isatty(STDOUT_FILENO) && !(no_color && *no_color),
				.columns = terminal_columns(),
				.saved_as = path};
	struct err e = {""};
	int status = EXIT_DONE;

	if (store_save(path, sz, r, &e)) {
		/* what was measured is still worth reading */
		o.saved_as = NULL;
		status = EXIT_FAILED;
		say_error(command, status, &e);
	}
	if (report_text(stdout, r, &o) || fflush(stdout)) {
		err_set(&e, -EIO, "cannot write the report; the recording is %s", path);
		return say_error(command, EXIT_FAILED, &e);
	}
	return status;
}
