// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The rules; see advice.h. */
#include "model/advice.h"

#include "base/util.h"
#include "model/match.h"

#define ANY_TYPE LOCK_TYPE_CNT

#define FETCH_ONCE                                                                                 \
	"fetch the algorithm once and reuse it (EVP_MD_fetch outside the loop), or give each "     \
	"thread a library context of its own (OSSL_LIB_CTX_new)"
#define MAP_LESS "map and unmap less: reuse buffers, or use processes"
#define MALLOC_LESS                                                                                \
	"raise malloc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, reuse buffers, or use processes"

/* The first that matches holds: particular ones before general ones. */
static const struct rule {
	enum gap_cause cause;
	enum lock_type type;  /* or ANY_TYPE */
	const char *function; /* somewhere on the path; NULL: any */
	const char *text;
} rules[] = {
	/* OpenSSL: look-ups by name take the library context's locks, each time */
	{GAP_LOCK_WAIT, ANY_TYPE, "EVP_*_fetch", FETCH_ONCE},
	{GAP_LOCK_TRAFFIC, ANY_TYPE, "EVP_*_fetch", FETCH_ONCE},
	{GAP_LOCK_WAIT, TYPE_ARENA, NULL,
	 "more malloc arenas (MALLOC_ARENA_MAX), an allocator that caches by thread (jemalloc, "
	 "mimalloc), or fewer allocations"},
	{GAP_LOCK_WAIT, TYPE_GIL, NULL,
	 "processes instead of threads, or do the work in code that releases the GIL"},
	{GAP_LOCK_WAIT, TYPE_STDIO, NULL, "a stream for each thread, or the _unlocked functions"},
	{GAP_LOCK_WAIT, TYPE_LOADER, NULL, "look symbols up once, before the threads begin"},
	{GAP_LOCK_WAIT, ANY_TYPE, NULL,
	 "hold the lock for a shorter time, split it, or give each thread its own copy of what it "
	 "guards"},
	{GAP_LOCK_TRAFFIC, ANY_TYPE, NULL,
	 "share less: look up once and keep the result, a copy for each thread, fewer reference "
	 "counts on the way"},
	{GAP_MMAP_LOCK, ANY_TYPE, NULL,
	 "map and unmap less: reuse buffers, raise malloc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, "
	 "or use processes"},
	{GAP_KERNEL_LOCK, ANY_TYPE, "*munmap*",
	 "map and unmap less: reuse buffers, or use processes"},
	{GAP_KERNEL_LOCK, ANY_TYPE, "*mmap*",
	 "map and unmap less: reuse buffers, or use processes"},
	{GAP_PAGE_FAULTS, ANY_TYPE, NULL,
	 "reuse memory that is already there, or take it in huge pages (madvise MADV_HUGEPAGE)"},
	{GAP_PAGE_TABLES, ANY_TYPE, NULL,
	 "huge pages (madvise MADV_HUGEPAGE), or one process for what several map"},
	{GAP_TLB, ANY_TYPE, NULL,
	 "unmap and protect memory less often while other threads run: reuse mappings"},
	{GAP_CPU_QUOTA, ANY_TYPE, NULL, "a larger CPU quota for the cgroup, or fewer threads"},
	{GAP_DISK, ANY_TYPE, NULL, "keep it in memory, read ahead, or sync less often"},
};

static bool on_path(const struct gap_part *p, const struct locks *l, const char *pattern)
{
	const struct recording *r = l->paths->r;
	const struct stack *s;

	if (p->stack == NO_INDEX)
		return false;
	s = &r->stacks[p->stack];
	for (uint32_t i = 0; i < s->frame_cnt; i++)
		if (name_matches(bare_user_name(r->frames[s->frames[i]].name), pattern))
			return true;
	return false;
}

static enum lock_type type_of(const struct gap_part *p)
{
	return p->of.kind == CAUSE_LOCK || p->of.kind == CAUSE_FUTEX ? p->of.type : ANY_TYPE;
}

const char *advice_for(const struct gap_part *p, const struct locks *l)
{
	if (p->of.kind == CAUSE_KERNEL && p->of.kclass == KC_FAULT_FILE)
		return NULL; /* memory of a file: not what the rules for faults are about */
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *rule = &rules[i];

		if (rule->cause == p->cause &&
		    (rule->type == ANY_TYPE || rule->type == type_of(p)) &&
		    (!rule->function || on_path(p, l, rule->function)))
			return rule->text;
	}
	return NULL;
}
