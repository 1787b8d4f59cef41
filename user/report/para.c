// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See para.h. */
#include "report/para.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "report/format.h"

void para_begin(struct para *p, const char *label, enum para_style style)
{
	scoped_free char *plain = printable(label, INT_MAX);
	int width = display_width(str(plain));
	int pad = width + 2 > PARA_INDENT ? 2 : PARA_INDENT - width;

	p->failed |= !plain;
	if (p->color)
		fprintf(p->f, "%s%s\033[0m%*s", style == PARA_WARN ? "\033[33m" : "\033[1m",
			str(plain), pad, "");
	else
		fprintf(p->f, "%s%*s", str(plain), pad, "");
	p->at = width + pad;
	p->item_cnt = 0;
}

static void new_line(struct para *p)
{
	fprintf(p->f, "\n%*s", PARA_INDENT, "");
	p->at = PARA_INDENT;
}

/* Text wider than what is left: break it at its blanks. */
static void put_words(struct para *p, char *text)
{
	char *save = NULL;

	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		int width = display_width(word);

		/* a column is kept for the ";" that may follow */
		if (p->at > PARA_INDENT && p->at + 1 + width >= p->columns)
			new_line(p);
		else if (word != text)
			p->at += fprintf(p->f, " ");
		fputs(word, p->f);
		p->at += width;
	}
}

void para_item(struct para *p, const char *fmt, ...)
{
	scoped_free char *text = NULL;
	va_list ap;
	int width;

	va_start(ap, fmt);
	text = printable_text(INT_MAX, fmt, ap);
	va_end(ap);
	if (!text) {
		p->failed = true;
		return;
	}
	width = display_width(text);
	if (p->item_cnt++) {
		p->at += fprintf(p->f, ";");
		/* one column is kept for the semicolon that may follow */
		if (p->at + 1 + width + 1 > p->columns)
			new_line(p);
		else
			p->at += fprintf(p->f, " ");
	}
	if (p->at + width < p->columns) {
		fputs(text, p->f);
		p->at += width;
	} else {
		put_words(p, text);
	}
}

void para_end(struct para *p)
{
	fputc('\n', p->f);
}
