// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See hist.h. */
#include "model/hist.h"

#include <errno.h>
#include <stdlib.h>

#include "shared.h"

int hist_add(struct hist *h, uint32_t at, uint64_t cnt)
{
	if (!cnt)
		return 0;
	if (!h->more && (!h->cnt || h->at == at)) {
		h->at = at;
		h->cnt += cnt;
		return 0;
	}
	if (!h->more) {
		h->more = calloc(WG_HIST_CNT, sizeof(*h->more));
		if (!h->more)
			return -ENOMEM;
		h->more[h->at] = h->cnt;
	}
	h->more[at] += cnt;
	return 0;
}

int hist_join(struct hist *to, const struct hist *from)
{
	int err = 0;

	for (uint32_t i = 0; i < hist_len(from) && !err; i++)
		err = hist_add(to, i, hist_at(from, i));
	return err;
}

uint64_t hist_at(const struct hist *h, uint32_t at)
{
	return h->more ? h->more[at] : at == h->at ? h->cnt : 0;
}

uint32_t hist_len(const struct hist *h)
{
	uint32_t len = WG_HIST_CNT;

	while (len && !hist_at(h, len - 1))
		len--;
	return len;
}

void hist_clear(struct hist *h)
{
	free(h->more);
	*h = (struct hist){0};
}
