// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Trees of questions; see known.h. */
#include "capture/known.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "model/recording.h"

/* A question and its answer: the key's words mean what each tree says. */
struct known {
	uint64_t key[4];
	uint32_t answer;
};

static int known_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct known *)a)->key));
}

uint32_t *known_ask(void **tree, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct known key = {.key = {a, b, c, d}}, *k, **found = tfind(&key, tree, known_order);

	if (found)
		return &(*found)->answer;
	k = malloc(sizeof(*k));
	if (!k)
		return NULL;
	*k = key;
	k->answer = NO_INDEX;
	if (!tsearch(k, tree, known_order)) {
		free(k);
		return NULL;
	}
	return &k->answer;
}

uint64_t known_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

uint64_t known_text(const char *s)
{
	uint64_t h = 1;

	for (; *s; s++)
		h = known_mix(h, (unsigned char)*s);
	return h;
}

void known_forget(void **tree)
{
	tdestroy(*tree, free);
	*tree = NULL;
}
