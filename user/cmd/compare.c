// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap compare: the gap between two recordings, for which neither root nor a kernel is needed; or
 * between two commands, which it runs in turn (versus.c).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cmd/common.h"
#include "cmd/versus.h"
#include "model/conditions.h"
#include "model/merge.h"
#include "report/report.h"
#include "store/store.h"

#define LABEL_MAX 32

struct compare {
	const char *format, *labels;
	bool verbose;
	struct versus versus; /* without commands: two recordings */
	const char *path[2];
	char label[2][LABEL_MAX];
	struct recording r[2];
	struct lines warnings, notes;
};

/* As much as fits, in whole characters. */
static void set_label(struct compare *c, int side, const char *text, size_t len)
{
	scoped_free char *whole = strndup(text, len);

	utf8_clean(c->label[side], LABEL_MAX, str(whole));
}

/* "old.wg" of "runs/old.wg" is "old"; of two of one name, "a" and "b". */
static void label_by_file(struct compare *c)
{
	for (int i = 0; i < 2; i++) {
		const char *slash = strrchr(c->path[i], '/');
		const char *name = slash ? slash + 1 : c->path[i];
		size_t len = strlen(name);

		if (len > 3 && !strcmp(name + len - 3, ".wg"))
			len -= 3;
		set_label(c, i, name, len);
	}
	if (!strcmp(c->label[0], c->label[1])) {
		strcpy(c->label[0], "a");
		strcpy(c->label[1], "b");
	}
}

static int label_by_option(struct compare *c, struct err *e)
{
	size_t len = strcspn(c->labels, ",");
	const char *second = c->labels[len] ? c->labels + len + 1 : "";

	if (!len || !*second || strchr(second, ',') || len >= LABEL_MAX ||
	    strlen(second) >= LABEL_MAX ||
	    (strlen(second) == len && !strncmp(second, c->labels, len)))
		return err_set(e, -EINVAL, "--labels takes two different names, as in old,new");
	set_label(c, 0, c->labels, len);
	set_label(c, 1, second, strlen(second));
	return 0;
}

/* What is asked for, and whether that makes sense. */
static void choose(struct compare *c, int operands, char **operand, struct err *e)
{
	const char *const *text = c->versus.text;

	if (strcmp(c->format, "text") && strcmp(c->format, "json")) {
		err_set(e, -EINVAL, "--format is text or json, not '%.40s'", c->format);
	} else if (!text[0] != !text[1]) {
		err_set(e, -EINVAL, "--a and --b go together");
	} else if (text[0] ? operands : operands != 2) {
		err_set(e, -EINVAL,
			text[0] ? "either two recordings or two commands; try: wallgap compare "
				  "--help"
				: "two recordings, please; try: wallgap compare --help");
	} else if (text[0]) {
		strcpy(c->label[0], "a");
		strcpy(c->label[1], "b");
	} else if (c->versus.out || c->versus.user || c->versus.warmup || c->versus.show_output) {
		err_set(e, -EINVAL,
			"--output, --user, --warmup and --show-output are for commands");
	} else {
		c->path[0] = operand[0];
		c->path[1] = operand[1];
		label_by_file(c);
	}
	if (!e->msg[0] && c->labels)
		label_by_option(c, e);
}

static int parse(struct compare *c, int argc, char **argv)
{
	struct versus *v = &c->versus;
	const struct opt opts[] = {
		{"format", 'f', OPT_STR, &c->format, 0, 0, "text|json", "how to print it (text)"},
		{"labels", 'l', OPT_STR, &c->labels, 0, 0, "A,B",
		 "what to call the two (the names of the files)"},
		{"verbose", 'v', OPT_FLAG, &c->verbose, 0, 0, NULL,
		 "text: where all time went, every thread"},
		{"a", 0, OPT_STR, &v->text[0], 0, 0, "CMD", "run this command ..."},
		{"b", 0, OPT_STR, &v->text[1], 0, 0, "CMD", "... and this one, in turn: A B B A"},
		{"repeats", 'r', OPT_INT, &v->repeats, 1, 1000, "N",
		 "runs of each command (5); under 3 tell nothing for sure"},
		{"warmup", 'w', OPT_INT, &v->warmup, 1, 1000, "N",
		 "runs of each before that, not measured (0)"},
		{"show-output", 0, OPT_FLAG, &v->show_output, 0, 0, NULL,
		 "let the commands write to standard output, which else goes nowhere"},
		{"user", 'u', OPT_STR, &v->user, 0, 0, "NAME", USER_HELP},
		{"freq", 'F', OPT_INT, &v->freq_hz, 0, 20000, "HZ",
		 "on-CPU samples a second and CPU of the commands (997; 0: none)"},
		{"output", 'o', OPT_STR, &v->out, 0, 0, "FILE",
		 "the recording of the commands (wallgap-<date>-<time>.wg)"},
		{0},
	};
	const struct usage u = {
		"compare", "[OPTION...] A.wg B.wg | --a CMD --b CMD",
		"Explain the gap between two recordings: what each workload, runtime and model "
		"takes "
		"longer\nin B than in A; or a command than another. Or run two commands in turn, "
		"and "
		"explain theirs; what only a shell understands is run by sh -c.",
		"  wallgap compare old.wg new.wg\n"
		"  wallgap compare --labels 20.9,20.20 a.wg b.wg\n"
		"  wallgap compare --repeats 10 --a 'xz -T1 -k -c big' --b 'xz -T2 -k -c big'\n"
		"  wallgap compare --format json old.wg new.wg | jq '.gaps[]'\n",
		opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	choose(c, argc - first, argv + first, &e);
	return e.msg[0] ? say_error("compare", EXIT_USAGE, &e) : -1;
}

/* What was odd while either was measured; of the second the merged recording does not tell. */
static int second_warnings(struct compare *c)
{
	struct lines own = LINES_NONE;
	int err = conditions_warn(&c->r[1], &own);

	for (size_t i = 0; i < own.cnt && !err; i++)
		err = lines_add(&c->warnings, "%s: %s", c->label[1], own.line[i]);
	lines_clear(&own);
	return err;
}

static int merge(struct compare *c, struct err *e)
{
	int err = second_warnings(c);

	if (!err)
		err = recording_merge(&c->r[0], &c->r[1], c->label[0], c->label[1], &c->warnings,
				      &c->notes);
	if (err == -ENODATA)
		return err_set(e, err,
			       "%.140s and %.140s measured no workload in common by the same "
			       "runtime and model, nor one command each",
			       c->path[0], c->path[1]);
	if (err)
		return err_sys(e, err, "cannot compare");
	free(c->r[0].command);
	c->r[0].command = strdup("compare");
	return c->r[0].command ? 0 : err_sys(e, -ENOMEM, "cannot compare");
}

static int print(const struct compare *c, const char *saved_as, struct err *e)
{
	const char *no_color = getenv("NO_COLOR");
	struct report_opts o = {.verbose = c->verbose,
				.saved_as = saved_as,
				.color = isatty(STDOUT_FILENO) && !(no_color && *no_color)};
	int err;

	for (size_t i = 0; i < c->warnings.cnt; i++)
		say_note("wallgap compare: warning: %s", c->warnings.line[i]);
	for (size_t i = 0; i < c->notes.cnt; i++)
		say_note("wallgap compare: %s", c->notes.line[i]);
	err = strcmp(c->format, "json") ? report_text(stdout, &c->r[0], &o)
					: report_json(stdout, &c->r[0]);
	if (err || fflush(stdout) || ferror(stdout))
		return err_set(e, -EIO, "cannot write the report");
	return 0;
}

/* Two commands: run them, then report what came of it. */
static int compare_commands(struct compare *c, int argc, char **argv)
{
	char path[PATH_MAX];
	struct err e = {""};
	bool keep;
	int status;

	recording_init(&c->r[0]);
	c->versus.label[0] = c->label[0];
	c->versus.label[1] = c->label[1];
	status = versus_measure(&c->versus, argc, argv, &c->r[0], path, &keep);
	if (keep && print(c, path, &e))
		status = say_error("compare", EXIT_FAILED, &e);
	if (keep && !strcmp(c->format, "json"))
		say_note("wallgap compare: saved %s", path);
	recording_clear(&c->r[0]);
	return status;
}

int cmd_compare(int argc, char **argv)
{
	struct compare c = {.format = "text",
			    .versus = {.repeats = 5, .freq_hz = 997},
			    .warnings = LINES_NONE,
			    .notes = LINES_NONE};
	struct err e = {""};
	int status = parse(&c, argc, argv), err = 0;

	if (status >= 0)
		return status;
	if (c.versus.text[0])
		return compare_commands(&c, argc, argv);
	for (int i = 0; i < 2; i++)
		recording_init(&c.r[i]);
	for (int i = 0; i < 2 && !err; i++)
		err = store_read(c.path[i], &c.r[i], &e);
	if (!err)
		err = merge(&c, &e);
	if (!err)
		err = print(&c, NULL, &e);
	for (int i = 0; i < 2; i++)
		recording_clear(&c.r[i]);
	lines_clear(&c.warnings);
	lines_clear(&c.notes);
	return err ? say_error("compare", EXIT_FAILED, &e) : EXIT_DONE;
}
