// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See rows.h. */
#include "collect/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void rows_clear(struct rows *r)
{
	free(r->row);
	*r = (struct rows){0};
}

static int by_id(const void *a, const void *b)
{
	const struct wg_row *x = a, *y = b;

	ORDER(x->id, y->id);
	return 0;
}

void rows_sort(struct rows *r)
{
	if (r->cnt)
		qsort(r->row, r->cnt, sizeof(*r->row), by_id);
}

int rows_move(struct rows *to, struct rows *from)
{
	struct wg_row *row;

	if (!from->cnt)
		return 0;
	if (!to->cnt) {
		struct rows empty = *to;

		*to = *from;
		*from = empty;
		return 0;
	}
	if (to->cap - to->cnt < from->cnt) {
		row = reallocarray(to->row, to->cnt + from->cnt, sizeof(*row));
		if (!row)
			return -ENOMEM;
		to->row = row;
		to->cap = to->cnt + from->cnt;
	}
	memcpy(&to->row[to->cnt], from->row, from->cnt * sizeof(*row));
	to->cnt += from->cnt;
	from->cnt = 0;
	return 0;
}
