// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Table-driven options over getopt_long; see options.h. */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define OPT_MAX 32
#define LONG_BASE 1000 /* getopt value of row i without a letter: LONG_BASE + i */

void usage_print(FILE *f, const struct usage *u)
{
	const struct opt *o;
	char left[64];

	fprintf(f, "usage: wallgap %s %s\n\n%s\n\noptions:\n", u->name, u->synopsis, u->what);
	for (o = u->opts; o->name; o++) {
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(f, "  %-26s %s\n", left, o->help);
	}
	fprintf(f, "  -h, --help                 this text\n");
	if (u->examples)
		fprintf(f, "\nexamples:\n%s", u->examples);
}

static int read_int(const struct opt *o, const char *text, int *to, struct err *e)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (errno || end == text || *end || v < o->min || v > o->max)
		return err_set(e, -EINVAL, "--%s takes a whole number from %d to %d, not '%.40s'",
			       o->name, o->min, o->max, text);
	*to = (int)v;
	return 0;
}

/* The same number again says nothing new. */
static int add_int(const struct opt *o, const char *text, struct err *e)
{
	struct opt_ints *ints = o->to;
	int v, err = read_int(o, text, &v, e);

	if (err)
		return err;
	for (int i = 0; i < ints->cnt; i++)
		if (ints->v[i] == v)
			return 0;
	if (ints->cnt == (int)ARRAY_SIZE(ints->v))
		return err_set(e, -EINVAL, "--%s may be given %d times", o->name, ints->cnt);
	ints->v[ints->cnt++] = v;
	return 0;
}

static int set(const struct opt *o, const char *text, struct err *e)
{
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->to = true;
		return 0;
	case OPT_UNFLAG:
		*(bool *)o->to = false;
		return 0;
	case OPT_INT:
		return read_int(o, text, o->to, e);
	case OPT_INTS:
		return add_int(o, text, e);
	case OPT_STR:
		*(const char **)o->to = text;
		return 0;
	}
	return -EINVAL;
}

/* Fill getopt's tables from ours. "+": options end at the first operand, the command's are its own. */
static void getopt_tables(const struct usage *u, struct option *longs, char *shorts)
{
	const struct opt *o;
	int i = 0;

	*shorts++ = '+';
	*shorts++ = ':';
	for (o = u->opts; o->name && i < OPT_MAX; o++, i++) {
		bool arg = o->kind != OPT_FLAG && o->kind != OPT_UNFLAG;

		longs[i].name = o->name;
		longs[i].has_arg = arg ? required_argument : no_argument;
		longs[i].val = o->letter ? o->letter : LONG_BASE + i;
		if (o->letter) {
			*shorts++ = o->letter;
			if (arg)
				*shorts++ = ':';
		}
	}
	longs[i] = (struct option){"help", no_argument, NULL, 'h'};
	*shorts++ = 'h';
	*shorts = '\0';
}

static const struct opt *find(const struct usage *u, int val)
{
	int i;

	for (i = 0; u->opts[i].name; i++)
		if (val == (u->opts[i].letter ? u->opts[i].letter : LONG_BASE + i))
			return &u->opts[i];
	return NULL;
}

int options_parse(const struct usage *u, int argc, char **argv, struct err *e)
{
	struct option longs[OPT_MAX + 2] = {0};
	char shorts[2 * OPT_MAX + 8];
	const struct opt *o;
	int val, err;

	getopt_tables(u, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((val = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (val == 'h') {
			usage_print(stdout, u);
			return -ECANCELED;
		}
		if (val == ':')
			return err_set(e, -EINVAL, "%s needs a value; try: wallgap %s --help",
				       argv[optind - 1], u->name);
		o = val == '?' ? NULL : find(u, val);
		if (!o)
			return err_set(e, -EINVAL, "unknown option %s; try: wallgap %s --help",
				       argv[optind - 1], u->name);
		err = set(o, optarg, e);
		if (err)
			return err;
	}
	return optind;
}
