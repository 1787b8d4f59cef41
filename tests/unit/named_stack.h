/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A whole call path of named functions in libc, leaf first, for the tests of what is told from paths. */
#ifndef WG_UNIT_NAMED_STACK_H
#define WG_UNIT_NAMED_STACK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/recording.h"

/* Returns its number in r. */
static inline uint32_t add_named_stack(struct recording *r, const char *const *names, uint32_t cnt)
{
	struct stack *stack = recording_add_stack(r);

	stack->frames = calloc(cnt + 1, sizeof(*stack->frames));
	for (uint32_t i = 0; i < cnt; i++) {
		struct frame *f = recording_add_frame(r);

		f->name = strdup(names[i]);
		f->module = strdup("libc.so.6");
		f->flags = FRAME_NAMED;
		stack->frames[stack->frame_cnt++] = (uint32_t)r->frame_cnt - 1;
	}
	stack->end = WG_END_COMPLETE;
	return (uint32_t)r->stack_cnt - 1;
}

#endif /* WG_UNIT_NAMED_STACK_H */
