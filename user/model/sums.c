// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Compares the checksums of runs; see sums.h. */
#include "model/sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static bool counts(const struct run *run, const char *workload)
{
	return *str(run->workload) && !run->interrupted && *str(run->checksum) &&
	       (!workload || !strcmp(run->workload, workload));
}

/* 0: equal; else how far apart, relative; 1: no matter how far. */
static double distance(const struct run *a, const struct run *b)
{
	char *a_end, *b_end;
	double x, y, most;

	if (!strcmp(a->checksum, b->checksum))
		return 0;
	if (strcmp(a->workload, "math") || !strcmp(str(a->runtime), str(b->runtime)))
		return 1;
	x = strtod(a->checksum, &a_end);
	y = strtod(b->checksum, &b_end);
	most = fmax(fabs(x), fabs(y));
	if (*a_end || *b_end || !isfinite(x) || !isfinite(y))
		return 1;
	return most > 0 ? fmin(fabs(x - y) / most, 1) : 0;
}

/* The first run that b is to agree with: of its runtime, or of all. */
static const struct run *first_for(const struct recording *r, const struct run *b,
				   bool same_runtime)
{
	for (const struct run *a = r->runs; a < b; a++) {
		if (counts(a, b->workload) &&
		    (!same_runtime || !strcmp(str(a->runtime), str(b->runtime))))
			return a;
	}
	return NULL;
}

static void see(struct sums_found *s, const struct run *a, const struct run *b)
{
	double error = distance(a, b);
	enum sums sums = !strcmp(a->checksum, b->checksum) ? SUMS_EQUAL
			 : error <= SUMS_NEAR		   ? SUMS_ALIKE
							   : SUMS_DIFFER;

	if (sums < s->sums || (sums == s->sums && error <= s->error))
		return;
	*s = (struct sums_found){.sums = sums, .error = error};
	if (sums > SUMS_EQUAL) {
		s->a = a;
		s->b = b;
	}
}

void sums_of(struct sums_found *s, const struct recording *r, const char *workload)
{
	*s = (struct sums_found){.sums = SUMS_NONE};
	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *b = &r->runs[i], *a;

		if (!counts(b, workload))
			continue;
		for (int same = 0; same < 2; same++) {
			a = first_for(r, b, same);
			if (a)
				see(s, a, b);
		}
	}
}

bool sums_differ(const struct recording *r, const char *workload, char *text, size_t sz)
{
	struct sums_found s;

	sums_of(&s, r, workload);
	if (s.sums != SUMS_DIFFER)
		return false;
	snprintf(text, sz, "%s: checksum %.40s, but %.40s in %s: the work was not the same",
		 str(s.b->label), s.b->checksum, s.a->checksum, str(s.a->label));
	return true;
}

int sums_warn(const struct recording *r, struct lines *out)
{
	const char *done = "";
	char text[512];
	int err = 0;

	for (size_t i = 0; i < r->run_cnt && !err; i++) {
		const char *workload = str(r->runs[i].workload);

		if (!*workload || !strcmp(workload, done))
			continue;
		if (sums_differ(r, workload, text, sizeof(text)))
			err = lines_add(out, "%s", text);
		done = workload;
	}
	return err;
}
