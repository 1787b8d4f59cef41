// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See json_out.h. */
#include "report/json_out.h"

#include <math.h>
#include <string.h>

#include "base/plain.h"
#include "base/utf8.h"
#include "base/util.h"

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))

json_t *json_number(uint64_t v)
{
	return v > INT64_MAX ? json_null() : json_integer((json_int_t)v);
}

json_t *json_rounded(double v)
{
	return isfinite(v) && fabs(v) < 9e18 ? json_integer((json_int_t)llround(v)) : json_null();
}

json_t *json_finite(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* JSON is UTF-8; the names of tasks and the words of a command are any bytes. */
json_t *json_text(const char *s)
{
	scoped_free char *clean = NULL;
	size_t len = s ? strlen(s) : 0;

	if (!s)
		return json_string("");
	if (utf8_valid(s, len))
		return json_string(s);
	clean = malloc(len + 1);
	if (!clean)
		return NULL;
	utf8_clean(clean, len + 1, s);
	return json_string(clean);
}

struct object object_new(void)
{
	json_t *json = json_object();

	return (struct object){.json = json, .failed = !json};
}

void object_set(struct object *o, const char *key, json_t *value)
{
	if (!value || !o->json || json_object_set_new(o->json, key, value))
		o->failed = true;
}

/* The finished object, or NULL. */
json_t *object_take(struct object *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

static void put_escaped(FILE *f, uint32_t code)
{
	if (code < 0x10000)
		fprintf(f, "\\u%04x", code);
	else
		fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
			0xdc00 + (code & 0x3ff));
}

/*
 * On the way out: what a terminal would obey, and what nobody would see, is escaped. jansson does so with C0
 * only. Its pieces end where characters do, and outside of strings there is nothing to escape.
 */
static int put_plain(const char *s, size_t len, void *to)
{
	FILE *f = to;

	while (len) {
		int n = utf8_char_len(s, len);

		if (!n)
			return -1;
		if (plain_shows(utf8_code(s, n)))
			fwrite(s, 1, (size_t)n, f);
		else
			put_escaped(f, utf8_code(s, n));
		s += n;
		len -= (size_t)n;
	}
	return 0;
}

static void dump(struct out *o, json_t *value)
{
	if (!value || json_dump_callback(value, put_plain, o->f, DUMP))
		o->failed = true;
	json_decref(value);
}

static void key(struct out *o, const char *name)
{
	fprintf(o->f, "%s\"%s\": ", o->sep, name);
	o->sep = ",\n";
}

void out_member(struct out *o, const char *name, json_t *value)
{
	key(o, name);
	dump(o, value);
}

void out_array_begin(struct out *o, const char *name)
{
	key(o, name);
	fputc('[', o->f);
	o->sep = "\n";
}

void out_element(struct out *o, json_t *value)
{
	fputs(o->sep, o->f);
	o->sep = ",\n";
	dump(o, value);
}

void out_array_end(struct out *o)
{
	fputs(o->sep[0] == ',' ? "\n]" : "]", o->f);
	o->sep = ",\n";
}
