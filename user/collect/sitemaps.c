// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Sums of waits and faults out of the kernel's maps; see sitemaps.h. */
#include "collect/sitemaps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "collect/grace.h"

static void add_rests(const struct sitemaps *m, int half, uint16_t window)
{
	static const struct wg_fault_site no_faults;
	static const struct wg_site none;
	struct wg_site_key key = {.window = window};

	for (key.lane = WG_LANE_NONE; key.lane <= WG_LANE_ORCHESTRATOR; key.lane++) {
		for (key.state = WG_FUTEX; key.state <= WG_OTHER; key.state++)
			bpf_map_update_elem(m->sites[half], &key, &none, BPF_ANY);
		key.state = WG_CPU_FAULT;
		bpf_map_update_elem(m->fault_sites[half], &key, &no_faults, BPF_ANY);
	}
}

#define BATCH 256

/*
 * Take all entries out of a hash map, BATCH at a time, and give those of the window to add. Keys
 * are struct wg_site_key. A batch that the map's buckets do not fit into is asked for again, larger.
 */
static int take_map(int fd, size_t value_sz, uint16_t window,
		    int (*add)(struct profile *, const struct wg_site_key *, const void *),
		    struct profile *out)
{
	uint32_t room = BATCH, cnt, token, i;
	bool first = true;
	int err = 0, more = 0;

	while (!more && !err) {
		scoped_free struct wg_site_key *keys = calloc(room, sizeof(*keys));
		scoped_free char *values = calloc(room, value_sz);

		if (!keys || !values)
			return -ENOMEM;
		cnt = room;
		more = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &token, &token, keys,
						       values, &cnt, NULL);
		if (more && errno == ENOSPC) {
			room *= 2;
			more = 0;
			continue;
		}
		if (more && errno != ENOENT)
			return -errno;
		first = false;
		for (i = 0; i < cnt && !err; i++)
			if (keys[i].window == window)
				err = add(out, &keys[i], values + i * value_sz);
	}
	return err;
}

static int add_wait(struct profile *p, const struct wg_site_key *key, const void *value)
{
	const struct wg_site *sum = value;

	return sum->cnt ? profile_add_wait(p, key, sum) : 0;
}

static int add_fault(struct profile *p, const struct wg_site_key *key, const void *value)
{
	const struct wg_fault_site *sum = value;

	return sum->cnt || sum->pgtables_bytes ? profile_add_fault(p, key, sum) : 0;
}

static int take_half(const struct sitemaps *m, int half, uint16_t window, struct profile *out)
{
	int err = take_map(m->sites[half], sizeof(struct wg_site), window, add_wait, out);

	return err ? err
		   : take_map(m->fault_sites[half], sizeof(struct wg_fault_site), window, add_fault,
			      out);
}

void sitemaps_begin(const struct sitemaps *m, uint16_t window)
{
	add_rests(m, 0, window);
	add_rests(m, 1, window);
	__atomic_store_n(m->new_cnt, 0, __ATOMIC_RELAXED);
}

int sitemaps_turn(const struct sitemaps *m, uint16_t window, struct profile *out)
{
	int old = __atomic_load_n(m->half, __ATOMIC_RELAXED) != 0, err;

	__atomic_store_n(m->half, !old, __ATOMIC_RELEASE);
	__atomic_store_n(m->new_cnt, 0, __ATOMIC_RELAXED);
	wait_for_programs();
	err = take_half(m, old, window, out);
	add_rests(m, old, window);
	return err;
}

int sitemaps_end(const struct sitemaps *m, uint16_t window, struct profile *out)
{
	int err = take_half(m, 0, window, out);

	return err ? err : take_half(m, 1, window, out);
}
