/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How long until a program starts: the time before exec of a command, and the time of the first
 * thing that a target does.
 *
 *   first                  print CLOCK_MONOTONIC, ns
 *   first CMD [ARG...]     print CLOCK_MONOTONIC, ns, and become CMD
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%lld\n", (long long)ts.tv_sec * 1000000000 + ts.tv_nsec);
	fflush(stdout);
	if (argc < 2)
		return 0;
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
