// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wallgap: why does the same work take longer this way than that way? Finds the subcommand. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/common.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"bench", cmd_bench, "run pools of workers every way, watch them, compare"},
	{"record", cmd_record, "watch any command or running process"},
	{"compare", cmd_compare, "explain the gap between two recordings"},
	{"report", cmd_report, "print a recording"},
	{"doctor", cmd_doctor, "what this kernel allows, and what is lost without it"},
};

static void help(FILE *f)
{
	size_t i;

	fprintf(f,
		"usage: wallgap COMMAND [OPTION...]\n\n"
		"Runs work, watches it from inside the kernel, and puts every nanosecond of its\n"
		"wall time into one bucket. Measuring needs root, or CAP_BPF and CAP_PERFMON.\n"
		"\ncommands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(f, "\n  wallgap COMMAND --help tells more; wallgap --version the version\n\n"
		   "examples:\n"
		   "  sudo wallgap bench --quick\n"
		   "  sudo wallgap record -o build.wg -- make -j2\n"
		   "  wallgap compare old.wg new.wg\n"
		   "  wallgap report --format json build.wg\n");
}

/*
 * Large arrays stay by themselves, where they grow without a copy and are given back when they go. Left
 * alone, malloc puts them among the small ones once it has seen a large one freed.
 */
#define LARGE (256 << 10)

/*
 * Where a standard descriptor is closed, the next file that is opened would be in its place, and get what
 * we print. Into these nothing can be printed, which is noticed.
 */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	size_t i;

	mallopt(M_MMAP_THRESHOLD, LARGE);
	fill_standard();
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("wallgap %s\n", WALLGAP_VERSION);
		return EXIT_DONE;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	say_note("wallgap: no command '%.40s'; try: wallgap --help", argv[1]);
	return EXIT_USAGE;
}
