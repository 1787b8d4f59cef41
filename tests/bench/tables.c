// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How long the unwind tables of a file take: tables FILE TIMES. Prints one line of JSON: ms of each
 * build from the file, and of each load from a cache made for the purpose.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "unwind/table.h"

static int build(int fd, struct unwind_table *t, double *ms)
{
	uint64_t begin = now_ns();
	struct err e = {""};
	int err = unwind_table_build(t, fd, NULL, &e);

	*ms = (double)(now_ns() - begin) / 1e6;
	if (err)
		fprintf(stderr, "tables: %s\n", e.msg);
	return err;
}

static int load(const char *folder, double *ms)
{
	struct unwind_table t = {0};
	uint64_t begin = now_ns();
	int err = unwind_cache_load(&t, folder, "00", NULL);

	*ms = (double)(now_ns() - begin) / 1e6;
	unwind_table_clear(&t);
	if (err)
		fprintf(stderr, "tables: cache: %s\n", strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/wallgap-tables.XXXXXX", file[64];
	int fd = argc == 3 ? open(argv[1], O_RDONLY) : -1, times, i, err = 0;
	struct unwind_table t;
	double ms;

	if (fd < 0 || !mkdtemp(folder)) {
		fprintf(stderr, "tables: %s: %s\n",
			argc == 3 ? argv[1] : "usage: tables FILE TIMES", strerror(errno));
		return 1;
	}
	times = atoi(argv[2]);
	printf("{\"build_ms\": [");
	for (i = 0; i < times && !err; i++) {
		memset(&t, 0, sizeof(t));
		err = build(fd, &t, &ms);
		if (!err && !i)
			err = unwind_cache_save(&t, folder, "00");
		unwind_table_clear(&t);
		printf("%s%.2f", i ? ", " : "", ms);
	}
	printf("], \"cache_ms\": [");
	for (i = 0; i < times && !err; i++) {
		err = load(folder, &ms);
		printf("%s%.2f", i ? ", " : "", ms);
	}
	printf("]}\n");
	snprintf(file, sizeof(file), "rm -rf %s", folder);
	return system(file) || err;
}
