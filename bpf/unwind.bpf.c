// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The walk of a user stack, by tables from .eh_frame that user space has loaded (see "The pool"
 * in shared.h), in the order of DWARF: find the mapping that holds the address, in its module's
 * table the rule, from the rule the caller's frame. Where there is no rule (JIT code, assembly
 * without CFI), one step by frame pointer, and on; in a file whose rules were not read, no further.
 *
 * And the set of stacks met so far: a new one is sent to user space once, with all its frames;
 * after that its hash stands for it. The hash has 64 bits, so that among a million stacks the
 * chance of any two sharing one is 1 in 37 million.
 */
#include "walk.bpf.h"

struct pool_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, WG_CHUNK_WORDS * 4);
};

/* Written by user space only, before anything refers to it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WG_CHUNK_MAX);
	__uint(key_size, 4);
	__array(values, struct pool_chunk);
} pool SEC(".maps");

/* The same. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WG_RULE_MAX);
	__type(key, u32);
	__type(value, struct wg_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WG_MODULE_MAX);
	__type(key, u32);
	__type(value, struct wg_module);
} modules SEC(".maps");

#define SEEN_MAX 65536

/* Stacks that user space has been sent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SEEN_MAX);
	__type(key, u64);
	__type(value, u8);
} seen SEC(".maps");

/* --- the pool --- */

static __always_inline u32 *pool_chunk(u32 pos)
{
	u32 key = pos / WG_CHUNK_WORDS, zero = 0;
	void *inner = bpf_map_lookup_elem(&pool, &key);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline u32 chunk_word(const u32 *chunk, u32 pos)
{
	barrier_var(pos); /* else the mask, which the verifier wants, is proved away */
	return chunk[pos & (WG_CHUNK_WORDS - 1)];
}

/*
 * v, whose range the verifier then no longer follows: what differs in no more than where a search has
 * gone it takes for the same.
 */
static __always_inline u32 blurred(u32 v, u32 by)
{
	v ^= by;
	barrier_var(v);
	return v ^ by;
}

#define MAPPING_WORDS (sizeof(struct wg_mapping) / 4)

/*
 * The last mapping of l that begins at or before ip, into map; it may end before ip. Returns 0 where
 * there is none. Not inlined, so that it is verified once.
 */
__noinline int wg_mapping_find(const struct wg_layout *l, u64 ip, struct wg_mapping *map)
{
	u32 lo = 0, cnt, base, half, at;
	char *chunk;
	int i;

	if (!l || !map || !l->cnt)
		return 0;
	cnt = l->cnt;
	base = l->pos & (WG_CHUNK_WORDS - 1);
	chunk = (char *)pool_chunk(l->pos);
	if (!chunk)
		return 0;
	for (i = 0; i < 13 && cnt > 1; i++) { /* 2^12 = WG_LAYOUT_MAX */
		half = cnt / 2;
		at = (base + (lo + half) * MAPPING_WORDS) * 4;
		barrier_var(at);
		if (*(u64 *)(chunk + (at & (WG_CHUNK_WORDS * 4 - 32))) <= ip)
			lo += half;
		lo = blurred(lo, (u32)ip);
		cnt -= half;
	}
	at = (base + lo * MAPPING_WORDS) * 4;
	barrier_var(at);
	*map = *(struct wg_mapping *)(chunk + (at & (WG_CHUNK_WORDS * 4 - 32)));
	return 1;
}

static __always_inline bool mapping_holds(const struct wg_mapping *map, u64 ip)
{
	return ip - map->start < map->end - map->start;
}

/* The mapping noted in the kernel that holds ip, into map. */
static __always_inline bool noted_find(u32 tgid, u64 ip, struct wg_mapping *map)
{
	struct wg_noted *n = bpf_map_lookup_elem(&noted, &tgid);
	u32 i;

	for (i = 0; n && i < WG_NOTED_MAX; i++) {
		if (mapping_holds(&n->map[i], ip)) {
			*map = n->map[i];
			return true;
		}
	}
	return false;
}

/* Where in the pool the mappings of a process are: at once, since it may be replaced meanwhile. */
static __always_inline struct wg_layout layout_of(u32 tgid)
{
	u64 *l = bpf_map_lookup_elem(&layouts, &tgid), layout = l ? *(volatile u64 *)l : 0;

	return (struct wg_layout){
		.pos = (u32)layout, .cnt = (u16)(layout >> 32), .noted = layout >> 48};
}

int wg_mapping_known(u32 tgid, u64 addr)
{
	struct wg_layout l = layout_of(tgid);
	struct wg_mapping map = {};

	if (l.noted && noted_find(tgid, addr, &map))
		return 1;
	return wg_mapping_find(&l, addr, &map) && mapping_holds(&map, addr);
}

/* Set w->map and w->mod for w->ip; false when no mapping holds it. */
static __always_inline bool locate(struct walk *w)
{
	struct wg_module *m;
	u32 key;

	if (mapping_holds(&w->map, w->ip))
		return true;
	if (!(w->layout.noted && noted_find(w->tgid, w->ip, &w->map)) &&
	    !(wg_mapping_find(&w->layout, w->ip, &w->map) && mapping_holds(&w->map, w->ip))) {
		w->map.start = w->map.end = 0;
		w->map.module = w->map.cut = 0;
		w->mod.page_cnt = w->mod.cut = 0;
		return false;
	}
	key = w->map.module;
	m = bpf_map_lookup_elem(&modules, &key);
	if (m)
		w->mod = *m;
	else
		w->mod.page_cnt = w->mod.cut = 0;
	return true;
}

/* The rule for addr (by the module's numbering), or NULL where there is no CFI. */
static __always_inline struct wg_rule *rule_find(const struct walk *w, u64 addr)
{
	u64 page = (addr - w->mod.base) >> WG_PAGE_SHIFT;
	u32 low = addr & (WG_PAGE_SIZE - 1), cell, *chunk, pos, lo = 0, cnt, half, key;
	int i;

	if (page >= w->mod.page_cnt)
		return NULL;
	pos = w->mod.page_pos + (u32)page;
	chunk = pool_chunk(pos);
	if (!chunk)
		return NULL;
	cell = chunk_word(chunk, pos);
	if (!cell)
		return NULL;
	pos = cell >> 8;
	cnt = (cell & 255) + 1;
	chunk = pool_chunk(pos); /* a page's rows lie within one */
	if (!chunk)
		return NULL;
	for (i = 0; i < 8 && cnt > 1; i++) {
		half = cnt / 2;
		if ((chunk_word(chunk, pos + lo + half) & 255) <= low)
			lo += half;
		lo = blurred(lo, cell);
		cnt -= half;
	}
	key = chunk_word(chunk, pos + lo) >> 8;
	return bpf_map_lookup_elem(&rules, &key);
}

/* --- one frame --- */

static __always_inline int ended(struct walk *w, enum wg_stack_end how)
{
	w->end = how;
	return 1;
}

static __always_inline bool read_user(u64 *to, u64 from)
{
	return !bpf_probe_read_user(to, sizeof(*to), (void *)from);
}

static __always_inline int step_frame_pointer(struct walk *w)
{
	u64 saved[2];

	if (w->bp_lost)
		return ended(w, WG_END_BROKEN);
	if (!w->bp)
		return ended(w, WG_END_COMPLETE); /* psABI 3.4.1: the deepest frame has none */
	if (w->bp & 7 || w->bp < w->sp || bpf_probe_read_user(saved, sizeof(saved), (void *)w->bp))
		return ended(w, WG_END_BROKEN);
	w->sp = w->bp + 16;
	w->bp = saved[0];
	w->ip = saved[1];
	w->exact = 0;
	return w->ip ? 0 : ended(w, WG_END_COMPLETE);
}

/*
 * Saved registers lie close together, and each read of user memory costs more than the bytes: so a
 * piece of the stack is read at once, up to a page's end, and words are taken from it.
 */
static __always_inline bool window_fill(struct walk *w, u64 at)
{
	u32 sz = 4096 - (at & 4095);

	if (sz > WALK_WINDOW)
		sz = WALK_WINDOW;
	w->window_at = at;
	w->window_sz = 0;
	if (bpf_probe_read_user(w->window, sz, (void *)at))
		return false;
	w->window_sz = sz;
	return true;
}

static __always_inline bool read_stack(struct walk *w, u64 *to, u64 from)
{
	u64 off = from - w->window_at;

	if (from & 7)
		return read_user(to, from);
	if (off >= w->window_sz) {
		if (!window_fill(w, from))
			return false;
		off = 0;
	}
	*to = w->window[off / 8 & (WALK_WINDOW / 8 - 1)];
	return true;
}

static __always_inline int step_signal(struct walk *w, const struct wg_rule *r)
{
	u64 uc = w->sp + r->cfa_off, sp;

	if (!read_user(&w->bp, uc + WG_UC_RBP) || !read_user(&sp, uc + WG_UC_RSP) ||
	    !read_user(&w->ip, uc + WG_UC_RIP))
		return ended(w, WG_END_BROKEN);
	w->sp = sp;
	w->bx_at = uc + WG_UC_RBX;
	w->exact = 1;
	w->bp_lost = w->bx_lost = 0;
	return 0;
}

static __always_inline bool cfa_of(struct walk *w, const struct wg_rule *r, u64 *cfa)
{
	u32 reg;

	switch (r->cfa) {
	case WG_CFA_RSP:
		*cfa = w->sp + r->cfa_off;
		return true;
	case WG_CFA_RBP:
		*cfa = w->bp + r->cfa_off;
		return !w->bp_lost;
	case WG_CFA_RSP_DEREF:
		if (!read_user(cfa, w->sp + r->cfa_off))
			return false;
		*cfa += r->cfa_arg;
		return true;
	case WG_CFA_RBP_DEREF:
		if (w->bp_lost || !read_user(cfa, w->bp + r->cfa_off))
			return false;
		*cfa += r->cfa_arg;
		return true;
	case WG_CFA_PLT:
		*cfa = w->sp + r->cfa_off + ((w->ip & 15) >= r->cfa_arg ? 8 : 0);
		return true;
	case WG_CFA_REG:
		reg = r->cfa_arg;
		if (reg == WG_REG_RBX && !w->bx_lost) {
			*cfa = w->bx;
			if (w->bx_at && !read_user(cfa, w->bx_at))
				return false;
			*cfa += r->cfa_off;
			return true;
		}
		if (!w->has_regs || w->user_cnt != 1 || reg >= WALK_REG_CNT)
			return false;
		*cfa = w->reg[reg & (WALK_REG_CNT - 1)] + r->cfa_off;
		return true;
	}
	return false;
}

/* The caller's rbp, into *bp; lost where we cannot tell. */
static __always_inline void bp_of(struct walk *w, const struct wg_rule *r, u64 cfa)
{
	u64 at;

	switch (r->rbp) {
	case WG_RBP_SAME:
		return;
	case WG_RBP_AT_CFA:
		at = cfa + r->rbp_off;
		break;
	case WG_RBP_AT_RBP:
		at = w->bp + r->rbp_off;
		break;
	case WG_RBP_AT_RSP:
		at = w->sp + r->rbp_off;
		break;
	default:
		w->bp_lost = 1;
		return;
	}
	w->bp_lost = !read_stack(w, &w->bp, at);
}

static __always_inline int step_rule(struct walk *w, const struct wg_rule *r)
{
	u64 cfa;

	if (!cfa_of(w, r, &cfa))
		return ended(w, r->cfa == WG_CFA_REG ? WG_END_UNSUPPORTED : WG_END_BROKEN);
	if (cfa <= w->sp || cfa & 7)
		return ended(w, WG_END_BROKEN); /* the stack grows down: a caller is above */
	w->bx_lost |= r->rbx == WG_RBX_LOST;
	if (r->rbx && r->rbx != WG_RBX_LOST) {
		w->bx_at = cfa - 8 * r->rbx;
		w->bx_lost = 0;
	}
	bp_of(w, r, cfa); /* the lower address first: the window grows up */
	if (!read_stack(w, &w->ip, cfa - 8))
		return ended(w, WG_END_BROKEN);
	w->sp = cfa;
	w->exact = 0;
	return w->ip ? 0 : ended(w, WG_END_COMPLETE);
}

/* One round of a multiplicative hash, with the golden ratio's fraction. */
static __always_inline void hash_word(struct walk *w, u64 v)
{
	w->hash = (w->hash ^ v) * 0x9e3779b97f4a7c15ULL;
	w->hash ^= w->hash >> 29;
}

static __always_inline void frame_add(struct walk *w, u64 frame)
{
	u32 i = w->kernel_cnt + w->user_cnt++;

	if (w->exact)
		frame |= WG_FRAME_EXACT;
	if (w->leaf_apart && w->user_cnt == 1) {
		w->leaf = frame;
		frame = 0;
	}
	w->out.frame[i & (WALK_ROOM - 1)] = frame;
	hash_word(w, frame);
}

/* Note the frame at w->ip and go to its caller. 0: go on; 1: the end, in w->end. */
int wg_walk_step(struct walk *w)
{
	struct wg_rule *r;
	u64 addr;

	if (!w)
		return 1;
	if (!locate(w)) {
		w->jit = 1;
		frame_add(w, w->ip & (WG_FRAME_EXACT - 1));
		/* an address in no mapping: nowhere, or the mappings are not up to date */
		return step_frame_pointer(w) ? ended(w, WG_END_UNMAPPED) : 0;
	}
	addr = w->ip - w->map.bias;
	if (!w->map.module) {
		w->jit = 1;
		addr = w->ip;
	}
	frame_add(w, (u64)w->map.module << WG_MODULE_SHIFT | (addr & (WG_FRAME_EXACT - 1)));
	if (w->newborn)
		return ended(w, WG_END_COMPLETE);
	/* its code need not keep frame pointers */
	if (w->map.cut || w->mod.cut)
		return ended(w, WG_END_UNSUPPORTED);
	r = rule_find(w, addr - !w->exact);
	if (!r || r->cfa == WG_CFA_NONE)
		return step_frame_pointer(w);
	if (r->cfa == WG_CFA_END)
		return ended(w, WG_END_COMPLETE);
	if (r->cfa == WG_CFA_SIGNAL)
		return step_signal(w, r);
	if (r->cfa == WG_CFA_UNSUPPORTED)
		return ended(w, WG_END_UNSUPPORTED);
	return step_rule(w, r);
}

int wg_walk_user(struct walk *w)
{
	int i;

	if (!w)
		return 0;
	w->layout = layout_of(w->tgid);
	w->map.start = w->map.end = 0;
	w->end = WG_END_TRUNCATED;
	for (i = 0; i < WG_FRAMES_MAX; i++)
		if (wg_walk_step(w))
			break;
	return 0;
}

/* --- stacks met --- */

/* Send the frames to user space, unless it has them. w->hash stands for the stack from here on. */
int wg_stack_keep(struct walk *w)
{
	u8 one = 1;
	u32 i, cnt, bytes;
	u64 hash;

	if (!w)
		return 0;
	cnt = w->user_cnt;
	for (i = 0; i < WG_KFRAMES_MAX; i++) {
		if (i >= w->kernel_cnt)
			break;
		hash_word(w, w->out.frame[i]);
	}
	hash_word(w, (u64)w->kernel_cnt << 16 | w->end);
	if (w->jit)
		hash_word(w, w->tgid);
	if (!w->hash)
		w->hash = 1;
	hash = w->hash;
	if (bpf_map_lookup_elem(&seen, &hash))
		return 0;
	if (bpf_map_update_elem(&seen, &hash, &one, BPF_NOEXIST)) {
		if (!bpf_map_lookup_elem(&seen, &hash))
			loss(WG_LOSS_STACK); /* no room; else another CPU was faster */
		return 0;
	}
	w->out.type = WG_EVENT_STACK;
	w->out.tgid = w->tgid;
	w->out.hash = hash;
	w->out.user_cnt = cnt;
	w->out.kernel_cnt = w->kernel_cnt;
	w->out.end = w->end;
	bytes = (__builtin_offsetof(struct wg_stack_event, frame) +
		 (w->kernel_cnt + cnt) * sizeof(u64));
	if (bytes > sizeof(w->out))
		bytes = sizeof(w->out);
	/* its process moved on before we were told of it: the sooner it is read, the fewer like it */
	if (bpf_ringbuf_output(&stream, &w->out, bytes,
			       w->end == WG_END_UNMAPPED ? BPF_RB_FORCE_WAKEUP
							 : BPF_RB_NO_WAKEUP)) {
		bpf_map_delete_elem(&seen, &hash); /* the next one tries again */
		loss(WG_LOSS_STACK);
	}
	return 0;
}
