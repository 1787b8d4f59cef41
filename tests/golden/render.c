// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* `render text|verbose|wide|json FILE.wg`: a report from a recording, as `wallgap report` gives it. */
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "store/store.h"

int main(int argc, char **argv)
{
	struct report_opts o = {.columns = 100, .saved_as = "example.wg"};
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
	o.verbose = !strcmp(argv[1], "verbose");
	if (!strcmp(argv[1], "wide"))
		o.columns = 180;
	err = strcmp(argv[1], "json") ? report_text(stdout, &r, &o) : report_json(stdout, &r);
	recording_clear(&r);
	return err ? 1 : 0;
}
