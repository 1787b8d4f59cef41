// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The sums of waits by site; see site.bpf.h. */
#include "site.bpf.h"

/* Any CPU adds, by atomics, to the one that wg_site_half says. */
struct site_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WG_SITE_MAX);
	__type(key, struct wg_site_key);
	__type(value, struct wg_site);
};

struct site_map sites SEC(".maps");
struct site_map sites_other SEC(".maps");

__u32 wg_site_half;    /* set by user space */
__u32 wg_site_new_cnt; /* atomic; user space sets it to 0 */

int wg_sites_grow(u32 by)
{
	struct wg_process_event e = {.type = WG_EVENT_SITES};

	if (__sync_fetch_and_add(&wg_site_new_cnt, by) == WG_SITES_TOLD &&
	    bpf_ringbuf_output(&stream, &e, sizeof(e), BPF_RB_FORCE_WAKEUP))
		loss(WG_LOSS_STREAM);
	return 0;
}

static __always_inline u32 log2_of(u64 v)
{
	u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (u32)(v >> 1);
}

static __always_inline u32 hist_index(u64 ns)
{
	u32 i = log2_of(ns | 1);

	if (i < 7)
		return 0;
	return i - 7 < WG_HIST_CNT ? i - 7 : WG_HIST_CNT - 1;
}

static __always_inline void max_to(u64 *max, u64 v)
{
	u64 old = *(volatile u64 *)max, was;
	int i;

	for (i = 0; i < 4 && old < v; i++) {
		was = __sync_val_compare_and_swap(max, old, v);
		if (was == old)
			break;
		old = was;
	}
}

static __always_inline struct wg_site *site_get_in(void *map, const struct wg_site_key *key)
{
	static const struct wg_site empty;
	struct wg_site *site = bpf_map_lookup_elem(map, key);
	struct wg_site_key rest = {};

	if (site)
		return site;
	if (!bpf_map_update_elem(map, key, &empty, BPF_NOEXIST))
		wg_sites_grow(1);
	site = bpf_map_lookup_elem(map, key);
	if (site)
		return site;
	loss(WG_LOSS_SITE);
	site_key_rest(&rest, key);
	return bpf_map_lookup_elem(map, &rest);
}

static __always_inline struct wg_site *site_get(const struct wg_site_key *key)
{
	if (*(volatile u32 *)&wg_site_half)
		return site_get_in(&sites_other, key);
	return site_get_in(&sites, key);
}

/* Not inlined: the verifier would go through it once for each map. Returns 0. */
__noinline int wg_site_add(struct wg_site *site, u64 d)
{
	u32 i = hist_index(d);

	if (!site)
		return 0;
	__sync_fetch_and_add(&site->cnt, 1);
	__sync_fetch_and_add(&site->total_ns, d);
	__sync_fetch_and_add(&site->hist[i & (WG_HIST_CNT - 1)], 1);
	if (d > site->max_ns)
		max_to(&site->max_ns, d);
	return 0;
}

int wg_site_account(struct task_state *s, u64 sched_ns)
{
	struct wg_site_key key = {};
	struct wg_site *site;
	u64 from, d;

	if (!s || !site_counts(s))
		return 0;
	from = s->window_ns;
	if ((s64)(s->site_ns - from) > 0)
		from = s->site_ns;
	d = (s64)(sched_ns - from) > 0 ? sched_ns - from : 0;
	key.stack = s->site_stack;
	key.object = s->site_object;
	key.tgid = s->tgid;
	key.window = s->window;
	key.flags = s->site_flags;
	key.state = s->site_state;
	key.lane = s->lane;
	if (wg_path) {
		key.task = s->id;
		key.flags |= s->path_given ? 0 : WG_SITE_KEPT;
	}
	site = site_get(&key);
	return site ? wg_site_add(site, d) : 0;
}
