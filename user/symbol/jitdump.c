// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads jitdump files, see linux/tools/perf/Documentation/jitdump-specification.txt: a header,
 * then records, each with its size. Numbers are in the byte order of the machine that wrote them.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "symbol/jitcode.h"

#define JITDUMP_MAGIC 0x4a695444 /* "JiTD" */
#define JITDUMP_VERSION 1
#define JITDUMP_ARCH_TIMESTAMP 1 /* flag: times are not CLOCK_MONOTONIC */

enum record_id { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO, CODE_CLOSE, CODE_UNWINDING_INFO };

struct header {
	uint32_t magic, version, total_sz, elf_mach, pad, tgid;
	uint64_t time, flags;
};

struct prefix {
	uint32_t id, total_sz;
	uint64_t time;
};

struct code_load {
	struct prefix p;
	uint32_t tgid, tid;
	uint64_t vma, code_addr, code_sz, code_index;
	/* then the name and a 0, then the code */
};

struct code_move {
	struct prefix p;
	uint32_t tgid, tid;
	uint64_t vma, old_addr, new_addr, code_sz, code_index;
};

/* Where the code with an index was loaded; runtimes count indexes up, so the array is sorted. */
struct loaded {
	uint64_t code_index;
	size_t entry;
};

struct reader {
	struct jitmap *m;
	struct window *w;
	bool has_time;
	struct loaded *loaded;
	size_t cnt, cap;
};

/* What follows the name of a record that ends at `end`: its code, where all of it is there. */
static const uint8_t *code_at(struct reader *r, uint64_t off, uint64_t end, uint64_t sz)
{
	uint8_t *room = off < end && sz <= end - off ? jitcode_room(r->m, sz) : NULL;

	return room && window_copy(r->w, off, room, sz) == sz ? room : NULL;
}

static int add_load(struct reader *r, uint64_t off, size_t sz)
{
	struct code_load load;
	struct jitcode entry = {0};
	size_t room = sz, name_len, cnt = r->m->cnt;
	const uint8_t *data = sz > sizeof(load) ? window_at(r->w, off, &room) : NULL;
	int err;

	if (!data || room <= sizeof(load))
		goto bad;
	memcpy(&load, data, sizeof(load));
	room -= sizeof(load);
	name_len = strnlen((const char *)data + sizeof(load), room);
	if (!name_len || name_len == room || !jitcode_sane(load.code_addr, load.code_sz))
		goto bad;
	entry.start = load.code_addr;
	entry.end = load.code_addr + load.code_sz;
	entry.when_ns = r->has_time ? load.p.time : 0;
	entry.code = code_at(r, off + sizeof(load) + name_len + 1, off + sz, load.code_sz);
	err = jitcode_add(r->m, entry, (const char *)data + sizeof(load), name_len);
	if (err || r->m->cnt == cnt)
		return err;
	if (r->cnt && load.code_index <= r->loaded[r->cnt - 1].code_index)
		return 0;
	err = budget_grow(&r->m->budget, (void **)&r->loaded, &r->cap, r->cnt, sizeof(*r->loaded));
	if (!err)
		r->loaded[r->cnt++] = (struct loaded){load.code_index, cnt};
	return err;
bad:
	r->m->bad_cnt++;
	return 0;
}

static int compare_index(const void *a, const void *b)
{
	const struct loaded *x = a, *y = b;

	ORDER(x->code_index, y->code_index);
	return 0;
}

/* The same name and code at another address, from that time on. */
static int add_move(struct reader *r, uint64_t off, size_t sz)
{
	const struct loaded *from;
	struct loaded key = {0};
	struct code_move move;
	struct jitcode entry;

	if (sz < sizeof(move) || !r->cnt ||
	    window_copy(r->w, off, &move, sizeof(move)) != sizeof(move))
		goto bad;
	key.code_index = move.code_index;
	from = bsearch(&key, r->loaded, r->cnt, sizeof(key), compare_index);
	if (!from || !jitcode_sane(move.new_addr, move.code_sz))
		goto bad;
	entry = r->m->entry[from->entry];
	if (move.code_sz != entry.end - entry.start)
		goto bad;
	entry.start = move.new_addr;
	entry.end = move.new_addr + move.code_sz;
	entry.when_ns = r->has_time ? move.p.time : 0;
	return jitcode_add_known(r->m, entry);
bad:
	r->m->bad_cnt++;
	return 0;
}

static int read_record(struct reader *r, const struct prefix *p, uint64_t off)
{
	switch (p->id) {
	case CODE_LOAD:
		return add_load(r, off, p->total_sz);
	case CODE_MOVE:
		return add_move(r, off, p->total_sz);
	case CODE_DEBUG_INFO:
	case CODE_UNWINDING_INFO:
		return 0;
	default:
		r->m->bad_cnt++;
		return 0;
	}
}

static int read_records(struct reader *r, uint64_t off)
{
	struct prefix p;
	int err = 0;

	for (; off < r->w->sz && !err; off += p.total_sz) {
		size_t len = sizeof(p);
		const uint8_t *at = window_at(r->w, off, &len);

		if (at && len == sizeof(p))
			memcpy(&p, at, sizeof(p));
		if (!at || len < sizeof(p) || p.total_sz < sizeof(p) ||
		    p.total_sz > r->w->sz - off) {
			r->m->bad_cnt++; /* no telling where the next one is */
			break;
		}
		if (p.id == CODE_CLOSE)
			break;
		err = budget_step(&r->m->budget) ? read_record(r, &p, off) : -EDQUOT;
	}
	return err;
}

int jitmap_read_jitdump(struct jitmap *m, struct window *w)
{
	struct reader r = {.m = m, .w = w};
	struct header h;
	int err;

	if (window_copy(w, 0, &h, sizeof(h)) != sizeof(h))
		return -ENOEXEC;
	if (h.magic != JITDUMP_MAGIC || !h.version || h.version > JITDUMP_VERSION ||
	    h.elf_mach != EM_X86_64 || h.total_sz < sizeof(h) || h.total_sz > w->sz)
		return -ENOEXEC;
	r.has_time = !(h.flags & JITDUMP_ARCH_TIMESTAMP);
	err = read_records(&r, h.total_sz);
	free(r.loaded);
	budget_give(&m->budget, r.cap * sizeof(*r.loaded));
	return err;
}
