// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The text report: for each thing measured one table, then whether the figures can be trusted.
 *
 *   head       what ran where
 *   sections   a table each (text_section.c)
 *   foot       audit, warnings, losses, cost, where it is saved
 */
#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/plain.h"
#include "base/util.h"
#include "model/audit.h"
#include "model/conditions.h"
#include "model/cost.h"
#include "model/ledger.h"
#include "model/sums.h"
#include "model/summary.h"
#include "model/where.h"
#include "report/format.h"
#include "report/para.h"
#include "report/text.h"
#include "report/text_pools.h"

/* --- head */

static void head_machine(struct para *p, const struct host *h)
{
	para_item(p, "linux %s, %d CPU%s, lockdown %s", *str(h->kernel) ? h->kernel : "unknown",
		  h->cpus, h->cpus == 1 ? "" : "s", *str(h->lockdown) ? h->lockdown : "unknown");
	if (!strcmp(str(h->fault_end), "fexit"))
		para_item(p, "fault ends from fexit");
	else if (!strcmp(str(h->fault_end), "perf"))
		para_item(p, "fault ends from perf events");
	else
		para_item(p, "fault ends: unknown");
}

static void head(struct para *p, const struct recording *r)
{
	int repeats = 0, workers = 0, pinned = 0, pooled = 0;
	char label[40];

	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];

		repeats = run->repeat >= repeats ? run->repeat + 1 : repeats;
		workers = run->workers > workers ? run->workers : workers;
		pooled += run->workers > 0;
		pinned += run->workers > 0 && run->pinned;
	}
	snprintf(label, sizeof(label), "wallgap %.20s", str(r->command));
	para_begin(p, label, PARA_PLAIN);
	head_machine(p, &r->host);
	if (repeats > 1)
		para_item(p, "%d repeats", repeats);
	if (workers)
		para_item(p, "%d %sworker%s", workers,
			  !pinned	     ? ""
			  : pinned == pooled ? "pinned "
					     : "partly pinned ",
			  workers == 1 ? "" : "s");
	if (*str(r->user))
		para_item(p, "run as %s", r->user);
	if (*str(r->stopped_by))
		para_item(p, "stopped by %.40s: what was seen until then", r->stopped_by);
	else if (r->interrupted)
		para_item(p, "interrupted: what was seen until then");
	para_end(p);
}

/* --- foot */

static const char *fmt_unit(struct word *w, enum audit_unit unit, uint64_t v)
{
	switch (unit) {
	case AUDIT_NS:
		return fmt_time(w, v);
	case AUDIT_BYTES:
		return fmt_bytes(w, v);
	default:
		return fmt_count(w, v);
	}
}

static void audit_item(struct para *p, const struct audit_row *row)
{
	struct word ours, kernel, error;

	if (!row->known) {
		para_item(p, "%s unknown", row->what);
		return;
	}
	fmt_unit(&ours, row->unit, row->ours);
	fmt_unit(&kernel, row->unit, row->kernel);
	fmt_error(&error, row->error);
	if (row->ours == row->kernel)
		para_item(p, "%s %s = %s", row->what, ours.s, kernel.s);
	else if (row->worst_tid && row->worst_error > 0)
		para_item(p, "%s %s, kernel %s (%s, worst thread %s)", row->what, ours.s, kernel.s,
			  error.s, fmt_error(WORD, row->worst_error));
	else
		para_item(p, "%s %s, kernel %s (%s)", row->what, ours.s, kernel.s, error.s);
}

static void audit_closure(struct para *p, const struct audit *a)
{
	uint64_t amount = a->closure_worst_ns < 0 ? 0 - (uint64_t)a->closure_worst_ns
						  : (uint64_t)a->closure_worst_ns;

	if (!(a->thread_cnt + a->torn_cnt))
		return;
	if (!amount)
		para_item(p, "closure exact in %s thread%s",
			  fmt_count(WORD, a->thread_cnt + a->torn_cnt),
			  a->thread_cnt + a->torn_cnt == 1 ? "" : "s");
	else
		para_item(p, "closure worst %s of %s", fmt_time(WORD, amount),
			  fmt_time(WORD, a->closure_worst_wall_ns));
	if (a->clock_worst_ns)
		para_item(p, "scheduler's clock and CLOCK_MONOTONIC within %s",
			  fmt_time(WORD, a->clock_worst_ns));
}

#define STOLEN_MIN_NS 1000000 /* less is not worth a line */

static void audit_print(struct para *p, const struct audit *a)
{
	para_begin(p, "audit", PARA_PLAIN);
	if (!a->thread_cnt)
		para_item(p, "nothing to compare: no thread was seen");
	for (int i = 0; a->thread_cnt && i < AUDIT_CNT; i++)
		audit_item(p, &a->row[i]);
	audit_closure(p, a);
	if (a->untrapped)
		para_item(p,
			  "of the faults %s raised without a trap, from the kernel's own "
			  "counter",
			  fmt_count(WORD, a->untrapped));
	if (a->stolen_ns >= STOLEN_MIN_NS)
		para_item(p, "%s of steal and interrupts left out of on-CPU on both sides",
			  fmt_time(WORD, a->stolen_ns));
	if (a->asleep_ns >= STOLEN_MIN_NS)
		para_item(p,
			  "%s of sleep that the kernel counts as run delay (delayed dequeue) on "
			  "both sides",
			  fmt_time(WORD, a->asleep_ns));
	para_end(p);
}

static int warnings_print(struct para *p, const struct recording *r, const struct audit *a)
{
	struct lines warnings = LINES_NONE;
	int err = audit_warn(a, &warnings);

	if (!err)
		err = conditions_warn(r, &warnings);
	if (!err)
		err = sums_warn(r, &warnings);
	for (size_t i = 0; !err && i < warnings.cnt; i++) {
		para_begin(p, "warning", PARA_WARN);
		para_item(p, "%s", warnings.line[i]);
		para_end(p);
	}
	lines_clear(&warnings);
	return err;
}

static void losses_print(struct para *p, const struct recording *r)
{
	bool any = false;

	for (size_t i = 0; i < r->loss_cnt; i++)
		any |= r->losses[i].count > 0;
	para_begin(p, "losses", any ? PARA_WARN : PARA_PLAIN);
	if (!any)
		para_item(p, "%s", r->loss_cnt ? "none" : "unknown: none were looked for");
	for (size_t i = 0; i < r->loss_cnt; i++) {
		const struct loss *l = &r->losses[i];

		if (l->count)
			para_item(p, "%s %s%s%s%s", str(l->name), fmt_count(WORD, l->count),
				  *str(l->what) ? " (" : "", str(l->what),
				  *str(l->what) ? ")" : "");
	}
	if (r->repair_cnt && r->repair_cnt != UNKNOWN)
		para_item(p, "%s untraced events restored from the scheduler's own record",
			  fmt_count(WORD, r->repair_cnt));
	para_end(p);
}

/* Of the work, against without us. */
static void slower_item(struct para *p, const struct cost *c)
{
	if (c->slower_hi < 0)
		para_item(p, "the work slowed by %s or more", fmt_error(WORD, c->slower_lo));
	else
		para_item(p, "the work slowed by an estimated %s to %s",
			  fmt_error(WORD, c->slower_lo), fmt_error(WORD, c->slower_hi));
}

static void cost_print(struct para *p, const struct recording *r)
{
	struct cost c;

	cost_of(&c, r);
	para_begin(p, "cost", PARA_PLAIN);
	if (c.oncpu_ns)
		para_item(p, "%s of the tasks' CPU time inside our BPF programs",
			  fmt_error(WORD, c.bpf_share));
	if (c.oncpu_ns && c.estimate_known)
		slower_item(p, &c);
	para_item(p, "%s events", fmt_count(WORD, c.event_cnt));
	if (r->wallgap_rss_peak_bytes && r->wallgap_rss_peak_bytes != UNKNOWN)
		para_item(p, "wallgap itself %s", fmt_bytes(WORD, r->wallgap_rss_peak_bytes));
	if (r->wallgap_cpu_ns && r->wallgap_cpu_ns != UNKNOWN)
		para_item(p, "and %s of CPU", fmt_time(WORD, r->wallgap_cpu_ns));
	if (r->start_ns && r->start_ns != UNKNOWN)
		para_item(p, "started in %s", fmt_time(WORD, r->start_ns));
	para_end(p);
}

static void ends_item(struct para *p, const double ends[WG_END_CNT])
{
	for (int i = 0; i < WG_END_CNT; i++) {
		if (i != WG_END_COMPLETE && i != WG_END_NONE && ends[i] >= 0.5)
			para_item(p, "%s %s", fmt_count(WORD, (uint64_t)llround(ends[i])),
				  stack_end_name((enum wg_stack_end)i));
	}
}

/* How far user stacks can be trusted: those that reached the thread's entry. */
static void stacks_print(struct para *p, const struct recording *r)
{
	struct stack_quality q = {{0}, {0}};
	double waits, samples, ends[WG_END_CNT];

	for (size_t i = 0; i < r->run_cnt; i++)
		stack_quality_add(&q, r, &r->runs[i]);
	waits = stack_quality_all(q.waits);
	samples = stack_quality_all(q.samples);
	if (!(waits + samples > 0))
		return;
	for (int i = 0; i < WG_END_CNT; i++)
		ends[i] = q.waits[i] + q.samples[i];
	para_begin(p, "stacks", PARA_PLAIN);
	if (waits > 0)
		para_item(p, "%.1f%% complete of %s waits",
			  floor(stack_quality_complete(q.waits) * 1000) / 10,
			  fmt_count(WORD, (uint64_t)llround(waits)));
	if (samples > 0)
		para_item(p, "%.1f%% complete of %s samples",
			  floor(stack_quality_complete(q.samples) * 1000) / 10,
			  fmt_count(WORD, (uint64_t)llround(samples)));
	ends_item(p, ends);
	para_end(p);
}

static int foot(struct para *p, const struct recording *r, const struct report_opts *o)
{
	struct audit a;
	int err;

	audit_of(&a, r);
	text_absences(p, r);
	text_sums(p, r);
	audit_print(p, &a);
	err = warnings_print(p, r, &a);
	stacks_print(p, r);
	losses_print(p, r);
	cost_print(p, r);
	if (o->saved_as) {
		para_begin(p, "saved", PARA_PLAIN);
		para_item(p, "%s", o->saved_as);
		para_end(p);
	}
	return err;
}

static int print(FILE *f, const struct recording *r, const struct report_opts *o)
{
	struct para p = {.f = f, .columns = o->columns > 0 ? o->columns : 100, .color = o->color};
	struct text_opts sections = {
		.columns = p.columns, .color = o->color, .verbose = o->verbose};
	int err;

	head(&p, r);
	text_runtimes(&p, r);
	fputc('\n', f);
	if (!r->run_cnt)
		fputs("nothing was measured\n\n", f);
	err = text_sections(f, r, &sections);
	if (!err)
		err = foot(&p, r, o);
	return !err && p.failed ? -ENOMEM : err;
}

int report_text(FILE *to, const struct recording *r, const struct report_opts *o)
{
	/* same recording, same bytes: widths of characters do not hang on the caller's locale */
	locale_t utf8 = newlocale(LC_CTYPE_MASK | LC_NUMERIC_MASK, "C.UTF-8", (locale_t)0);
	locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
	FILE *f = plain_open(to, o->color);
	int err = f ? print(f, r, o) : -ENOMEM;

	if (f && plain_close(f, to) && !err)
		err = -EIO;
	if (utf8) {
		uselocale(old);
		freelocale(utf8);
	}
	return err;
}
