// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The tables; see switches.h. */
#include "model/switches.h"

#include <string.h>

#include "base/util.h"
#include "model/match.h"

#define ANY_TYPE LOCK_TYPE_CNT
#define FUNCTIONS_MAX 12

enum {
	PRIVATE_CONTEXTS,
	FETCHED_ONCE,
	MANY_ARENAS,
	MALLOC_HUGE,
	NO_HUGE,
	PINNED,
	NOT_PINNED,
	FEW_WORKERS,
	SWITCH_CNT,
};

static const struct switch_def switches[SWITCH_CNT] = {
	/* of several for one cause the first comes first */
	[PRIVATE_CONTEXTS] = {"private-contexts", "a library context for each lane",
			      SWITCH_WORKLOAD, "-private"},
	[FETCHED_ONCE] = {"fetched-once", "the algorithm fetched once", SWITCH_WORKLOAD,
			  "crypto-fetched"},
	/* each is made when a thread needs it: more than there can be threads */
	[MANY_ARENAS] = {"many-arenas", "a malloc arena for each thread", SWITCH_ENV,
			 "MALLOC_ARENA_MAX=100000"},
	[MALLOC_HUGE] = {"malloc-huge-pages", "huge pages for malloc", SWITCH_ENV,
			 "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"},
	[NO_HUGE] = {"no-huge-pages", "no huge pages", SWITCH_NO_HUGE_PAGES, NULL},
	[PINNED] = {"pinned", "a CPU for each lane", SWITCH_PIN, NULL},
	[NOT_PINNED] = {"not-pinned", "lanes that are not pinned", SWITCH_NO_PIN, NULL},
	[FEW_WORKERS] = {"few-workers", "as many workers as CPUs", SWITCH_WORKERS, NULL},
};

_Static_assert(SWITCH_CNT <= SWITCH_MAX, "switches");

#define LIBCRYPTO_LOCKS                                                                            \
	{                                                                                          \
		"CRYPTO_THREAD_*"                                                                  \
	}
#define LIBCRYPTO_SHARED                                                                           \
	{                                                                                          \
		"CRYPTO_THREAD_*", "EVP_MD_up_ref", "EVP_MD_free"                                  \
	}
#define MALLOC                                                                                     \
	{                                                                                          \
		"malloc", "calloc", "realloc", "free", "cfree", "libc_malloc", "libc_calloc",      \
			"libc_realloc", "libc_free", "int_malloc", "int_free*", "int_realloc"      \
	}

static const struct rule {
	int of;
	const char *workload; /* patterns; NULL: any */
	const char *runtime;
	enum gap_cause cause;
	enum lock_type type;		      /* or ANY_TYPE */
	const char *functions[FUNCTIONS_MAX]; /* one of them on the path; none: any path, or none */
} rules[] = {
	/* OpenSSL: what a look-up by name shares is the library context's */
	{PRIVATE_CONTEXTS, "crypto", NULL, GAP_LOCK_WAIT, ANY_TYPE, LIBCRYPTO_LOCKS},
	{PRIVATE_CONTEXTS, "crypto", NULL, GAP_LOCK_TRAFFIC, ANY_TYPE, LIBCRYPTO_SHARED},
	{PRIVATE_CONTEXTS, "crypto-query", NULL, GAP_LOCK_WAIT, ANY_TYPE, LIBCRYPTO_LOCKS},
	{PRIVATE_CONTEXTS, "crypto-query", NULL, GAP_LOCK_TRAFFIC, ANY_TYPE, LIBCRYPTO_SHARED},
	/* fetched once, counted references stay */
	{FETCHED_ONCE, "crypto", NULL, GAP_LOCK_WAIT, ANY_TYPE, LIBCRYPTO_LOCKS},
	{FETCHED_ONCE, "crypto", NULL, GAP_LOCK_TRAFFIC, ANY_TYPE, LIBCRYPTO_LOCKS},
	{FETCHED_ONCE, "crypto-query", NULL, GAP_LOCK_WAIT, ANY_TYPE, LIBCRYPTO_LOCKS},
	{FETCHED_ONCE, "crypto-query", NULL, GAP_LOCK_TRAFFIC, ANY_TYPE, LIBCRYPTO_LOCKS},
	/* glibc */
	{MANY_ARENAS, NULL, NULL, GAP_LOCK_WAIT, TYPE_ARENA, {NULL}},
	{MANY_ARENAS, NULL, NULL, GAP_LOCK_WAIT, ANY_TYPE, MALLOC}, /* the futex calls */
	{MANY_ARENAS, NULL, NULL, GAP_LOCK_TRAFFIC, ANY_TYPE, MALLOC},
	/* the native runner takes its memory from mmap: malloc's huge pages are nothing to it */
	{MALLOC_HUGE, NULL, "node*", GAP_PAGE_FAULTS, ANY_TYPE, {NULL}},
	{MALLOC_HUGE, NULL, "node*", GAP_PAGE_TABLES, ANY_TYPE, {NULL}},
	{NO_HUGE, NULL, NULL, GAP_PAGE_FAULTS, ANY_TYPE, {NULL}},
	/* the scheduler */
	{PINNED, NULL, NULL, GAP_RUN_QUEUE, ANY_TYPE, {NULL}},
	{FEW_WORKERS, NULL, NULL, GAP_RUN_QUEUE, ANY_TYPE, {NULL}},
	{NOT_PINNED, NULL, NULL, GAP_RUN_QUEUE, ANY_TYPE, {NULL}},
};

const struct switch_def *switch_at(size_t i)
{
	return i < SWITCH_CNT ? &switches[i] : NULL;
}

const struct switch_def *switch_find(const char *id)
{
	for (size_t i = 0; i < SWITCH_CNT; i++)
		if (!strcmp(switches[i].id, id))
			return &switches[i];
	return NULL;
}

const char *switch_workload(const struct switch_def *sw, const char *workload, char *buf, size_t sz)
{
	snprintf(buf, sz, "%s%s", *sw->value == '-' ? workload : "", sw->value);
	return buf;
}

static bool is_word(const char *pattern, const char *word)
{
	struct bare_name name = {.s = str(word), .len = strlen(str(word))};

	return !pattern || name_matches(name, pattern);
}

static bool on_path(const struct rule *rule, const struct gap_part *p, const struct locks *l)
{
	const struct recording *r = l->paths->r;
	const struct stack *s = p->stack != NO_INDEX ? &r->stacks[p->stack] : NULL;

	if (!rule->functions[0])
		return true;
	for (uint32_t i = 0; s && i < s->frame_cnt; i++) {
		struct bare_name name = bare_user_name(r->frames[s->frames[i]].name);

		for (int f = 0; f < FUNCTIONS_MAX && rule->functions[f]; f++)
			if (name_matches(name, rule->functions[f]))
				return true;
	}
	return false;
}

/* Who stands for p: itself, but for small parts together the largest of their bucket and cause. */
static const struct gap_part *speaker(const struct gap *g, const struct gap_part *p)
{
	for (size_t i = 0; p->site == AT_MANY && i < g->part_cnt; i++)
		if (g->parts[i].site == AT_CAUSE && g->parts[i].cause == p->cause &&
		    g->parts[i].bucket == p->bucket)
			return &g->parts[i];
	return p;
}

static bool is_for(const struct rule *rule, const struct gap *g)
{
	const struct run *a = g->a->first, *b = g->b->first;

	return is_word(rule->workload, a->workload) && is_word(rule->workload, b->workload) &&
	       is_word(rule->runtime, a->runtime) && is_word(rule->runtime, b->runtime);
}

bool switch_takes(const struct switch_def *sw, const struct gap *g, const struct gap_part *p,
		  const struct locks *l)
{
	const struct gap_part *s = speaker(g, p);
	enum lock_type type =
		s->of.kind == CAUSE_LOCK || s->of.kind == CAUSE_FUTEX ? s->of.type : ANY_TYPE;

	if (p->site == AT_WORK || (s->of.kind == CAUSE_KERNEL && s->of.kclass == KC_FAULT_FILE))
		return false; /* memory of a file is none that huge pages are for */
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *rule = &rules[i];

		if (&switches[rule->of] == sw && rule->cause == p->cause && is_for(rule, g) &&
		    (rule->type == ANY_TYPE || rule->type == type) && on_path(rule, s, l))
			return true;
	}
	return false;
}

static bool has_huge_pages(const struct group *g)
{
	for (size_t i = 0; i < g->run_cnt; i++) {
		uint64_t cnt = run_count(g->runs[i], WG_N_FAULT_HUGE);

		if (cnt && cnt != UNKNOWN)
			return true;
	}
	return false;
}

bool switch_can(const struct switch_def *sw, const struct recording *r, const struct group *a,
		const struct group *b)
{
	const struct run *x = a->first, *y = b->first;

	switch (sw->kind) {
	case SWITCH_NO_HUGE_PAGES:
		return has_huge_pages(a) || has_huge_pages(b);
	case SWITCH_PIN:
		return !x->pinned && !y->pinned;
	case SWITCH_NO_PIN:
		return x->pinned && y->pinned;
	case SWITCH_WORKERS:
		return x->workers > r->host.cpus && y->workers > r->host.cpus;
	case SWITCH_ENV:
		return strcmp(str(r->conditions[0].thp), "never") || sw != &switches[MALLOC_HUGE];
	default:
		return true;
	}
}
