// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pairs to compare, in the order in which they are told; see gap_pairs.h. */
#include "model/gap_pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define OTHER_MODEL 3 /* rank of those that are not known: two recordings, by their labels */

static int model_rank(const struct group *g)
{
	static const char *const models[] = {"single", "procs", "threads"};
	const char *model = g->first->model ? g->first->model : "";
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(models) && strcmp(models[i], model); i++)
		;
	return i;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

struct pairs {
	struct gap_pair *list;
	size_t cnt, cap;
};

static int add_pair(struct pairs *p, const struct group *a, const struct group *b, bool runtimes)
{
	if (a->partial || b->partial || !(a->has_lanes || a->has_path) ||
	    a->has_lanes != b->has_lanes || a->has_path != b->has_path)
		return 0;
	if (array_grow((void **)&p->list, &p->cap, p->cnt, sizeof(*p->list)))
		return -ENOMEM;
	p->list[p->cnt++] = (struct gap_pair){.a = a, .b = b, .runtimes = runtimes};
	return 0;
}

static int pairs_of_section(struct pairs *p, const struct section *sec)
{
	int err = 0;

	for (int x = 0; x < OTHER_MODEL && !err; x++) {
		for (int y = x + 1; y <= OTHER_MODEL && !err; y++) {
			for (size_t i = 0; i < sec->group_cnt && !err; i++) {
				for (size_t j = 0; j < sec->group_cnt && !err; j++) {
					if (model_rank(&sec->groups[i]) == x &&
					    model_rank(&sec->groups[j]) == y)
						err = add_pair(p, &sec->groups[i], &sec->groups[j],
							       false);
				}
			}
		}
	}
	for (size_t i = 0; i < sec->group_cnt && !err; i++) {
		for (size_t j = 0; j < sec->group_cnt && !err; j++) {
			const struct group *a = &sec->groups[i], *b = &sec->groups[j];

			if (model_rank(a) == OTHER_MODEL && model_rank(b) == OTHER_MODEL &&
			    a->first < b->first)
				err = add_pair(p, a, b, false);
		}
	}
	return err;
}

static int pairs_of_sections(struct pairs *p, const struct section *a, const struct section *b)
{
	int err = 0;

	if (!same_text(a->groups[0].first->workload, b->groups[0].first->workload) ||
	    !run_same_size(a->groups[0].first, b->groups[0].first))
		return 0;
	for (int rank = 0; rank < OTHER_MODEL && !err; rank++) {
		for (size_t i = 0; i < a->group_cnt && !err; i++) {
			for (size_t j = 0; j < b->group_cnt && !err; j++) {
				if (model_rank(&a->groups[i]) == rank &&
				    same_text(a->groups[i].first->model, b->groups[j].first->model))
					err = add_pair(p, &a->groups[i], &b->groups[j], true);
			}
		}
	}
	return err;
}

long gap_pairs(const struct summary *s, struct gap_pair **out)
{
	struct pairs p = {0};
	int err = 0;

	for (size_t i = 0; i < s->section_cnt && !err; i++)
		err = pairs_of_section(&p, &s->sections[i]);
	for (size_t i = 0; i < s->section_cnt && !err; i++)
		for (size_t j = i + 1; j < s->section_cnt && !err; j++)
			err = pairs_of_sections(&p, &s->sections[i], &s->sections[j]);
	if (err)
		free(p.list);
	*out = err ? NULL : p.list;
	return err ? err : (long)p.cnt;
}
