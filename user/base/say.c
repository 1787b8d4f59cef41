// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Single lines to the terminal; see say.h. */
#include "base/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain.h"

/* The only way of single lines out: names of files, labels and what libraries say are anybody's. */
static void say(FILE *to, const char *fmt, va_list ap)
{
	char *text;

	fflush(stdout);
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	plain_line(text, strlen(text) + 1, text);
	fprintf(to, "%s\n", text);
	free(text);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stderr, fmt, ap);
	va_end(ap);
}

void say_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, fmt, ap);
	va_end(ap);
}

int say_error(const char *command, int status, const struct err *e)
{
	say_note("wallgap %s: %s", command, e->msg);
	return status;
}
