/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A growing list of lines of text: what the model has to say in words. */
#ifndef WG_MODEL_LINES_H
#define WG_MODEL_LINES_H

#include <stddef.h>

struct lines {
	char **line;
	size_t cnt, cap;
};

#define LINES_NONE                                                                                 \
	{                                                                                          \
		.line = NULL, .cnt = 0, .cap = 0                                                   \
	}

/* Returns 0 or -ENOMEM. */
int lines_add(struct lines *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lines_clear(struct lines *l);

#endif
