// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of frames, stacks and locks; see names.h. Every answer is remembered, in trees by what was
 * asked, since the same few addresses are asked for again and again.
 */
#include "capture/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/util.h"
#include "capture/known.h"
#include "capture/programs.h"
#include "model/lock_rules.h"
#include "model/locks.h"
#include "symbol/insn.h"
#include "symbol/jitmap.h"
#include "symbol/ksyms.h"
#include "symbol/script.h"
#include "symbol/symtab.h"

#define FUNCTION_MAX (256 * 1024) /* bytes of code that are decoded to reach an instruction */

struct names {
	struct recording *r;
	struct programs programs;
	struct stacks *stacks;
	struct ksyms *ksyms;
	bool ksyms_tried;
	struct insn *insn;
	void *frames; /* (raw frame, tgid of a JIT frame or kernel leaf) -> frame */
	void *functions; /* (module number + 1 or 0, start, hash of the name, module's hash) -> frame */
	void *paths;	 /* (raw stack, leaf, tgid where it has JIT frames) -> stack */
	void *contents;	      /* (hash of a recorded stack) -> stack */
	void *traffic;	      /* (leaf, tgid of a JIT frame) -> enum traffic */
	void *locks;	      /* (addr, tgid, flags, kind) -> lock */
	struct budget decode; /* of instructions */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
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

/* Start of the function that holds addr, by symbols or else by FDEs; 0: not known. */
static uint64_t start_of(struct names *n, uint32_t number, const struct module *m, uint64_t addr)
{
	struct symtab *st = programs_symtab(&n->programs, number, m);
	struct symbol s;

	if (st && symtab_function(st, addr, &s))
		return s.start;
	return unwind_table_start(&m->table, addr);
}

static void function_in_module(struct names *n, uint32_t number, const struct module *m,
			       uint64_t addr, struct function *f)
{
	struct symtab *st = programs_symtab(&n->programs, number, m);
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
	struct jitmap *jit = programs_jit(&n->programs, tgid);
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
	uint32_t *known = known_ask(&n->functions, f->id, f->start, known_text(f->name),
				    known_text(f->module) ^ f->flags);
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
	uint32_t *known = known_ask(&n->frames, raw, about, 0, 0);
	struct function f = {.name = "[unknown]", .module = ""};
	const struct module *m;
	uint64_t addr;

	if (!known || *known != NO_INDEX)
		return known ? *known : NO_INDEX;
	if (is_kernel(raw)) {
		function_in_kernel(n, raw - !exact, &f);
	} else {
		addr = WG_FRAME_ADDR(raw) - !(raw & WG_FRAME_EXACT);
		m = spaces_module(n->programs.spaces, number);
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
		h = known_mix(h, frames[i]);
		g = known_mix(g, ~(uint64_t)frames[i]);
	}
	known = known_ask(&n->contents, h, g, (uint64_t)cnt << 32 | kernel_cnt, end);
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

/* What a user frame in no file is, each process has to say for itself. */
static bool has_jit(const struct raw_stack *raw, uint64_t leaf)
{
	for (int i = 0; raw && i < raw->kernel_cnt + raw->user_cnt; i++) {
		uint64_t at = raw->frame[i] ? raw->frame[i] : leaf;

		if (!(at >> WG_MODULE_SHIFT))
			return true;
	}
	return false;
}

uint32_t names_stack(struct names *n, uint64_t hash, uint64_t leaf, uint32_t tgid)
{
	const struct raw_stack *raw = hash ? stacks_find(n->stacks, hash) : NULL;
	uint32_t *known = known_ask(&n->paths, hash, leaf, has_jit(raw, leaf) ? tgid : 0, 0);
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
	const struct module *m = spaces_module(n->programs.spaces, number);
	uint64_t addr = WG_FRAME_ADDR(leaf), start = 0;
	struct jitmap *jit = m ? NULL : programs_jit(&n->programs, tgid);
	struct symtab *st = NULL;
	size_t sz, got;

	if (m) {
		st = programs_symtab(&n->programs, number, m);
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
	uint32_t *known = known_ask(&n->traffic, leaf, leaf >> WG_MODULE_SHIFT ? 0 : tgid, 0, 0);
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
	const struct process *p = spaces_process(n->programs.spaces, tgid);
	const struct module *m;
	size_t i;

	for (i = 0; p && i < p->map_cnt; i++) {
		m = spaces_module(n->programs.spaces, p->map[i].module);
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
	const struct process *p = spaces_process(n->programs.spaces, tgid);

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
	uint32_t *known = known_ask(&n->locks, addr, tgid, site_flags, LOCK_FUTEX);
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
	st = m ? programs_symtab(&n->programs, number, m) : NULL;
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
	uint32_t *known = known_ask(&n->locks, addr, 0, site_flags, LOCK_KERNEL);
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
	n->programs.spaces = spaces;
	n->stacks = stacks;
}

void names_window(struct names *n)
{
	programs_forget(&n->programs);
	/* what a JIT address holds, or a process's number means, may have changed */
	known_forget(&n->frames);
	known_forget(&n->paths);
	known_forget(&n->traffic);
}

void names_free(struct names *n)
{
	if (!n)
		return;
	names_window(n);
	known_forget(&n->functions);
	known_forget(&n->contents);
	known_forget(&n->locks);
	programs_clear(&n->programs);
	ksyms_close(n->ksyms);
	insn_close(n->insn);
	free(n);
}
