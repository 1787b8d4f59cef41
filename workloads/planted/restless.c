// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * restless [N]: for a minute, threads that are hard to attach to. N "napper" that sleep 100 to 1000 us
 * again and again, N/4 pairs of "ping" and "pong" that wake each other through a pipe, N "settler"
 * that one thread starts one by one, every 3 ms, and that then sleep for good, and N "sleeper" that
 * have slept since before. Runs until it is killed.
 */
#include "planted.h"

#define STAY_NS (60 * NS_PER_S)
#define SETTLE_NS (3 * NS_PER_MS)

OWN_FRAME static void *sleeper(void *arg)
{
	(void)arg;
	name_thread("sleeper");
	nap(STAY_NS);
	KEEP_FRAME();
	return NULL;
}

OWN_FRAME static void *settler(void *arg)
{
	(void)arg;
	name_thread("settler");
	nap(STAY_NS);
	KEEP_FRAME();
	return NULL;
}

OWN_FRAME static void *napper(void *arg)
{
	uint64_t end_ns = mono_ns() + STAY_NS, us = 100 + (uintptr_t)arg * 211 % 900;

	name_thread("napper");
	while (mono_ns() < end_ns)
		nap(us * NS_PER_US);
	KEEP_FRAME();
	return NULL;
}

struct end {
	int from, to;
	const char *name;
};

OWN_FRAME static void *player(void *arg)
{
	struct end *e = arg;
	char c = 0;

	name_thread(e->name);
	if (!strcmp(e->name, "ping") && write(e->to, &c, 1) != 1)
		die("write");
	while (read(e->from, &c, 1) == 1 && write(e->to, &c, 1) == 1)
		nap(50 * NS_PER_US);
	KEEP_FRAME();
	return NULL;
}

static void start_pair(void)
{
	struct end *e = calloc(2, sizeof(*e));
	int there[2], back[2];

	if (!e || pipe(there) || pipe(back))
		die("pipe");
	e[0] = (struct end){back[0], there[1], "ping"};
	e[1] = (struct end){there[0], back[1], "pong"};
	start_thread(player, &e[0]);
	start_thread(player, &e[1]);
}

int main(int argc, char **argv)
{
	uint64_t n = arg_u64(argc, argv, 1, 41), i;

	for (i = 0; i < n; i++) {
		start_thread(sleeper, NULL);
		start_thread(napper, (void *)(uintptr_t)i);
	}
	for (i = 0; i < n / 4; i++)
		start_pair();
	for (i = 0; i < n; i++) {
		nap(SETTLE_NS);
		start_thread(settler, NULL);
	}
	name_thread("rested");
	nap(STAY_NS);
	return 0;
}
