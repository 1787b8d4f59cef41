// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Builds the pools of a proof; see prove.h. */
#include "bench/prove.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/proof.h"

/* The pool without a switch of this runtime and model, or -1. */
static int find_pool(const struct pools *p, int cnt, const char *runtime, const char *model)
{
	for (int i = 0; i < cnt; i++)
		if (!strcmp(p->pools[i].of->label, runtime) && !strcmp(p->pools[i].model, model))
			return i;
	return -1;
}

static bool has_variant(const struct pools *p, int base, const struct switch_def *set)
{
	for (int i = 0; i < p->pool_cnt; i++)
		if (p->pools[i].set == set && p->pools[i].of == p->pools[base].of &&
		    p->pools[i].model == p->pools[base].model)
			return true;
	return false;
}

static void add_once(struct round *round, int pool)
{
	for (int i = 0; i < round->cnt; i++)
		if (round->pools[i] == pool)
			return;
	round->pools[round->cnt++] = pool;
}

/* The variant of one side; the pool itself, that it is compared with, takes part too. */
static int open_side(struct pools *p, const struct workload *w, int base,
		     const struct switch_def *set, struct round *round, struct err *e)
{
	int err;

	add_once(round, base);
	if (has_variant(p, base, set))
		return 0;
	err = pools_open_variant(p, w, base, set, e);
	if (!err)
		add_once(round, p->pool_cnt - 1);
	return err;
}

static int open_all(struct pools *p, const struct workload *w, const struct proof_want *wants,
		    long cnt, struct round *round, struct err *e)
{
	int base_cnt = p->pool_cnt, err = 0;

	for (long i = 0; i < cnt && !err && !*p->stop; i++) {
		const struct proof_want *want = &wants[i];
		int a = find_pool(p, base_cnt, want->runtime[0], want->model[0]);
		int b = find_pool(p, base_cnt, want->runtime[1], want->model[1]);

		if (a < 0 || b < 0 || !pools_can(p, w, a, want->sw) ||
		    !pools_can(p, w, b, want->sw))
			continue;
		err = open_side(p, w, a, want->sw, round, e);
		if (!err)
			err = open_side(p, w, b, want->sw, round, e);
	}
	return err;
}

int prove_open(struct pools *p, const struct workload *w, struct round *round, struct err *e)
{
	struct proof_want *wants = NULL;
	long cnt = proofs_wanted(&wants, p->r, w->name);
	int err;

	round->cnt = 0;
	if (cnt < 0)
		return err_sys(e, (int)cnt, "proofs of %s", w->name);
	err = open_all(p, w, wants, cnt, round, e);
	free(wants);
	return err;
}
