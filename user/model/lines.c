// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See lines.h. */
#include "model/lines.h"

#include <errno.h>
#include <stdarg.h>

#include "base/util.h"

int lines_add(struct lines *l, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	if (array_grow((void **)&l->line, &l->cap, l->cnt, sizeof(*l->line)))
		return -ENOMEM;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	l->line[l->cnt++] = text;
	return 0;
}

void lines_clear(struct lines *l)
{
	for (size_t i = 0; i < l->cnt; i++)
		free(l->line[i]);
	free(l->line);
	*l = (struct lines)LINES_NONE;
}
