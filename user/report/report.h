/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reports: one file per format, each a function of the recording alone. Same recording, same
 * bytes. They print to f and report no errors but f's own. Whatever the recording's texts hold, a terminal
 * is not ruled by them (base/plain.h): text and folded lines have '?' instead, JSON has escapes.
 */
#ifndef WG_REPORT_REPORT_H
#define WG_REPORT_REPORT_H

#include <stdio.h>

#include "model/recording.h"

#define REPORT_SCHEMA 1 /* of the JSON: its words stay, more may come */

struct report_opts {
	bool verbose;	      /* text: the threads table */
	bool color;	      /* text: only on a terminal, and not under NO_COLOR */
	int columns;	      /* text: width to stay within; 0 for 100 */
	const char *saved_as; /* text: file name for the last line, or NULL */
};

int report_text(FILE *f, const struct recording *r, const struct report_opts *o);
int report_json(FILE *f, const struct recording *r);

/* What the counts of a flame graph are: samples, microseconds of blocked time, page faults. */
enum folded_what { FOLDED_CPU, FOLDED_OFFCPU, FOLDED_FAULTS };

int report_folded(FILE *f, const struct recording *r, enum folded_what what);

#endif
