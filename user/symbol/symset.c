// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Sorts symbols, settles what each of them holds, looks them up; see symset.h. */
#include "symbol/symset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* How far a symbol without a size may reach that stands among names of exported functions only. */
#define REACH_EXPORTED 256
#define NO_SYMBOL UINT32_MAX

static const char *name_of(char *const *strings, const struct sym *sym)
{
	return strings[sym->table] + sym->name;
}

/* By start; of those that start together, the better one last. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct sym *x = a, *y = b;
	const char *x_name, *y_name;
	size_t x_len, y_len;

	ORDER(x->start, y->start);
	ORDER(x->rank, y->rank);
	x_name = name_of(arg, x);
	y_name = name_of(arg, y);
	x_len = strlen(x_name);
	y_len = strlen(y_name);
	ORDER(y_len, x_len);
	return strcmp(y_name, x_name);
}

/* Ends of symbols without a size: the next symbol's start, but no further than reach. */
static void end_at_next(struct symset *set, uint64_t reach)
{
	uint64_t next = UINT64_MAX, at = UINT64_MAX;

	for (size_t i = set->cnt; i-- > 0;) {
		struct sym *sym = &set->sym[i];
		uint64_t far = sym->exported && reach > REACH_EXPORTED ? REACH_EXPORTED : reach;

		if (sym->start != at) {
			next = at;
			at = sym->start;
		}
		if (sym->sized)
			continue;
		if (sym->end > next)
			sym->end = next;
		if (sym->end - sym->start > far)
			sym->end = sym->start + far;
	}
}

/*
 * A symbol without a size inside of one that has a size is a label in it and says less: it holds
 * nothing. At the very start of one it is another name for it, and takes its size.
 */
static void fold_labels(struct symset *set)
{
	uint64_t covered = 0, end;
	size_t i = 0, next;

	for (; i < set->cnt; i = next) {
		end = 0;
		for (next = i; next < set->cnt && set->sym[next].start == set->sym[i].start;
		     next++) {
			if (set->sym[next].sized && set->sym[next].end > end)
				end = set->sym[next].end;
		}
		for (size_t k = i; k < next; k++) {
			struct sym *sym = &set->sym[k];

			if (sym->sized || (!end && sym->start >= covered))
				continue;
			sym->sized = end != 0;
			sym->end = end ? end : sym->start;
		}
		covered = end > covered ? end : covered;
	}
}

static int emit(struct symset *set, uint64_t start, uint32_t sym)
{
	int err;

	if (set->seg_cnt && set->seg[set->seg_cnt - 1].start == start) {
		set->seg[set->seg_cnt - 1].sym = sym;
		return 0;
	}
	err = array_grow((void **)&set->seg, &set->seg_cap, set->seg_cnt, sizeof(*set->seg));
	if (!err)
		set->seg[set->seg_cnt++] = (struct segment){start, sym};
	return err;
}

/* Take from the stack of open symbols what ends by at; what is under it goes on from there. */
static int close_until(struct symset *set, const uint32_t *open, size_t *depth, uint64_t at)
{
	int err = 0;

	while (!err && *depth && set->sym[open[*depth - 1]].end <= at) {
		uint64_t end = set->sym[open[*depth - 1]].end;

		while (*depth && set->sym[open[*depth - 1]].end <= end)
			--*depth;
		err = emit(set, end, *depth ? open[*depth - 1] : NO_SYMBOL);
	}
	return err;
}

int symset_flatten(struct symset *set, char *const *strings, uint64_t reach)
{
	scoped_free uint32_t *open = NULL;
	size_t depth = 0;
	int err = 0;

	if (!set->cnt)
		return 0;
	open = calloc(set->cnt, sizeof(*open));
	if (!open)
		return -ENOMEM;
	qsort_r(set->sym, set->cnt, sizeof(*set->sym), compare, (void *)strings);
	end_at_next(set, reach);
	fold_labels(set);
	for (size_t i = 0; i < set->cnt && !err; i++) {
		if (set->sym[i].end <= set->sym[i].start)
			continue;
		err = close_until(set, open, &depth, set->sym[i].start);
		open[depth++] = (uint32_t)i;
		if (!err)
			err = emit(set, set->sym[i].start, (uint32_t)i);
	}
	return err ? err : close_until(set, open, &depth, UINT64_MAX);
}

void symset_clear(struct symset *set)
{
	free(set->sym);
	free(set->seg);
	*set = (struct symset){0};
}

struct sym *symset_find(const struct symset *set, uint64_t addr)
{
	size_t lo = 0, hi = set->seg_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->seg[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || set->seg[lo - 1].sym == NO_SYMBOL)
		return NULL;
	return &set->sym[set->seg[lo - 1].sym];
}
