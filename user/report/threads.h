/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The threads of runs as a table of the text report: one row a thread, or one row a name. */
#ifndef WG_REPORT_THREADS_H
#define WG_REPORT_THREADS_H

#include <stdio.h>

#include "model/recording.h"

struct threads_opts {
	const struct recording *r; /* of the runs */
	bool by_name;		   /* threads of one name make one row */
	bool role;		   /* a column for the role */
	bool start;	/* a thread of no kind that we know is shown with its start routine */
	bool total;	/* a last row with the sum */
	bool fold_idle; /* threads that never ran are summed in one row */
	size_t row_max; /* more rows than these are summed in one; 0 for no limit */
	int indent, columns;
	bool color;
};

/* Threads of cnt runs, most on-CPU time first. Returns 0 or -ENOMEM. */
int threads_print(FILE *f, const struct run *const *runs, size_t cnt, const struct threads_opts *o);

#endif
