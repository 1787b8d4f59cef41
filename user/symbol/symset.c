// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Sorts symbols, settles what each of them holds, looks them up; see symset.h. */
#include "symbol/symset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/strtab.h"
#include "base/util.h"

/* How far a symbol without a size may reach that stands among names of exported functions only. */
#define REACH_EXPORTED 256
#define NO_SYMBOL UINT32_MAX

#define NAME_COMPARED 4096 /* bytes; of longer names the first so many */

int symset_add(struct symset *set, const struct sym *sym, struct budget *b)
{
	int err = budget_grow(b, (void **)&set->sym, &set->cap, set->cnt, sizeof(*set->sym));

	if (!err)
		set->sym[set->cnt++] = *sym;
	return err;
}

/* --- sorting: by merging, since names come from a file that may be slow, and take as long as it likes */

struct sorting {
	struct strtab *strings;
	struct budget *budget;
	struct sym *from, *to;
};

/* Of those that start together and are of one rank, the one with the better name last. */
static int compare_names(struct strtab *strings, const struct sym *x, const struct sym *y)
{
	char x_name[NAME_COMPARED], y_name[NAME_COMPARED];
	size_t x_len = strtab_get(&strings[x->table], x->name, x_name, sizeof(x_name));
	size_t y_len = strtab_get(&strings[y->table], y->name, y_name, sizeof(y_name));

	ORDER(y_len, x_len);
	return strcmp(y_name, x_name);
}

/* By start; of those that start together, the better one last. */
static int compare(struct strtab *strings, const struct sym *x, const struct sym *y)
{
	ORDER(x->start, y->start);
	ORDER(x->rank, y->rank);
	return compare_names(strings, x, y);
}

/* from[lo] .. from[mid - 1] and from[mid] .. from[hi - 1], each in order, to `to`. */
static int merge(struct sorting *s, size_t lo, size_t mid, size_t hi)
{
	size_t a = lo, b = mid, at = lo;

	while (a < mid && b < hi) {
		if (!budget_step(s->budget))
			return -EDQUOT;
		if (compare(s->strings, &s->from[a], &s->from[b]) <= 0)
			s->to[at++] = s->from[a++];
		else
			s->to[at++] = s->from[b++];
	}
	items_move(&s->to[at], &s->from[a], mid - a, sizeof(*s->to));
	items_move(&s->to[at + mid - a], &s->from[b], hi - b, sizeof(*s->to));
	return 0;
}

static int sort(struct symset *set, struct strtab *strings, struct budget *b)
{
	size_t sz = set->cnt * sizeof(*set->sym), cnt = set->cnt;
	struct sorting s = {.strings = strings, .budget = b, .from = set->sym};
	struct sym *other;
	int err = 0;

	if (!budget_take(b, sz))
		return -EDQUOT;
	s.to = other = malloc(sz);
	if (!other)
		err = -ENOMEM;
	for (size_t run = 1; run < cnt && !err; run *= 2) {
		for (size_t lo = 0; lo < cnt && !err; lo += 2 * run) {
			size_t mid = lo + run < cnt ? lo + run : cnt;

			err = merge(&s, lo, mid, lo + 2 * run < cnt ? lo + 2 * run : cnt);
		}
		other = s.from;
		s.from = s.to;
		s.to = other;
	}
	if (s.from != set->sym) {
		items_move(set->sym, s.from, cnt, sizeof(*set->sym));
		other = s.from;
	}
	free(other);
	budget_give(b, sz);
	return err;
}

/* --- */

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

static int emit(struct symset *set, uint64_t start, uint32_t sym, struct budget *b)
{
	int err;

	if (set->seg_cnt && set->seg[set->seg_cnt - 1].start == start) {
		set->seg[set->seg_cnt - 1].sym = sym;
		return 0;
	}
	err = budget_grow(b, (void **)&set->seg, &set->seg_cap, set->seg_cnt, sizeof(*set->seg));
	if (!err)
		set->seg[set->seg_cnt++] = (struct segment){start, sym};
	return err;
}

/* Take from the stack of open symbols what ends by at; what is under it goes on from there. */
static int close_until(struct symset *set, const uint32_t *open, size_t *depth, uint64_t at,
		       struct budget *b)
{
	int err = 0;

	while (!err && *depth && set->sym[open[*depth - 1]].end <= at) {
		uint64_t end = set->sym[open[*depth - 1]].end;

		while (*depth && set->sym[open[*depth - 1]].end <= end)
			--*depth;
		err = emit(set, end, *depth ? open[*depth - 1] : NO_SYMBOL, b);
	}
	return err;
}

/* Symbols are in order and have their ends: segments that do not overlap. */
static int cut_up(struct symset *set, uint32_t *open, struct budget *b)
{
	size_t depth = 0;
	int err = 0;

	for (size_t i = 0; i < set->cnt && !err; i++) {
		if (set->sym[i].end <= set->sym[i].start)
			continue;
		if (!budget_step(b))
			return -EDQUOT;
		err = close_until(set, open, &depth, set->sym[i].start, b);
		open[depth++] = (uint32_t)i;
		if (!err)
			err = emit(set, set->sym[i].start, (uint32_t)i, b);
	}
	return err ? err : close_until(set, open, &depth, UINT64_MAX, b);
}

int symset_flatten(struct symset *set, struct strtab *strings, uint64_t reach, struct budget *b)
{
	scoped_free uint32_t *open = NULL;
	int err = set->cnt ? sort(set, strings, b) : 0;

	if (err || !set->cnt)
		return err;
	if (!budget_take(b, set->cnt * sizeof(*open)))
		return -EDQUOT;
	open = malloc(set->cnt * sizeof(*open));
	if (open) {
		end_at_next(set, reach);
		fold_labels(set);
		err = cut_up(set, open, b);
	} else {
		err = -ENOMEM;
	}
	budget_give(b, set->cnt * sizeof(*open));
	return err;
}

void symset_clear(struct symset *set, struct budget *b)
{
	budget_give(b, set->cap * sizeof(*set->sym) + set->seg_cap * sizeof(*set->seg));
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
