/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Answers that are remembered, in a tree by what was asked: the same few addresses are asked for
 * again and again. A tree is a void * that begins as NULL.
 */
#ifndef WG_CAPTURE_KNOWN_H
#define WG_CAPTURE_KNOWN_H

#include <stdint.h>

/* The answer's place, of a new question NO_INDEX; NULL without memory. */
uint32_t *known_ask(void **tree, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void known_forget(void **tree);

/* Hashes, for questions that are longer: h with v in it; of a text. */
uint64_t known_mix(uint64_t h, uint64_t v);
uint64_t known_text(const char *s);

#endif
