// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Arrays of rows; see collector.h. */
#include "collect/collector.h"

#include <stdlib.h>

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
