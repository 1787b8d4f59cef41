// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The map of JIT code; see jitmap.h. Entries are added in the order of the files, and later ones
 * win. For look-ups they are sorted by start, and the sorted array is read as a balanced tree, its
 * middle the root: each entry also knows how far the code under it reaches and which of that was
 * added last, so that a look-up leaves out whole branches.
 */
#include "symbol/jitmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "symbol/jitcode.h"
#include "symbol/name.h"
#include "symbol/regular.h"

/*
 * Of a perf map the end is read: what it says of an address last is what lies there. As much as
 * makes some 50 MiB of entries.
 */
#define MAX_PERF_MAP (32u << 20)
#define MAX_JITDUMP (1ull << 30)
#define MAX_CODE_TOTAL (16u << 20)
#define BLOCK_SZ (64u << 10)

struct block {
	struct block *next;
	size_t used, cap;
	char data[];
};

/* --- adding --- */

/* Memory that lives as long as m; NULL when there is none, or the budget has none. */
static void *keep(struct jitmap *m, size_t sz)
{
	struct block *b = m->block;
	size_t cap = sz > BLOCK_SZ ? sz : BLOCK_SZ;

	if (!b || b->cap - b->used < sz) {
		if (!budget_take(&m->budget, sizeof(*b) + cap))
			return NULL;
		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		*b = (struct block){.next = m->block, .cap = cap};
		m->block = b;
	}
	b->used += sz;
	return b->data + b->used - sz;
}

static const char *keep_name(struct jitmap *m, const char *name, size_t len)
{
	char raw[JIT_NAME_MAX + 4], clean[JIT_NAME_MAX + 1];
	char *kept;

	/* some more than fits, so that no character is torn */
	len = len < sizeof(raw) - 1 ? len : sizeof(raw) - 1;
	for (size_t i = 0; i < len; i++)
		raw[i] = name[i] ? name[i] : '?';
	raw[len] = 0;
	name_clean(clean, sizeof(clean), raw);
	kept = keep(m, strlen(clean) + 1);
	return kept ? strcpy(kept, clean) : NULL;
}

bool jitcode_sane(uint64_t start, uint64_t size)
{
	/* user space is the lower half */
	return size && size <= JIT_CODE_MAX && start < 1ull << 63;
}

int jitcode_add_known(struct jitmap *m, struct jitcode entry)
{
	int err = budget_grow(&m->budget, (void **)&m->entry, &m->cap, m->cnt, sizeof(*m->entry));

	if (err)
		return err;
	entry.order = (uint32_t)m->cnt;
	m->entry[m->cnt++] = entry;
	return 0;
}

int jitcode_add(struct jitmap *m, struct jitcode entry, const char *name, size_t name_len)
{
	entry.name = keep_name(m, name, name_len);
	if (!entry.name)
		return m->budget.reason ? -EDQUOT : -ENOMEM;
	return jitcode_add_known(m, entry);
}

uint8_t *jitcode_room(struct jitmap *m, size_t sz)
{
	uint8_t *room = sz <= MAX_CODE_TOTAL - m->code_total ? keep(m, sz) : NULL;

	if (room)
		m->code_total += sz;
	return room;
}

/* Forget all of it: where a part is missing, what is there may be older than that. */
static void forget(struct jitmap *m)
{
	while (m->block) {
		struct block *next = m->block->next;

		free(m->block);
		m->block = next;
	}
	free(m->entry);
	m->entry = NULL;
	m->cnt = m->cap = m->code_total = 0;
	budget_close(&m->budget);
}

/* --- looking up --- */

static int by_when(const void *a, const void *b)
{
	const struct jitcode *x = a, *y = b;

	ORDER(x->when_ns, y->when_ns);
	ORDER(x->order, y->order);
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct jitcode *x = a, *y = b;

	ORDER(x->start, y->start);
	ORDER(x->order, y->order);
	return 0;
}

/* Sums up the branch entry[lo] .. entry[hi - 1]; returns its root, or NULL. */
static const struct jitcode *sum_up(struct jitmap *m, size_t lo, size_t hi)
{
	size_t mid = lo + (hi - lo) / 2;
	const struct jitcode *side[2];
	struct jitcode *root;

	if (lo >= hi)
		return NULL;
	root = &m->entry[mid];
	side[0] = sum_up(m, lo, mid);
	side[1] = sum_up(m, mid + 1, hi);
	root->branch_end = root->end;
	root->branch_order = root->order;
	for (size_t i = 0; i < ARRAY_SIZE(side); i++) {
		if (side[i] && side[i]->branch_end > root->branch_end)
			root->branch_end = side[i]->branch_end;
		if (side[i] && side[i]->branch_order > root->branch_order)
			root->branch_order = side[i]->branch_order;
	}
	return root;
}

void jitcode_settle(struct jitmap *m, size_t from, bool by_time)
{
	if (from == m->cnt)
		return;
	if (by_time)
		qsort(m->entry + from, m->cnt - from, sizeof(*m->entry), by_when);
	for (size_t i = from; i < m->cnt; i++)
		m->entry[i].order = (uint32_t)i;
	qsort(m->entry, m->cnt, sizeof(*m->entry), by_start);
	sum_up(m, 0, m->cnt);
}

struct query {
	uint64_t addr, when_ns;
	const struct jitcode *best;
};

static void search(const struct jitmap *m, size_t lo, size_t hi, struct query *q)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct jitcode *e = &m->entry[mid];

		if (e->branch_end <= q->addr || (q->best && e->branch_order < q->best->order))
			return;
		if (e->start <= q->addr) {
			if (q->addr < e->end && (!q->when_ns || e->when_ns <= q->when_ns) &&
			    (!q->best || e->order > q->best->order))
				q->best = e;
			search(m, mid + 1, hi, q);
		}
		hi = mid;
	}
}

static const struct jitcode *find(struct jitmap *m, uint64_t addr, uint64_t when_ns)
{
	struct query q = {.addr = addr, .when_ns = when_ns};

	budget_begin(&m->budget);
	if (budget_has_time(&m->budget))
		search(m, 0, m->cnt, &q);
	budget_end(&m->budget);
	return q.best;
}

const char *jitmap_find(struct jitmap *m, uint64_t addr, uint64_t when_ns, uint64_t *start)
{
	const struct jitcode *e = find(m, addr, when_ns);

	if (e && start)
		*start = e->start;
	return e ? e->name : NULL;
}

size_t jitmap_bytes(struct jitmap *m, uint64_t addr, void *buf, size_t len)
{
	const struct jitcode *e = find(m, addr, 0);

	if (!e || !e->code)
		return 0;
	if (len > e->end - addr)
		len = e->end - addr;
	memcpy(buf, e->code + (addr - e->start), len);
	return len;
}

uint64_t jitmap_bad_cnt(const struct jitmap *m)
{
	return m->bad_cnt;
}

/* --- files --- */

/*
 * A file with a second name is refused: whoever may write to /tmp could give this name to a file of
 * the owner's, or of root's, which its owner never meant for us.
 */
static int open_trusted(int root, const char *path, uid_t owner, off_t *sz, struct err *e)
{
	struct stat st;
	int fd = regular_open(root, path, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, &st);

	if (fd == -EPERM)
		return err_set(e, fd, "%s is a link or not a regular file: not read", path);
	if (fd < 0)
		return err_sys(e, fd, "cannot open %s", path);
	*sz = st.st_size;
	if ((st.st_uid == owner || st.st_uid == 0) && st.st_nlink == 1)
		return fd;
	close(fd);
	if (st.st_nlink != 1)
		return err_set(e, -EPERM, "%s has %ju names: not read", path,
			       (uintmax_t)st.st_nlink);
	return err_set(e, -EPERM, "%s belongs to user %u, not to the process's %u: not read", path,
		       st.st_uid, owner);
}

/* What reading came to; the entries are put in order, or left out where some are missing. */
static int finish(struct jitmap *m, struct window *w, size_t from, bool by_time, int err)
{
	window_close(w);
	if (err == -EDQUOT) {
		forget(m);
		err = 0;
	}
	jitcode_settle(m, from < m->cnt ? from : m->cnt, by_time);
	budget_end(&m->budget);
	return err;
}

static void begin(struct jitmap *m, const char *path)
{
	if (!m->path[0] && path)
		snprintf(m->path, sizeof(m->path), "%s", path);
	budget_begin(&m->budget);
}

int jitmap_add_perf(struct jitmap *m, int root, const char *path, uid_t owner, struct err *e)
{
	off_t sz = 0;
	scoped_fd int fd = open_trusted(root, path, owner, &sz, e);
	struct window w = {.fd = fd, .sz = (uint64_t)sz};
	size_t from = m->cnt;
	int err;

	if (fd < 0)
		return fd;
	begin(m, path);
	if (w.sz > MAX_PERF_MAP) {
		budget_stop(&m->budget, BUDGET_FILE_LENGTH);
		w.begin = w.sz - MAX_PERF_MAP;
		w.sz = MAX_PERF_MAP;
	}
	err = finish(m, &w, from, false, jitmap_read_perf(m, &w, w.begin != 0));
	return err ? err_sys(e, err, "cannot keep the names in %s", path) : 0;
}

int jitmap_add_jitdump(struct jitmap *m, int root, const char *path, uid_t owner, struct err *e)
{
	off_t sz = 0;
	scoped_fd int fd = open_trusted(root, path, owner, &sz, e);
	struct window w = {.fd = fd, .sz = (uint64_t)sz};
	size_t from = m->cnt;
	int err;

	if (fd < 0)
		return fd;
	begin(m, path);
	if (w.sz > MAX_JITDUMP) {
		budget_stop(&m->budget, BUDGET_FILE_LENGTH);
		err = -EDQUOT;
	} else {
		err = jitmap_read_jitdump(m, &w);
	}
	err = finish(m, &w, from, true, err);
	if (err == -ENOEXEC)
		return err_set(e, err, "%s is no jitdump of this machine", path);
	return err ? err_sys(e, err, "cannot keep the names in %s", path) : 0;
}

int jitmap_parse_perf(struct jitmap *m, const char *text, size_t sz)
{
	struct window w = {.fd = -1, .mem = (const uint8_t *)text, .sz = sz};
	size_t from = m->cnt;

	begin(m, NULL);
	return finish(m, &w, from, false, jitmap_read_perf(m, &w, false));
}

int jitmap_parse_jitdump(struct jitmap *m, const void *data, size_t sz)
{
	struct window w = {.fd = -1, .mem = data, .sz = sz};
	size_t from = m->cnt;

	begin(m, NULL);
	return finish(m, &w, from, true, jitmap_read_jitdump(m, &w));
}

int jitmap_new(struct jitmap **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->budget.path = (*out)->path;
	return 0;
}

void jitmap_free(struct jitmap *m)
{
	if (!m)
		return;
	forget(m);
	free(m);
}

bool jitmap_wants_room(const struct jitmap *m)
{
	return m->budget.reason == BUDGET_ALL_MEMORY;
}

void jitmap_forget(struct jitmap *m)
{
	budget_forgive(&m->budget);
	jitmap_free(m);
}
