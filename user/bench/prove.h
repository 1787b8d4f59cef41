/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * bench --prove: the gaps of the workload just measured, the switches that should close them
 * (model/proof.h), and the pools that try this.
 */
#ifndef WG_BENCH_PROVE_H
#define WG_BENCH_PROVE_H

#include "bench/pools.h"

/* Pools in the order in which a repeat goes through them. */
struct round {
	int pools[POOL_MAX];
	int cnt;
};

/*
 * Find what is to be proved of workload w, whose pools are open, and build a variant of both sides of
 * each gap for each switch. The round is the pools of these gaps as they are, and their
 * variants: measured side by side, the machine's drift falls on both alike. Its cnt is 0 when there
 * is nothing to prove. Errors are ours only, as in pools.h.
 */
int prove_open(struct pools *p, const struct workload *w, struct round *round, struct err *e);

#endif
