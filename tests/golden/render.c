// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * `render text|verbose|wide|json|folded|offcpu|faults FILE.wg`: a report from a recording, as
 * `wallgap report` gives it.
 */
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "store/store.h"

static int render(const char *format, const struct recording *r)
{
	struct report_opts o = {.columns = 100, .saved_as = "example.wg"};

	if (!strcmp(format, "json"))
		return report_json(stdout, r);
	if (!strcmp(format, "folded"))
		return report_folded(stdout, r, FOLDED_CPU);
	if (!strcmp(format, "offcpu"))
		return report_folded(stdout, r, FOLDED_OFFCPU);
	if (!strcmp(format, "faults"))
		return report_folded(stdout, r, FOLDED_FAULTS);
	o.verbose = !strcmp(format, "verbose");
	if (!strcmp(format, "wide"))
		o.columns = 180;
	return report_text(stdout, r, &o);
}

int main(int argc, char **argv)
{
	struct recording r;
	struct err e = {{0}};
	int err;

	if (argc != 3)
		return 2;
	recording_init(&r);
	err = store_read(argv[2], &r, &e);
	if (err) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	err = render(argv[1], &r);
	recording_clear(&r);
	return err ? 1 : 0;
}
