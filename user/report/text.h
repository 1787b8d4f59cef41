/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the text report: the part between its head and its foot. */
#ifndef WG_REPORT_TEXT_H
#define WG_REPORT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/recording.h"

struct text_opts {
	int columns;
	bool color;
	bool verbose;
};

/* All sections, each ended by an empty line. Returns 0 or -ENOMEM. */
int text_sections(FILE *f, const struct recording *r, const struct text_opts *o);

#endif
