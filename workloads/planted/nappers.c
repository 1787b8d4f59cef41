// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * nappers N MS: for two minutes, N threads "napper" that sleep MS milliseconds again and again, each at a time
 * of its own. Runs until it is killed.
 */
#include "planted.h"

#define STAY_NS (120 * NS_PER_S)

static uint64_t nap_ns, cnt;

OWN_FRAME static void *napper(void *arg)
{
	uint64_t end_ns = mono_ns() + STAY_NS;

	name_thread("napper");
	nap(nap_ns * (uintptr_t)arg / cnt);
	while (mono_ns() < end_ns)
		nap(nap_ns);
	KEEP_FRAME();
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t i;

	cnt = arg_u64(argc, argv, 1, 997);
	nap_ns = arg_u64(argc, argv, 2, 211) * NS_PER_MS;
	for (i = 0; i < cnt; i++)
		start_thread(napper, (void *)(uintptr_t)i);
	name_thread("rested");
	nap(STAY_NS);
	return 0;
}
