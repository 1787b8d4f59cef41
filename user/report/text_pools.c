// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See text_pools.h. */
#include "report/text_pools.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/headlines.h"
#include "model/sums.h"
#include "report/format.h"
#include "report/headline_words.h"

#define HASH_MIN 20
#define HASH_SHOWN 9

/* Text with the hashes of commits in it cut short; a new string, or NULL. */
static char *short_hashes(const char *text)
{
	char *out = malloc(strlen(text) + 1), *to = out;

	while (out && *text) {
		size_t hex = strspn(text, "0123456789abcdef");
		size_t len = hex ? hex : 1;
		size_t shown = hex >= HASH_MIN ? HASH_SHOWN : len;

		memcpy(to, text, shown);
		to += shown;
		text += len;
	}
	if (out)
		*to = '\0';
	return out;
}

void text_runtimes(struct para *p, const struct recording *r)
{
	if (!r->runtime_cnt)
		return;
	para_begin(p, "runtimes", PARA_PLAIN);
	for (size_t i = 0; i < r->runtime_cnt; i++) {
		const struct runtime_info *info = &r->runtimes[i];
		scoped_free char *libs = short_hashes(str(info->libs));

		if (!libs) {
			p->failed = true;
			break;
		}
		para_item(p, "%s %s%s%s%s%s%s", str(info->name), str(info->version),
			  *libs ? " (" : "", libs, *libs ? ")" : "",
			  *str(info->flags) ? " with " : "", str(info->flags));
	}
	para_end(p);
}

void text_absences(struct para *p, const struct recording *r)
{
	for (size_t i = 0; i < r->absence_cnt; i++) {
		const struct absence *a = &r->absences[i];

		para_begin(p, a->failed ? "failed" : "missing", PARA_WARN);
		if (a->failed)
			para_item(p, "%s", str(a->why));
		else
			para_item(p, "%s%s%s%s%s: %s", str(a->runtime),
				  *str(a->workload) ? " " : "", str(a->workload),
				  *str(a->model) ? " " : "", str(a->model), str(a->why));
		para_end(p);
	}
}

static bool seen_before(const struct recording *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(str(r->runs[i].workload), str(r->runs[at].workload)))
			return true;
	return false;
}

void text_sums(struct para *p, const struct recording *r)
{
	struct sums_found s;
	bool begun = false;

	for (size_t i = 0; i < r->run_cnt; i++) {
		const char *workload = str(r->runs[i].workload);

		if (!*workload || seen_before(r, i))
			continue;
		sums_of(&s, r, workload);
		if (s.sums == SUMS_NONE)
			continue;
		if (!begun)
			para_begin(p, "results", PARA_PLAIN);
		begun = true;
		if (s.sums == SUMS_EQUAL)
			para_item(p, "%s equal", workload);
		else if (s.sums == SUMS_ALIKE)
			para_item(p, "%s equal to %.0e (%s and %s: each runtime has its own sin())",
				  workload, s.error, str(s.a->runtime), str(s.b->runtime));
		else
			para_item(p, "%s DIFFERENT", workload);
	}
	if (begun)
		para_end(p);
}

static int headline_row(FILE *f, const char *who, const struct text_opts *o,
			const char *const words[3])
{
	struct para p = {.f = f, .columns = o->columns, .color = o->color};
	scoped_free char *label = NULL;

	if (asprintf(&label, "    %s", who) < 0) {
		label = NULL;
		return -ENOMEM;
	}
	para_begin(&p, label, PARA_PLAIN);
	for (int i = 0; i < 3; i++)
		if (*words[i])
			para_item(&p, "%s", words[i]);
	para_end(&p);
	return p.failed ? -ENOMEM : 0;
}

static int headline(FILE *f, const struct headline *h, const struct locks *l,
		    const struct text_opts *o)
{
	scoped_free char *who = headline_who(h), *figures = headline_figures(h),
			 *why = headline_why(h, l), *name = who ? printable(who, 40) : NULL;

	if (!name || !figures || !why)
		return -ENOMEM;
	return headline_row(f, name, o,
			    (const char *const[]){verdict_name(h->verdict), figures, why});
}

int text_headlines(FILE *f, const struct locks *l, const struct text_opts *o)
{
	const struct claim *last = NULL;
	struct headlines h;
	int err = headlines_of(&h, l);

	if (err)
		return err;
	if (h.cnt)
		fprintf(f, o->color ? "\033[1m%s\033[0m\n" : "%s\n",
			"headlines of the benchmark that wallgap came from, held against this one");
	for (size_t i = 0; i < h.cnt && !err; i++) {
		if (h.list[i].claim != last) {
			fprintf(f, "  %s\n", h.list[i].claim->text);
			err = headline_row(f, "there", o,
					   (const char *const[]){h.list[i].claim->source, "", ""});
		}
		last = h.list[i].claim;
		if (!err)
			err = headline(f, &h.list[i], l, o);
	}
	if (h.cnt)
		fputc('\n', f);
	headlines_clear(&h);
	return err;
}
