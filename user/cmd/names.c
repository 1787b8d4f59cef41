// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of frames, stacks and locks; see names.h. Every answer is remembered, in trees by what was
 * asked, since the same few addresses are asked for again and again.
 */
#include "cmd/names.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/budget.h"
#include "base/util.h"
#include "model/lock_rules.h"
#include "model/locks.h"
#include "symbol/insn.h"
#include "symbol/jitmap.h"
#include "symbol/ksyms.h"
#include "symbol/script.h"
#include "symbol/symtab.h"

#define FUNCTION_MAX (256 * 1024) /* bytes of code that are decoded to reach an instruction */

/* A question and its answer: the key's words mean what each tree says. */
struct known {
	uint64_t key[4];
	uint32_t answer;
};

/* What a process looked like in this window. */
struct process_names {
	uint32_t tgid;
	struct jitmap *jit;
};

struct names {
	struct recording *r;
	const struct spaces *spaces;
	struct stacks *stacks;
	struct ksyms *ksyms;
	bool ksyms_tried;
	struct insn *insn;
	struct symtab **symtabs; /* by module number; NULL: not opened */
	size_t symtab_cap;
	uint8_t *symtab_tried;
	void *frames; /* (raw frame, tgid of a JIT frame or kernel leaf) -> frame */
	void *functions; /* (module number + 1 or 0, start, hash of the name, module's hash) -> frame */
	void *paths;	 /* (raw stack, leaf, tgid) -> stack */
	void *contents;	      /* (hash of a recorded stack) -> stack */
	void *traffic;	      /* (leaf, tgid of a JIT frame) -> enum traffic */
	void *locks;	      /* (addr, tgid, flags, kind) -> lock */
	void *processes;      /* tree of struct process_names */
	struct budget decode; /* of instructions */
	uint64_t bad_jit;
};

static int known_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct known *)a)->key));
}

/* The answer's place in a tree, new ones NO_INDEX; NULL without memory. */
static uint32_t *ask(void **tree, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct known key = {.key = {a, b, c, d}}, *k, **found = tfind(&key, tree, known_order);

	if (found)
		return &(*found)->answer;
	k = malloc(sizeof(*k));
	if (!k)
		return NULL;
	*k = key;
	k->answer = NO_INDEX;
	if (!tsearch(k, tree, known_order)) {
		free(k);
		return NULL;
	}
	return &k->answer;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t text_hash(const char *s)
{
	uint64_t h = 1;

	for (; *s; s++)
		h = mix(h, (unsigned char)*s);
	return h;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- processes --- */

static int process_order(const void *a, const void *b)
{
	const struct process_names *x = a, *y = b;

	ORDER(x->tgid, y->tgid);
	return 0;
}

static struct process_names *process_of(struct names *n, uint32_t tgid)
{
	struct process_names key = {.tgid = tgid}, *p, **found;

	found = tfind(&key, &n->processes, process_order);
	if (found)
		return *found;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->tgid = tgid;
	if (!tsearch(p, &n->processes, process_order)) {
		free(p);
		return NULL;
	}
	return p;
}

static void process_free(void *arg)
{
	struct process_names *p = arg;

	jitmap_free(p->jit);
	free(p);
}

/* Whose the process is now, if it is there: it may have changed since its mappings were read. */
static uid_t owner_of(const struct process *p)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", p->tgid);
	/* root's, when the process may not be dumped: then what was noted is better */
	return stat(path, &st) || !st.st_uid ? p->uid : st.st_uid;
}

static void forget_jit(const void *node, VISIT visit, int depth)
{
	struct process_names *p = *(struct process_names *const *)node;

	(void)depth;
	if (visit != postorder && visit != leaf)
		return;
	jitmap_free(p->jit);
	p->jit = NULL;
}

/* Give up what was read of files, to be read again: one of them wants more memory than there is left. */
static void make_room(struct names *n)
{
	twalk(n->processes, forget_jit);
	for (size_t i = 0; i < n->symtab_cap; i++) {
		symtab_close(n->symtabs[i]);
		n->symtabs[i] = NULL;
		n->symtab_tried[i] = 0;
	}
}

static void read_jit(struct process_names *p, const struct process *sp)
{
	int root = sp->root_fd >= 0 ? sp->root_fd : AT_FDCWD;
	uid_t owner = owner_of(sp);
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", sp->ns_tgid);
	/* not there, or not to be trusted: the code has no names */
	jitmap_add_perf(p->jit, root, path, owner, NULL);
	for (size_t i = 0; i < sp->jitdump_cnt; i++)
		jitmap_add_jitdump(p->jit, root, sp->jitdumps[i], owner, NULL);
}

/* What the process's perf map and jitdumps say, read once a window; NULL without memory. */
static struct jitmap *jit_of(struct names *n, uint32_t tgid)
{
	const struct process *sp = spaces_process(n->spaces, tgid);
	struct process_names *p = process_of(n, tgid);

	if (!p || p->jit || jitmap_new(&p->jit))
		return p ? p->jit : NULL;
	if (!sp || !sp->identified)
		return p->jit; /* whose file it would be is not known */
	read_jit(p, sp);
	if (jitmap_wants_room(p->jit)) {
		jitmap_forget(p->jit);
		p->jit = NULL;
		make_room(n);
		if (jitmap_new(&p->jit))
			return NULL;
		read_jit(p, sp);
	}
	n->bad_jit += jitmap_bad_cnt(p->jit);
	return p->jit;
}

/* --- functions --- */

struct function {
	const char *name, *module;
	uint64_t start;
	uint32_t flags;
	uint64_t id; /* module's number + 1; 0: the kernel or no file */
	char made[256];
	struct script_function script;
};

static void open_symtab(struct names *n, uint32_t number, const struct module *m)
{
	n->symtab_tried[number] = 1;
	if (m->fd >= 0)
		symtab_open(&n->symtabs[number], m->fd, m->path, "", NULL);
	else
		symtab_open_image(&n->symtabs[number], m->image, m->image_sz, m->path, NULL);
}

static struct symtab *symtab_of(struct names *n, uint32_t number, const struct module *m)
{
	size_t cap = n->symtab_cap;

	while (number >= cap)
		cap = cap ? cap * 2 : 64;
	if (cap != n->symtab_cap) {
		struct symtab **s = reallocarray(n->symtabs, cap, sizeof(*s));
		uint8_t *t;

		if (!s)
			return NULL;
		n->symtabs = s;
		t = realloc(n->symtab_tried, cap);
		if (!t)
			return NULL;
		n->symtab_tried = t;
		memset(s + n->symtab_cap, 0, (cap - n->symtab_cap) * sizeof(*s));
		memset(t + n->symtab_cap, 0, cap - n->symtab_cap);
		n->symtab_cap = cap;
	}
	if (!n->symtab_tried[number]) {
		open_symtab(n, number, m);
		if (n->symtabs[number] && symtab_wants_room(n->symtabs[number])) {
			symtab_forget(n->symtabs[number]);
			n->symtabs[number] = NULL;
			make_room(n);
			open_symtab(n, number, m);
		}
	}
	return n->symtabs[number];
}

/* Start of the function that holds addr, by symbols or else by FDEs; 0: not known. */
static uint64_t start_of(struct names *n, uint32_t number, const struct module *m, uint64_t addr)
{
	struct symtab *st = symtab_of(n, number, m);
	struct symbol s;

	if (st && symtab_function(st, addr, &s))
		return s.start;
	return unwind_table_start(&m->table, addr);
}

static void function_in_module(struct names *n, uint32_t number, const struct module *m,
			       uint64_t addr, struct function *f)
{
	struct symtab *st = symtab_of(n, number, m);
	struct symbol s;

	f->module = base_name(m->path);
	f->id = number + 1;
	/* the kernel put its address on the stack, no call did: nothing to step back from */
	if (unwind_table_find(&m->table, addr).cfa == WG_CFA_SIGNAL)
		addr++;
	if (st && symtab_function(st, addr, &s)) {
		f->name = s.name;
		f->start = s.start;
		f->flags = FRAME_NAMED | (s.exported ? FRAME_EXPORTED : 0);
		return;
	}
	f->start = unwind_table_start(&m->table, addr);
	if (f->start)
		snprintf(f->made, sizeof(f->made), "%.200s+0x%llx", f->module,
			 (unsigned long long)f->start);
	else
		snprintf(f->made, sizeof(f->made), f->module[0] == '[' ? "%.200s" : "[%.200s]",
			 f->module);
	f->name = f->made;
}

static void function_in_jit(struct names *n, uint64_t addr, uint32_t tgid, struct function *f)
{
	struct jitmap *jit = jit_of(n, tgid);
	const char *name = jit ? jitmap_find(jit, addr, 0, &f->start) : NULL;

	f->flags = FRAME_JIT;
	if (!name)
		return;
	f->flags |= FRAME_NAMED;
	f->start = 0; /* the same function may be compiled many times, to many places */
	f->name = name;
	if (script_function_of(name, &f->script)) {
		f->name = f->script.name;
		f->module = f->script.file;
	}
}

static void function_in_kernel(struct names *n, uint64_t addr, struct function *f)
{
	const char *module, *name;

	if (!n->ksyms_tried) {
		n->ksyms_tried = true;
		ksyms_open(&n->ksyms, "/proc/kallsyms");
	}
	f->flags = FRAME_KERNEL;
	f->module = "[kernel]";
	name = n->ksyms ? ksyms_find(n->ksyms, addr, &module) : NULL;
	if (!name)
		return;
	f->name = name;
	f->flags |= FRAME_NAMED;
	if (module[0]) {
		snprintf(f->made, sizeof(f->made), "[%.200s]", module);
		f->module = f->made;
	}
}

/* The recording's frame for a function. */
static uint32_t frame_of(struct names *n, const struct function *f)
{
	uint32_t *known = ask(&n->functions, f->id, f->start, text_hash(f->name),
			      text_hash(f->module) ^ f->flags);
	struct frame *to;

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	to = recording_add_frame(n->r);
	if (!to)
		return NO_INDEX;
	to->name = strdup(f->name);
	to->module = strdup(f->module);
	to->start = f->start;
	to->flags = f->flags;
	if (!to->name || !to->module)
		return NO_INDEX;
	return *known = (uint32_t)(n->r->frame_cnt - 1);
}

static bool is_kernel(uint64_t raw)
{
	return raw >> 63;
}

/* A raw frame's function. tgid matters for JIT frames, exact for kernel ones. */
static uint32_t frame_index(struct names *n, uint64_t raw, uint32_t tgid, bool exact)
{
	uint32_t number = is_kernel(raw) ? 0 : (uint32_t)(raw >> WG_MODULE_SHIFT);
	uint64_t about = is_kernel(raw) ? exact : number ? 0 : tgid;
	uint32_t *known = ask(&n->frames, raw, about, 0, 0);
	struct function f = {.name = "[unknown]", .module = ""};
	const struct module *m;
	uint64_t addr;

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	if (is_kernel(raw)) {
		function_in_kernel(n, raw - !exact, &f);
	} else {
		addr = WG_FRAME_ADDR(raw) - !(raw & WG_FRAME_EXACT);
		m = spaces_module(n->spaces, number);
		if (m)
			function_in_module(n, number, m, addr, &f);
		else
			function_in_jit(n, addr, tgid, &f);
	}
	return *known = frame_of(n, &f);
}

/* --- stacks --- */

/* What our own program and its tracepoint add on top of a kernel stack. */
static bool is_probe(const struct frame *f)
{
	static const char *const prefixes[] = {"bpf_", "__bpf_", "__traceiter_", "trace_call_bpf",
					       "perf_trace_"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(f->name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* The recording's stack with these frames. */
static uint32_t stack_of(struct names *n, const uint32_t *frames, uint32_t cnt, uint32_t kernel_cnt,
			 uint32_t end)
{
	uint64_t h = 1, g = 2;
	uint32_t *known, i;
	struct stack *to;

	for (i = 0; i < cnt; i++) {
		h = mix(h, frames[i]);
		g = mix(g, ~(uint64_t)frames[i]);
	}
	known = ask(&n->contents, h, g, (uint64_t)cnt << 32 | kernel_cnt, end);
	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	to = recording_add_stack(n->r);
	if (!to)
		return NO_INDEX;
	to->frames = malloc((cnt + 1) * sizeof(*frames));
	if (!to->frames)
		return NO_INDEX;
	memcpy(to->frames, frames, cnt * sizeof(*frames));
	to->frame_cnt = cnt;
	to->kernel_cnt = kernel_cnt;
	to->end = end;
	return *known = (uint32_t)(n->r->stack_cnt - 1);
}

uint32_t names_stack(struct names *n, uint64_t hash, uint64_t leaf, uint32_t tgid)
{
	const struct raw_stack *raw = hash ? stacks_find(n->stacks, hash) : NULL;
	uint32_t *known = ask(&n->paths, hash, leaf, tgid, 0);
	uint32_t frames[WG_FRAMES_MAX + 1 + WG_KFRAMES_MAX + 1], cnt = 0, kernel = 0, i, f;
	uint64_t at;

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	for (i = 0; raw && i < (uint32_t)raw->kernel_cnt + raw->user_cnt; i++) {
		at = raw->frame[i] ? raw->frame[i] : leaf;
		f = frame_index(n, at, tgid, i == 0);
		if (f == NO_INDEX)
			return NO_INDEX;
		if (i < raw->kernel_cnt && !kernel && is_probe(&n->r->frames[f]))
			continue;
		frames[cnt++] = f;
		kernel += i < raw->kernel_cnt;
	}
	return *known = stack_of(n, frames, cnt, kernel,
				 raw	? raw->end
				 : hash ? WG_END_LOST
					: WG_END_NONE);
}

uint64_t names_leaf(const struct names *n, uint64_t hash)
{
	const struct raw_stack *raw = hash ? stacks_find(n->stacks, hash) : NULL;

	return raw && raw->user_cnt ? raw->frame[raw->kernel_cnt] : 0;
}

/* What libc runs of a program before main and after it. */
static bool is_around_main(const char *name)
{
	static const char *const names[] = {"exit", "__run_exit_handlers", "__libc_csu_init",
					    "call_init", "_dl_"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

uint32_t names_start(struct names *n, const struct wg_row *row)
{
	bool first = row->tid == row->tgid;
	const struct frame *f;
	uint32_t at;

	for (int i = 0; i < WG_ROOT_FRAMES && row->root_frame[i]; i++) {
		at = frame_index(n, row->root_frame[i], row->tgid, false);
		if (at == NO_INDEX)
			break;
		f = &n->r->frames[at];
		if (first && is_around_main(f->name))
			break; /* main itself was not seen */
		if (!is_entry_function(f->name) && !(first && is_libc(f->module)))
			return at;
	}
	return NO_INDEX;
}

/* --- instructions --- */

/* Code from its function's start to just past addr; returns the bytes, or 0. */
static size_t code_of(struct names *n, uint64_t leaf, uint32_t tgid, uint8_t **code, uint64_t *at)
{
	uint32_t number = (uint32_t)(leaf >> WG_MODULE_SHIFT);
	const struct module *m = spaces_module(n->spaces, number);
	uint64_t addr = WG_FRAME_ADDR(leaf), start = 0;
	struct jitmap *jit = m ? NULL : jit_of(n, tgid);
	struct symtab *st = NULL;
	size_t sz, got;

	if (m) {
		st = symtab_of(n, number, m);
		start = start_of(n, number, m, addr);
	} else if (jit) {
		jitmap_find(jit, addr, 0, &start);
	}
	if (!start || addr - start > FUNCTION_MAX || (m && !st))
		return 0;
	sz = addr - start + 16; /* the longest instruction has 15 */
	*code = malloc(sz);
	if (!*code)
		return 0;
	got = m ? symtab_bytes(st, start, *code, sz) : jitmap_bytes(jit, start, *code, sz);
	*at = addr - start;
	return got > *at ? got : 0;
}

enum traffic names_traffic(struct names *n, uint64_t leaf, uint32_t tgid)
{
	uint32_t *known = ask(&n->traffic, leaf, leaf >> WG_MODULE_SHIFT ? 0 : tgid, 0, 0);
	scoped_free uint8_t *code = NULL;
	uint64_t at;
	size_t sz;

	if (!known)
		return TRAFFIC_UNKNOWN;
	if (*known != NO_INDEX)
		return (enum traffic) * known;
	if (!n->insn && insn_open(&n->insn))
		return TRAFFIC_UNKNOWN;
	*known = TRAFFIC_UNKNOWN;
	budget_begin(&n->decode);
	sz = budget_has_time(&n->decode) ? code_of(n, leaf, tgid, &code, &at) : 0;
	if (sz)
		*known = insn_is_atomic_rmw(n->insn, code, sz, at) ? TRAFFIC_YES : TRAFFIC_NO;
	budget_end(&n->decode);
	return (enum traffic) * known;
}

/* --- locks --- */

/* The file whose data holds addr, by the mappings of its code. */
static const struct module *module_of_data(struct names *n, uint32_t tgid, uint64_t addr,
					   uint32_t *number, uint64_t *offset)
{
	const struct process *p = spaces_process(n->spaces, tgid);
	const struct module *m;
	size_t i;

	for (i = 0; p && i < p->map_cnt; i++) {
		m = spaces_module(n->spaces, p->map[i].module);
		*offset = addr - p->map[i].bias;
		*number = p->map[i].module;
		if (m && *offset < m->end)
			return m;
	}
	*offset = 0;
	return NULL;
}

static const struct region *region_of(struct names *n, uint32_t tgid, uint64_t addr)
{
	const struct process *p = spaces_process(n->spaces, tgid);

	return p ? regions_find(&p->regions, addr) : NULL;
}

static uint32_t add_lock(struct names *n, const struct lock *like, const char *module,
			 const char *symbol)
{
	struct lock *to = recording_add_lock(n->r);

	if (!to)
		return NO_INDEX;
	*to = *like;
	to->module = strdup(module);
	to->symbol = strdup(symbol);
	return to->module && to->symbol ? (uint32_t)(n->r->lock_cnt - 1) : NO_INDEX;
}

uint32_t names_futex(struct names *n, uint32_t tgid, uint64_t addr, uint32_t site_flags)
{
	uint32_t *known = ask(&n->locks, addr, tgid, site_flags, LOCK_FUTEX);
	struct lock l = {.kind = LOCK_FUTEX, .tgid = tgid, .addr = addr};
	const struct region *region;
	const struct module *m;
	struct symbol s = {.name = ""};
	uint32_t number;
	struct symtab *st;

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	l.flags = lock_flags_of(site_flags);
	m = module_of_data(n, tgid, addr, &number, &l.offset);
	region = m ? NULL : region_of(n, tgid, addr);
	if (region && region->shared && !(site_flags & WG_SITE_PRIVATE))
		l.flags |= LOCK_SHARED;
	st = m ? symtab_of(n, number, m) : NULL;
	if (st && symtab_object(st, l.offset, &s))
		l.symbol_offset = l.offset - s.start;
	return *known = add_lock(n, &l,
				 m	  ? base_name(m->path)
				 : region ? region->name
					  : "",
				 s.name);
}

uint32_t names_klock(struct names *n, uint64_t addr, uint32_t site_flags)
{
	uint32_t *known = ask(&n->locks, addr, 0, site_flags, LOCK_KERNEL);
	struct lock l = {.kind = LOCK_KERNEL, .addr = addr};

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	l.flags = lock_flags_of(site_flags);
	return *known = add_lock(n, &l, "[kernel]", "");
}

/* --- */

int names_new(struct names **out, struct recording *r)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->r = r;
	n->decode.path = "instructions of samples";
	*out = n;
	return 0;
}

void names_use(struct names *n, const struct spaces *spaces, struct stacks *stacks)
{
	n->spaces = spaces;
	n->stacks = stacks;
}

static void forget(void **tree)
{
	tdestroy(*tree, free);
	*tree = NULL;
}

void names_window(struct names *n)
{
	tdestroy(n->processes, process_free);
	n->processes = NULL;
	/* what a JIT address holds, or a process's number means, may have changed */
	forget(&n->frames);
	forget(&n->paths);
	forget(&n->traffic);
}

void names_free(struct names *n)
{
	size_t i;

	if (!n)
		return;
	names_window(n);
	forget(&n->functions);
	forget(&n->contents);
	forget(&n->locks);
	for (i = 0; i < n->symtab_cap; i++)
		symtab_close(n->symtabs[i]);
	free(n->symtabs);
	free(n->symtab_tried);
	ksyms_close(n->ksyms);
	insn_close(n->insn);
	free(n);
}

uint64_t names_bad_jit(const struct names *n)
{
	return n->bad_jit;
}
