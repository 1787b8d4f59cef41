/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Pieces of the JSON report: values, objects in the making, and a writer that puts one piece after
 * another. A NULL from jansson (no memory) is carried on and found when the piece is written.
 */
#ifndef WG_REPORT_JSON_OUT_H
#define WG_REPORT_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

json_t *json_number(uint64_t v);  /* null beyond what JSON's readers hold: UNKNOWN */
json_t *json_rounded(double v);	  /* whole */
json_t *json_finite(double v);	  /* null for what is no number */
json_t *json_text(const char *s); /* any bytes, made UTF-8 */

/* An object in the making: once something failed, the rest is skipped. */
struct object {
	json_t *json;
	bool failed;
};

struct object object_new(void);
void object_set(struct object *o, const char *key, json_t *value);
json_t *object_take(struct object *o); /* the finished object, or NULL */

struct out {
	FILE *f;
	bool failed;	 /* no memory */
	const char *sep; /* before the next key or element */
};

void out_member(struct out *o, const char *name, json_t *value);
void out_array_begin(struct out *o, const char *name);
void out_element(struct out *o, json_t *value);
void out_array_end(struct out *o);

#endif
