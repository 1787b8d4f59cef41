// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Unwind tables and layouts into BPF maps; see pool.h. */
#include "collect/pool.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An array map rounds its values up to 8 bytes. */
#define RULE_STRIDE ((sizeof(struct wg_rule) + 7) / 8 * 8)
#define RULE_BYTES (WG_RULE_MAX * RULE_STRIDE)

#define CHUNK_BYTES (WG_CHUNK_WORDS * sizeof(uint32_t))

/* A rule and its number, in a tree ordered by the rule's bytes. */
struct rule_node {
	struct wg_rule rule;
	uint32_t number;
};

struct pool {
	int pool_fd, modules_fd;
	char *rule_mem;		       /* the map of rules, mapped */
	uint32_t *chunk[WG_CHUNK_MAX]; /* mapped */
	uint32_t chunk_cnt;
	uint32_t at; /* next free word; 0 is never used: it means none */
	void *rules; /* those in it: tree of struct rule_node */
	uint32_t rule_cnt;
};

int pool_new(struct pool **out, int pool_fd, int rules_fd, int modules_fd)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->rule_mem = mmap(NULL, RULE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, rules_fd, 0);
	if (p->rule_mem == MAP_FAILED) {
		free(p);
		return -errno;
	}
	p->pool_fd = pool_fd;
	p->modules_fd = modules_fd;
	p->at = 1;
	*out = p;
	return 0;
}

void pool_free(struct pool *p)
{
	uint32_t i;

	if (!p)
		return;
	for (i = 0; i < p->chunk_cnt; i++)
		munmap(p->chunk[i], CHUNK_BYTES);
	munmap(p->rule_mem, RULE_BYTES);
	tdestroy(p->rules, free);
	free(p);
}

static int add_chunk(struct pool *p)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE);
	void *mem;
	int fd, err = 0;

	if (p->chunk_cnt == WG_CHUNK_MAX)
		return -ENOSPC;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wg_chunk", sizeof(uint32_t), CHUNK_BYTES, 1, &o);
	if (fd < 0)
		return -errno;
	mem = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED || bpf_map_update_elem(p->pool_fd, &p->chunk_cnt, &fd, BPF_ANY))
		err = -errno;
	if (err && mem != MAP_FAILED)
		munmap(mem, CHUNK_BYTES);
	close(fd); /* the outer map holds it */
	if (!err)
		p->chunk[p->chunk_cnt++] = mem;
	return err;
}

static uint32_t *word_at(struct pool *p, uint32_t pos)
{
	return &p->chunk[pos / WG_CHUNK_WORDS][pos % WG_CHUNK_WORDS];
}

/* cnt words (at most a chunk's) that lie in one chunk, at an even position; *pos is where. */
static int take(struct pool *p, uint32_t cnt, uint32_t align, uint32_t *pos)
{
	uint32_t at = (p->at + align - 1) / align * align;
	int err;

	if (at / WG_CHUNK_WORDS != (at + cnt - 1) / WG_CHUNK_WORDS)
		at = (at / WG_CHUNK_WORDS + 1) * WG_CHUNK_WORDS;
	while (p->chunk_cnt * WG_CHUNK_WORDS < at + cnt) {
		err = add_chunk(p);
		if (err)
			return err;
	}
	p->at = at + cnt;
	*pos = at;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wg_rule));
}

/* The number of a rule, known already or new. */
static int rule_number(struct pool *p, const struct wg_rule *r, uint32_t *number)
{
	struct rule_node *n, **found;

	found = tfind(r, &p->rules, by_bytes);
	if (found) {
		*number = (*found)->number;
		return 0;
	}
	if (p->rule_cnt == WG_RULE_MAX)
		return -ENOSPC;
	memcpy(p->rule_mem + (size_t)p->rule_cnt * RULE_STRIDE, r, sizeof(*r));
	n = malloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->rule = *r;
	n->number = p->rule_cnt;
	if (!tsearch(n, &p->rules, by_bytes)) {
		free(n);
		return -ENOMEM;
	}
	*number = p->rule_cnt++;
	return 0;
}

static int number_rules(struct pool *p, const struct unwind_table *t, uint32_t **out)
{
	uint32_t *numbers = calloc(t->rule_cnt + 1, sizeof(*numbers)), i;
	int err = numbers ? 0 : -ENOMEM;

	for (i = 0; i < t->rule_cnt && !err; i++)
		err = rule_number(p, &t->rule[i], &numbers[i]);
	*out = numbers;
	return err;
}

/* The rows of one page, and the cell that says where they are; 0 for none. */
static int add_page(struct pool *p, const struct unwind_table *t, const uint32_t *numbers,
		    uint32_t page, uint32_t *cell)
{
	uint32_t first = t->page[page], cnt = t->page[page + 1] - first, pos, i;
	int err;

	*cell = 0;
	if (!cnt)
		return 0;
	err = take(p, cnt, 1, &pos);
	if (err)
		return err;
	for (i = 0; i < cnt; i++)
		*word_at(p, pos + i) =
			numbers[t->row[first + i] >> 8] << 8 | (t->row[first + i] & 255);
	*cell = pos << 8 | (cnt - 1);
	return 0;
}

int pool_add_module(struct pool *p, uint32_t m, const struct unwind_table *t)
{
	const struct wg_module none = {.cut = 1};
	struct wg_module mod = {.base = t->base, .page_cnt = t->page_cnt, .cut = t->cut};
	uint32_t *numbers = NULL, i, cell;
	int err = number_rules(p, t, &numbers);

	/* the cells first, side by side; they may cross chunks, a word does not */
	mod.page_pos = p->at;
	while (!err && p->chunk_cnt * WG_CHUNK_WORDS < p->at + t->page_cnt)
		err = add_chunk(p);
	if (!err)
		p->at += t->page_cnt;
	for (i = 0; i < t->page_cnt && !err; i++) {
		err = add_page(p, t, numbers, i, &cell);
		if (!err)
			*word_at(p, mod.page_pos + i) = cell;
	}
	free(numbers);
	if (bpf_map_update_elem(p->modules_fd, &m, err ? &none : &mod, BPF_ANY) && !err)
		err = -errno;
	return err;
}

int pool_add_layout(struct pool *p, const struct wg_mapping *map, size_t cnt, struct wg_layout *out)
{
	uint32_t words = (uint32_t)(cnt * sizeof(*map) / sizeof(uint32_t));
	int err;

	*out = (struct wg_layout){.cnt = (uint16_t)cnt};
	if (!cnt)
		return 0;
	err = take(p, words, sizeof(*map) / sizeof(uint32_t), &out->pos);
	if (err)
		return err;
	memcpy(word_at(p, out->pos), map, cnt * sizeof(*map));
	return 0;
}

int pool_reserve(struct pool *p)
{
	int err = 0;

	while (!err && p->chunk_cnt * WG_CHUNK_WORDS < p->at + WG_CHUNK_WORDS)
		err = add_chunk(p);
	return err;
}

size_t pool_bytes(const struct pool *p)
{
	return p->chunk_cnt * CHUNK_BYTES;
}
