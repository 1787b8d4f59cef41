// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wallgap compare: the gap between two recordings of pools. Needs no root and no kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/common.h"
#include "model/conditions.h"
#include "model/merge.h"
#include "report/report.h"
#include "store/store.h"

#define LABEL_MAX 32

struct compare {
	const char *format, *labels;
	bool verbose;
	const char *path[2];
	char label[2][LABEL_MAX];
	struct recording r[2];
	struct lines warnings, notes;
};

/* "old.wg" of "runs/old.wg" is "old"; of two of one name, "a" and "b". */
static void label_by_file(struct compare *c)
{
	for (int i = 0; i < 2; i++) {
		const char *slash = strrchr(c->path[i], '/');
		const char *name = slash ? slash + 1 : c->path[i];
		size_t len = strlen(name);

		if (len > 3 && !strcmp(name + len - 3, ".wg"))
			len -= 3;
		snprintf(c->label[i], LABEL_MAX, "%.*s", (int)len, name);
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
	snprintf(c->label[0], LABEL_MAX, "%.*s", (int)len, c->labels);
	snprintf(c->label[1], LABEL_MAX, "%s", second);
	return 0;
}

static int parse(struct compare *c, int argc, char **argv)
{
	const struct opt opts[] = {
		{"format", 'f', OPT_STR, &c->format, 0, 0, "text|json", "how to print it (text)"},
		{"labels", 'l', OPT_STR, &c->labels, 0, 0, "A,B",
		 "what to call the two (the names of the files)"},
		{"verbose", 'v', OPT_FLAG, &c->verbose, 0, 0, NULL,
		 "text: where all time went, every thread"},
		{0},
	};
	const struct usage u = {"compare", "[OPTION...] A.wg B.wg",
				"Explain the gap between two recordings of pools: what each "
				"workload, runtime and model\ntakes longer in B than in A.",
				"  wallgap compare old.wg new.wg\n"
				"  wallgap compare --labels 20.9,20.20 a.wg b.wg\n"
				"  wallgap compare --format json old.wg new.wg | jq '.gaps[]'\n",
				opts};
	struct err e = {""};
	int status, first = parse_or_end(&u, argc, argv, &status);

	if (first < 0)
		return status;
	if (argc - first != 2) {
		err_set(&e, -EINVAL, "two recordings, please; try: wallgap compare --help");
	} else if (strcmp(c->format, "text") && strcmp(c->format, "json")) {
		err_set(&e, -EINVAL, "--format is text or json, not '%.40s'", c->format);
	} else {
		c->path[0] = argv[first];
		c->path[1] = argv[first + 1];
		label_by_file(c);
		if (c->labels)
			label_by_option(c, &e);
	}
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
			       "%.160s and %.160s measured no workload in common by the same "
			       "runtime and model; only recordings of bench can be compared",
			       c->path[0], c->path[1]);
	if (err)
		return err_sys(e, err, "cannot compare");
	free(c->r[0].command);
	c->r[0].command = strdup("compare");
	return c->r[0].command ? 0 : err_sys(e, -ENOMEM, "cannot compare");
}

static int print(const struct compare *c, struct err *e)
{
	const char *no_color = getenv("NO_COLOR");
	struct report_opts o = {.verbose = c->verbose,
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

int cmd_compare(int argc, char **argv)
{
	struct compare c = {.format = "text", .warnings = LINES_NONE, .notes = LINES_NONE};
	struct err e = {""};
	int status = parse(&c, argc, argv), err = 0;

	if (status >= 0)
		return status;
	for (int i = 0; i < 2; i++)
		recording_init(&c.r[i]);
	for (int i = 0; i < 2 && !err; i++)
		err = store_read(c.path[i], &c.r[i], &e);
	if (!err)
		err = merge(&c, &e);
	if (!err)
		err = print(&c, &e);
	for (int i = 0; i < 2; i++)
		recording_clear(&c.r[i]);
	lines_clear(&c.warnings);
	lines_clear(&c.notes);
	return err ? say_error("compare", EXIT_FAILED, &e) : EXIT_DONE;
}
