/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Starts processes one after the other and waits for each: nothing but fork, exec, mmap, exit.
 *
 *   starts [-n COUNT] [-o FILE] fork|vfork|exec|spawn
 *   starts [-n COUNT] [-o FILE] run COMMAND...
 *
 * fork, vfork: the child ends at once. exec: it calls exec of /bin/true. spawn: the same by
 * posix_spawn. run: the same of COMMAND, which may start others itself. Not pinned, as a shell is
 * not. Prints one line of JSON: ns a process of ours.
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void start_one(const char *how, char **command)
{
	char *argv[] = {"true", NULL};
	pid_t pid;

	if (!strcmp(how, "spawn")) {
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ))
			exit(1);
	} else if (!strcmp(how, "run")) {
		if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ))
			exit(1);
	} else if (!strcmp(how, "vfork")) {
		pid = vfork();
		if (pid == 0)
			_exit(0);
	} else {
		pid = fork();
		if (pid == 0 && !strcmp(how, "exec"))
			execv("/bin/true", argv);
		if (pid == 0)
			_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		exit(1);
}

int main(int argc, char **argv)
{
	int cnt = 500, i, opt;
	uint64_t begin;
	FILE *out = stdout;

	while ((opt = getopt(argc, argv, "+n:o:")) != -1) {
		if (opt == 'n')
			cnt = atoi(optarg);
		else if (opt == 'o')
			out = fopen(optarg, "w");
		else if (opt == '?')
			return 2;
	}
	if (!out || optind >= argc || cnt < 1 ||
	    (optind + 1 < argc) != !strcmp(argv[optind], "run"))
		return 2;
	begin = now_ns();
	for (i = 0; i < cnt; i++)
		start_one(argv[optind], argv + optind + 1);
	fprintf(out, "{\"ns_per_event\": %.1f}\n", (double)(now_ns() - begin) / cnt);
	return fclose(out) != 0;
}
