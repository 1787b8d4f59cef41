// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Rows of CFI packed into pages (see table.h and bpf/shared.h), and look-ups in them. */
#include "unwind/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "unwind/code.h"
#include "unwind/eh_frame.h"

/* Rules that every table has, at these places. */
enum { RULE_NONE, RULE_UNSUPPORTED };

#define HASH_SIZE (2 * WG_RULE_MAX)

/* The table under construction. Offsets are from the table's base. */
struct builder {
	struct unwind_table *t;
	const struct cfi *cfi;
	size_t row_cap;
	size_t rule_cap;
	uint32_t *hash;		    /* of HASH_SIZE: index of a rule + 1, or 0 */
	uint32_t page_cnt;	    /* pages begun: the last of them is the one being filled */
	uint64_t filled;	    /* code before this has its rows */
	bool signal;		    /* of the function at hand */
	struct code_reader *reader; /* NULL: none is needed, or can be had */
	size_t bare_at;		    /* the next of eh->bare */
};

static uint32_t rule_hash(const struct wg_rule *rule)
{
	uint64_t low;
	uint32_t high;

	_Static_assert(sizeof(*rule) == sizeof(low) + sizeof(high), "hash all of it");
	memcpy(&low, rule, sizeof(low));
	memcpy(&high, (const char *)rule + sizeof(low), sizeof(high));
	return (uint32_t)(((low ^ (uint64_t)high << 20) * 0x9e3779b97f4a7c15ULL) >> 32);
}

static struct budget *budget_of(const struct builder *b)
{
	return b->cfi->eh->budget;
}

/* The rule's index; too many different ones: that of the unsupported rule. */
static int rule_index(struct builder *b, const struct wg_rule *rule, uint32_t *idx)
{
	struct unwind_table *t = b->t;
	uint32_t slot = rule_hash(rule) % HASH_SIZE;
	int rc;

	for (; b->hash[slot]; slot = (slot + 1) % HASH_SIZE) {
		*idx = b->hash[slot] - 1;
		if (!memcmp(&t->rule[*idx], rule, sizeof(*rule)))
			return 0;
	}
	*idx = RULE_UNSUPPORTED;
	if (t->rule_cnt == WG_RULE_MAX)
		return 0;
	rc = budget_grow(budget_of(b), (void **)&t->rule, &b->rule_cap, t->rule_cnt,
			 sizeof(*t->rule));
	if (rc)
		return rc;
	*idx = t->rule_cnt++;
	t->rule[*idx] = *rule;
	b->hash[slot] = *idx + 1;
	return 0;
}

/* A row of the page being filled, unless the one before it says the same. */
static int push(struct builder *b, uint64_t off, uint32_t rule)
{
	struct unwind_table *t = b->t;
	int rc;

	if (t->row_cnt > t->page[b->page_cnt - 1] && t->row[t->row_cnt - 1] >> 8 == rule)
		return 0;
	rc = budget_grow(budget_of(b), (void **)&t->row, &b->row_cap, t->row_cnt, sizeof(*t->row));
	if (!rc)
		t->row[t->row_cnt++] = rule << 8 | (off & (WG_PAGE_SIZE - 1));
	return rc;
}

/* No function reaches to the end of the page being filled. */
static int close_page(struct builder *b)
{
	if (b->page_cnt && b->filled < (uint64_t)b->page_cnt << WG_PAGE_SHIFT)
		return push(b, b->filled, RULE_NONE);
	return 0;
}

static void begin_pages(struct builder *b, uint32_t end)
{
	while (b->page_cnt < end)
		b->t->page[b->page_cnt++] = b->t->row_cnt;
}

/* Code from off to end, all in one page, none of it added before. */
static int add_in_page(struct builder *b, uint64_t off, uint64_t end, uint32_t rule)
{
	uint32_t page = (uint32_t)(off >> WG_PAGE_SHIFT);
	int rc = 0;

	if (page >= b->page_cnt) {
		rc = close_page(b);
		begin_pages(b, page + 1);
		b->filled = (uint64_t)page << WG_PAGE_SHIFT;
	}
	if (!rc && b->filled < off)
		rc = push(b, b->filled, RULE_NONE);
	if (!rc)
		rc = push(b, off, rule);
	b->filled = end;
	return rc;
}

static int add_range(struct builder *b, uint64_t start, uint64_t end, uint32_t idx)
{
	int rc = 0;

	while (!rc && start < end) {
		uint64_t page_end = (start | (WG_PAGE_SIZE - 1)) + 1;
		uint64_t part_end = end < page_end ? end : page_end;

		rc = budget_step(budget_of(b)) ? add_in_page(b, start, part_end, idx) : -EDQUOT;
		start = part_end;
	}
	return rc;
}

/*
 * C libraries leave the few bytes from clone's system call to the new thread's first instruction
 * without CFI, since there two stacks meet. The caller's is as at a function's entry; the new
 * thread's walk does not begin here (bpf/walk.bpf.h).
 */
#define CLONE_GAP 16

static int add_clone_gap(struct builder *b, uint64_t entry)
{
	const struct wg_rule at_entry = {.cfa = WG_CFA_RSP, .cfa_off = 8};
	uint32_t idx;
	int rc;

	if (!b->filled || entry <= b->filled || entry - b->filled > CLONE_GAP)
		return 0;
	rc = rule_index(b, &at_entry, &idx);
	return rc ? rc : add_range(b, b->filled, entry, idx);
}

static int add_code(void *ctx, uint64_t start, uint64_t end, const struct cfi_state *s)
{
	struct builder *b = ctx;
	struct wg_rule rule = cfi_rule(s, b->signal);
	uint32_t idx;
	int rc = rule_index(b, &rule, &idx);

	start -= b->t->base;
	end -= b->t->base;
	if (!rc && rule.cfa == WG_CFA_END)
		rc = add_clone_gap(b, start);
	return rc ? rc : add_range(b, start, end, idx);
}

/* Give back what growing took too much. */
static void trim(struct unwind_table *t)
{
	void *row = realloc(t->row, t->row_cnt * sizeof(*t->row));
	void *rule = realloc(t->rule, t->rule_cnt * sizeof(*t->rule));

	if (row)
		t->row = row;
	if (rule)
		t->rule = rule;
}

/* A function that was read from its code. */
struct bare_rows {
	struct builder *b;
	uint64_t start; /* from the table's base */
};

static int add_bare_row(void *ctx, size_t from, size_t to, const struct wg_rule *rule)
{
	struct bare_rows *f = ctx;
	uint32_t idx;
	int rc = rule_index(f->b, rule, &idx);

	return rc ? rc : add_range(f->b, f->start + from, f->start + to, idx);
}

/* The functions without CFI that lie before `end`, in the file's own addresses. */
static int add_bare(struct builder *b, uint64_t end)
{
	const struct eh_frame *eh = b->cfi->eh;
	int rc = 0;

	for (; !rc && b->bare_at < eh->bare_cnt && eh->bare[b->bare_at].start < end; b->bare_at++) {
		const struct bare_function *f = &eh->bare[b->bare_at];
		struct bare_rows rows = {.b = b, .start = f->start - b->t->base};

		if (!b->reader || f->sz > end - f->start || rows.start < b->filled)
			continue; /* it has CFI, after all */
		if (!budget_has_time(budget_of(b)))
			return -EDQUOT;
		b->t->start[b->t->start_cnt++] = (uint32_t)rows.start;
		rc = code_rules(b->reader, f->code, f->sz, add_bare_row, &rows);
	}
	return rc;
}

static int fill(struct builder *b)
{
	static const struct wg_rule fixed[] = {
		[RULE_NONE] = {.cfa = WG_CFA_NONE},
		[RULE_UNSUPPORTED] = {.cfa = WG_CFA_UNSUPPORTED},
	};
	struct unwind_table *t = b->t;
	uint32_t idx;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fixed) && !rc; i++)
		rc = rule_index(b, &fixed[i], &idx);
	for (size_t i = 0; i < b->cfi->fde_cnt && !rc; i++) {
		const struct cfi_fde *fde = &b->cfi->fde[i];
		bool broken = false;

		rc = budget_step(budget_of(b)) ? add_bare(b, fde->start) : -EDQUOT;
		if (rc)
			break;
		b->signal = b->cfi->cie[fde->cie].signal;
		t->start[t->start_cnt++] = (uint32_t)(fde->start - t->base);
		rc = cfi_run_fde(b->cfi, fde, add_code, b, &broken);
		t->fde_bad_cnt += broken;
	}
	if (!rc)
		rc = add_bare(b, UINT64_MAX);
	if (!rc)
		rc = close_page(b);
	if (rc)
		return rc;
	begin_pages(b, t->page_cnt + 1);
	for (uint32_t i = 0; i < t->row_cnt; i++)
		t->row_unsupported_cnt += t->rule[t->row[i] >> 8].cfa == WG_CFA_UNSUPPORTED;
	trim(t);
	return 0;
}

/* The part of the file that has rules: from the first function to the last one's end. */
static void span_of(const struct cfi *cfi, uint64_t *start, uint64_t *end)
{
	const struct eh_frame *eh = cfi->eh;
	const struct bare_function *last = eh->bare_cnt ? &eh->bare[eh->bare_cnt - 1] : NULL;

	*start = cfi->fde[0].start;
	*end = cfi->fde[cfi->fde_cnt - 1].end;
	if (last && eh->bare[0].start < *start)
		*start = eh->bare[0].start;
	if (last && last->start + last->sz > *end)
		*end = last->start + last->sz;
}

static int build(struct unwind_table *t, const struct cfi *cfi)
{
	const uint32_t hash_size = HASH_SIZE;
	struct builder b = {.t = t, .cfi = cfi};
	scoped_free uint32_t *hash = NULL;
	uint64_t start, end;
	size_t start_cnt;
	int rc;

	t->fde_bad_cnt = cfi->bad_cnt;
	if (!cfi->fde_cnt)
		return 0;
	span_of(cfi, &start, &end);
	if (end - start > EH_FRAME_SPAN_MAX - WG_PAGE_SIZE)
		return 0;
	t->base = start & ~(uint64_t)(WG_PAGE_SIZE - 1);
	t->page_cnt = (uint32_t)((end - t->base + WG_PAGE_SIZE - 1) >> WG_PAGE_SHIFT);
	start_cnt = cfi->fde_cnt + cfi->eh->bare_cnt;
	if (!budget_take(cfi->eh->budget, ((size_t)t->page_cnt + 1) * sizeof(*t->page) +
						  start_cnt * sizeof(*t->start)))
		return -EDQUOT;
	t->page = malloc(((size_t)t->page_cnt + 1) * sizeof(*t->page));
	t->start = malloc(start_cnt * sizeof(*t->start));
	hash = calloc(hash_size, sizeof(*hash));
	if (!t->page || !t->start || !hash)
		return -ENOMEM;
	b.hash = hash;
	if (cfi->eh->bare_cnt && code_open(&b.reader) == -ENOMEM)
		return -ENOMEM;
	rc = fill(&b);
	code_close(b.reader);
	return rc;
}

static int build_whole(struct unwind_table *t, const struct eh_frame *eh)
{
	struct cfi cfi;
	int rc;

	if (eh->cut)
		return -EDQUOT;
	rc = cfi_read(&cfi, eh);
	if (rc)
		return rc;
	rc = build(t, &cfi);
	cfi_clear(&cfi);
	return rc;
}

/* Without a table its code would be taken for code that has frame pointers. */
static void cut(struct unwind_table *t)
{
	unwind_table_clear(t);
	t->cut = true;
}

int unwind_table_from_eh_frame(struct unwind_table *t, const struct eh_frame *eh)
{
	int rc;

	*t = (struct unwind_table){0};
	rc = build_whole(t, eh);
	if (rc)
		cut(t);
	return rc == -EDQUOT ? 0 : rc;
}

size_t unwind_table_bytes(const struct unwind_table *t)
{
	return ((size_t)t->page_cnt + 1) * sizeof(*t->page) + t->row_cnt * sizeof(*t->row) +
	       t->rule_cnt * sizeof(*t->rule) + t->start_cnt * sizeof(*t->start);
}

static int build_from(struct unwind_table *t, int fd, const void *image, size_t sz,
		      struct budget *b, struct err *e)
{
	struct eh_frame eh;
	int rc;

	*t = (struct unwind_table){0};
	rc = eh_frame_read(&eh, fd, image, sz, b, e);
	/* what makes no sense has no CFI; what there was no room, or no time, to look at may have */
	t->cut = rc == -ENOMEM || (b && b->reason);
	if (rc)
		return t->cut && rc != -ENOMEM ? 0 : rc;
	rc = unwind_table_from_eh_frame(t, &eh);
	eh_frame_clear(&eh);
	return rc ? err_sys(e, rc, "no memory for an unwind table") : 0;
}

int unwind_table_build(struct unwind_table *t, int fd, struct budget *b, struct err *e)
{
	int rc;

	budget_begin(b);
	rc = build_from(t, fd, NULL, 0, b, e);
	/* the rest went with what it was for, and with what growing took too much */
	if (b && b->held > unwind_table_bytes(t))
		budget_give(b, b->held - unwind_table_bytes(t));
	budget_end(b);
	return rc;
}

int unwind_table_build_image(struct unwind_table *t, const void *image, size_t sz, struct err *e)
{
	return build_from(t, -1, image, sz, NULL, e);
}

void unwind_table_clear(struct unwind_table *t)
{
	free(t->page);
	free(t->row);
	free(t->rule);
	free(t->start);
	*t = (struct unwind_table){0};
}

struct wg_rule unwind_table_find(const struct unwind_table *t, uint64_t addr)
{
	const struct wg_rule none = {.cfa = t->cut ? WG_CFA_UNSUPPORTED : WG_CFA_NONE};
	uint64_t page = (addr - t->base) >> WG_PAGE_SHIFT;
	uint32_t off = addr & (WG_PAGE_SIZE - 1);
	uint32_t lo, hi;

	if (addr < t->base || page >= t->page_cnt || t->page[page] == t->page[page + 1])
		return none;
	/* the last row not after off; there is one at 0 */
	lo = t->page[page];
	hi = t->page[page + 1];
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((t->row[mid] & (WG_PAGE_SIZE - 1)) <= off)
			lo = mid;
		else
			hi = mid;
	}
	return t->rule[t->row[lo] >> 8];
}

uint64_t unwind_table_start(const struct unwind_table *t, uint64_t addr)
{
	uint32_t lo = 0, hi = t->start_cnt;

	if (!hi || unwind_table_find(t, addr).cfa == WG_CFA_NONE)
		return 0; /* what was cut has no starts */
	/* the last start not after addr; an FDE covers addr, so there is one */
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->start[mid] <= addr - t->base)
			lo = mid;
		else
			hi = mid;
	}
	return t->base + t->start[lo];
}
