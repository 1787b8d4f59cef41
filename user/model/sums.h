/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Did all runs of a workload do the same work? Each gives a checksum. They must be equal; only of
 * `math` between runtimes, whose sin() are not the same code, may the last digits differ. Pure.
 */
#ifndef WG_MODEL_SUMS_H
#define WG_MODEL_SUMS_H

#include <stdbool.h>

#include "model/lines.h"
#include "model/recording.h"

/*
 * Relative. Each sin() is off by one unit in the last place at most, 2^-52 of its term: the sum of
 * sqrt(i) * 2^-52 for 5,000,000 terms is 1.7e-6, of a result of 1533: 1.1e-9.
 */
#define SUMS_NEAR 1.1e-9

enum sums {
	SUMS_NONE, /* fewer than two runs to compare */
	SUMS_EQUAL,
	SUMS_ALIKE, /* within SUMS_NEAR */
	SUMS_DIFFER,
};

struct sums_found {
	enum sums sums;
	const struct run *a, *b; /* the two that differ most; NULL when all are equal */
	double error;		 /* relative, between these; 1 when they are no numbers */
};

/* Of the whole runs of this workload, or of all when workload is NULL (each with its own). */
void sums_of(struct sums_found *s, const struct recording *r, const char *workload);
/* One line in text when they differ. */
bool sums_differ(const struct recording *r, const char *workload, char *text, size_t sz);
/* Lines for those that differ. Returns 0 or -ENOMEM. */
int sums_warn(const struct recording *r, struct lines *out);

#endif
