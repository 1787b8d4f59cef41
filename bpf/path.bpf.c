// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the critical path (path.bpf.h) needs to know of a wakeup: whether an interrupt is behind it,
 * and whether the wait was for a lock. Softirqs after a task's own call (loopback) are the task's
 * doing; those right after an interrupt are nobody's.
 */
#include "path.bpf.h"

/* A softirq that begins so soon after an interrupt has ended was raised by it. */
#define AFTER_IRQ_NS 3000

static __always_inline void irq_begins(void)
{
	cpu_slot()->irq_depth++;
}

static __always_inline void irq_ends(void)
{
	struct wg_cpu_slot *c = cpu_slot();

	if (c->irq_depth)
		c->irq_depth--;
	c->irq_exit_ns = clock_ns();
}

SEC("tp_btf/irq_handler_entry")
int on_irq_entry(void *ctx)
{
	irq_begins();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int on_irq_exit(void *ctx)
{
	irq_ends();
	return 0;
}

SEC("tp_btf/local_timer_entry")
int on_timer_entry(void *ctx)
{
	irq_begins();
	return 0;
}

SEC("tp_btf/local_timer_exit")
int on_timer_exit(void *ctx)
{
	irq_ends();
	return 0;
}

SEC("tp_btf/softirq_entry")
int on_softirq_entry(void *ctx)
{
	struct wg_cpu_slot *c = cpu_slot();

	c->softirq = c->irq_depth || clock_ns() - c->irq_exit_ns < AFTER_IRQ_NS;
	return 0;
}

SEC("tp_btf/softirq_exit")
int on_softirq_exit(void *ctx)
{
	struct wg_cpu_slot *c = cpu_slot();

	if (c->softirq)
		c->irq_exit_ns = clock_ns(); /* the next one in turn is nobody's either */
	c->softirq = 0;
	return 0;
}

int wg_path_add(struct wg_path *p, u64 key, u64 d)
{
	u64 v, less, least = ~0ULL >> 1; /* ns << 4 | index */
	u32 i;

	if (!p)
		return 0;
	for (i = 0; i < WG_PATH_PARTS; i++) {
		struct wg_path_part *part = &p->part[i];

		if (part->key == key || !part->key) {
			part->key = key;
			part->ns += d;
			return i;
		}
		/* the lesser of the two without a branch: the verifier would follow both ways, 16 times */
		v = part->ns << 4 | i;
		less = (s64)(v - least) >> 63;
		barrier_var(less);
		least ^= (least ^ v) & less;
	}
	least &= WG_PATH_PARTS - 1;
	p->part[least].key = key;
	p->part[least].ns = d;
	return least;
}

/* --- locks by their code. Written by user space: codes first, then the module's entry. */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WG_MODULE_MAX);
	__type(key, u32);
	__type(value, struct wg_lock_codes);
} lock_modules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WG_LOCK_CODE_MAX);
	__type(key, u32);
	__type(value, struct wg_lock_code);
} lock_codes SEC(".maps");

/* enum wg_lock_class of the function that a frame is in. Not inlined, so that it is verified once. */
__noinline int wg_lock_class(u64 frame)
{
	u32 module = frame >> WG_MODULE_SHIFT, lo, hi, mid, i;
	/* a return address may be the first byte of the next function */
	u64 addr = WG_FRAME_ADDR(frame) - !(frame & WG_FRAME_EXACT);
	struct wg_lock_codes *codes = bpf_map_lookup_elem(&lock_modules, &module);
	struct wg_lock_code *code;

	if (!codes || !codes->cnt)
		return WG_LOCK_NONE;
	lo = codes->pos;
	hi = lo + codes->cnt;
	for (i = 0; i < 17 && lo < hi; i++) {
		mid = lo + (hi - lo) / 2;
		code = bpf_map_lookup_elem(&lock_codes, &mid);
		if (!code)
			return WG_LOCK_NONE;
		if (addr < code->start)
			hi = mid;
		else if (addr - code->start >= code->size)
			lo = mid + 1;
		else
			return code->lock_class;
	}
	return WG_LOCK_NONE;
}

#define LOCK_FRAMES 10 /* from the leaf on: what lies further up wraps no lock any more */

/* What the frames so far were. In w, where the verifier does not follow the bits one by one. */
enum { SEEN_EVENT = 1, SEEN_NAMED = 2 };

int wg_path_is_lock(struct walk *w)
{
	u32 i, at;

	if (!w)
		return 0;
	w->lock_seen = 0;
	for (i = 0; i < LOCK_FRAMES && i < w->user_cnt; i++) {
		at = (w->kernel_cnt + i) & (WALK_ROOM - 1);
		switch (wg_lock_class(w->out.frame[at])) {
		case WG_LOCK_LOCK:
			if (!(w->lock_seen & SEEN_EVENT))
				return 1;
			w->lock_seen |= SEEN_NAMED;
			break;
		case WG_LOCK_OUTER_LOCK:
			return 1;
		case WG_LOCK_OUTER_EVENT:
			return 0;
		case WG_LOCK_EVENT:
			w->lock_seen |= SEEN_EVENT;
			break;
		case WG_LOCK_ABOVE:
			return w->lock_seen == SEEN_EVENT;
		case WG_LOCK_STEP:
			if (w->lock_seen)
				w->lock_seen |= SEEN_NAMED;
			break;
		default:
			break;
		}
	}
	return 0;
}
