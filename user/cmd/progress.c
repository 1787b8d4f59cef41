// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One line that is written over and over; see progress.h. */
#include "cmd/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/plain.h"
#include "base/util.h"

#define BAR_WIDTH 24

void progress_begin(struct progress *p, double all)
{
	*p = (struct progress){.on = isatty(STDERR_FILENO), .all = all, .begin_ns = now_ns()};
}

void progress_more(struct progress *p, double work)
{
	p->all += work;
}

void progress_step(struct progress *p, double work, const char *what)
{
	static const char bar[] = "########################";
	double share, left_s;
	char text[31];
	int full;

	p->done += work;
	if (!p->on)
		return;
	share = p->all > 0 ? p->done / p->all : 1;
	if (share > 1)
		share = 1;
	full = (int)(share * BAR_WIDTH);
	fprintf(stderr, "\r[%-*.*s] %3.0f%%", BAR_WIDTH, full, bar, share * 100);
	if (share > 0.02) {
		left_s = (double)(now_ns() - p->begin_ns) / (double)NSEC_PER_SEC / share *
			 (1 - share);
		fprintf(stderr, "  %3.0f s left", left_s);
	}
	plain_line(text, sizeof(text), what);
	fprintf(stderr, "  %-30s\033[K", text);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
}
