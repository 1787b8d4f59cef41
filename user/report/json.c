// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The recording as JSON: the words are those of a contract, so that programs can rely on them.
 * Written piece by piece: a recording of 400,000 threads never stands in memory as one tree.
 * Keys come in a fixed order; figures that were not had are null.
 */
#include "report/report.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "model/audit.h"
#include "model/conditions.h"
#include "model/cost.h"
#include "model/ledger.h"
#include "model/summary.h"

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))

/* --- values; a NULL from jansson (no memory) is carried on and found when the piece is written */

static json_t *number(uint64_t v)
{
	return v > INT64_MAX ? json_null() : json_integer((json_int_t)v);
}

static json_t *rounded(double v)
{
	return isfinite(v) && fabs(v) < 9e18 ? json_integer((json_int_t)llround(v)) : json_null();
}

static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* JSON is UTF-8; the names of tasks and the words of a command are any bytes. */
static json_t *text(const char *s)
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

/* An object in the making: once something failed, the rest is skipped. */
struct object {
	json_t *json;
	bool failed;
};

static struct object object_new(void)
{
	json_t *json = json_object();

	return (struct object){.json = json, .failed = !json};
}

static void set(struct object *o, const char *key, json_t *value)
{
	if (!value || !o->json || json_object_set_new(o->json, key, value))
		o->failed = true;
}

/* The finished object, or NULL. */
static json_t *object_take(struct object *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

/* --- writing piece by piece */

struct out {
	FILE *f;
	bool failed;	 /* no memory */
	const char *sep; /* before the next key or element */
};

static void dump(struct out *o, json_t *value)
{
	if (!value || json_dumpf(value, o->f, DUMP))
		o->failed = true;
	json_decref(value);
}

static void key(struct out *o, const char *name)
{
	fprintf(o->f, "%s\"%s\": ", o->sep, name);
	o->sep = ",\n";
}

static void member(struct out *o, const char *name, json_t *value)
{
	key(o, name);
	dump(o, value);
}

static void array_begin(struct out *o, const char *name)
{
	key(o, name);
	fputc('[', o->f);
	o->sep = "\n";
}

static void element(struct out *o, json_t *value)
{
	fputs(o->sep, o->f);
	o->sep = ",\n";
	dump(o, value);
}

static void array_end(struct out *o)
{
	fputs(o->sep[0] == ',' ? "\n]" : "]", o->f);
	o->sep = ",\n";
}

/* --- pieces */

static json_t *buckets_json(const double ns[BUCKET_CNT])
{
	struct object o = object_new();

	for (int b = 0; b < BUCKET_CNT; b++)
		set(&o, bucket_name(b), rounded(ns[b]));
	return object_take(&o);
}

static json_t *thread_buckets(const struct thread *t, double pooled_user)
{
	uint64_t ns[BUCKET_CNT];
	struct object o = object_new();

	ledger_buckets(t, pooled_user, ns);
	for (int b = 0; b < BUCKET_CNT; b++)
		set(&o, bucket_name(b), number(ns[b]));
	return object_take(&o);
}

static json_t *kernel_json(const struct wg_kernel *k)
{
	struct object o = object_new();

	set(&o, "oncpu_ns", number(k->oncpu_ns));
	set(&o, "run_delay_ns", number(k->run_delay_ns));
	set(&o, "nvcsw", number(k->nvcsw));
	set(&o, "nivcsw", number(k->nivcsw));
	set(&o, "min_flt", number(k->min_flt));
	set(&o, "maj_flt", number(k->maj_flt));
	return object_take(&o);
}

static json_t *flags_json(uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{THREAD_BORN, "born"}, {THREAD_DIED, "died"},	  {THREAD_EDGE_CPU, "edge_cpu"},
		{THREAD_TORN, "torn"}, {THREAD_COMPAT, "compat"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & names[i].bit &&
		    json_array_append_new(list, json_string(names[i].name))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void thread_identity(struct object *o, const struct thread *t)
{
	char comm[WG_COMM_LEN];

	memcpy(comm, t->comm, sizeof(comm));
	comm[sizeof(comm) - 1] = '\0';
	set(o, "id", number(t->id));
	set(o, "parent_id", number(t->parent_id));
	set(o, "tid", json_integer(t->tid));
	set(o, "tgid", json_integer(t->tgid));
	set(o, "comm", text(comm));
	set(o, "role", json_string(role_name(t->role)));
	set(o, "lane", t->lane < 0 ? json_null() : json_integer(t->lane));
	set(o, "flags", flags_json(t->flags));
	set(o, "clock_ns", number(t->clock_ns));
	set(o, "begin_ns", number(t->begin_ns));
	set(o, "end_ns", number(t->end_ns));
	set(o, "wall_ns", number(ledger_wall(t)));
}

static const struct {
	const char *name;
	enum wg_count count;
} count_names[] = {
	{"switches_voluntary", WG_N_SWITCH_VOLUNTARY},
	{"switches_involuntary", WG_N_SWITCH_INVOLUNTARY},
	{"faults_untrapped", WG_N_FAULT_UNTRAPPED},
	{"faults_untrapped_major", WG_N_FAULT_UNTRAPPED_MAJOR},
	{"faults_user", WG_N_FAULT_USER},
	{"faults_kernel", WG_N_FAULT_KERNEL},
	{"faults_unended", WG_N_FAULT_UNENDED},
	{"samples_user", WG_N_SAMPLE_USER},
	{"samples_kernel", WG_N_SAMPLE_KERNEL},
	{"klock_contended", WG_N_KLOCK_CONTENDED},
	{"klock_spin", WG_N_KLOCK_SPIN},
	{"klock_mmap", WG_N_KLOCK_MMAP},
	{"preempt_blocking", WG_N_PREEMPT_BLOCKING},
};

static const struct {
	const char *name;
	enum wg_part part;
} part_names[] = {
	{"klock_mmap_ns", WG_T_KLOCK_MMAP},
	{"klock_spin_ns", WG_T_KLOCK_SPIN},
	{"fault_blocked_ns", WG_T_FAULT_BLOCKED},
	{"preempt_blocking_ns", WG_T_PREEMPT_BLOCKING},
	{"stolen_ns", WG_T_STOLEN},
	{"before_ns", WG_T_BEFORE},
};

/* Every count and part of shared.h is here: faults whose end we saw go out with the untrapped. */
_Static_assert(ARRAY_SIZE(count_names) + 2 == WG_COUNT_CNT, "counts in JSON");
_Static_assert(ARRAY_SIZE(part_names) == WG_PART_CNT, "parts in JSON");

static const char *const wait_names[WG_STATE_CNT] = {
	[WG_CPU] = "cpu",
	[WG_CPU_FAULT] = "cpu_fault",
	[WG_RUNQ_WAKE] = "runq_wake",
	[WG_RUNQ_PREEMPT] = "runq_preempt",
	[WG_FUTEX] = "futex",
	[WG_KLOCK] = "klock",
	[WG_IO] = "io",
	[WG_SLEEP] = "sleep",
	[WG_POLL] = "poll",
	[WG_IPC] = "ipc",
	[WG_CHILD] = "child",
	[WG_STOPPED] = "stopped",
	[WG_OTHER] = "other",
};

/* How often each state was entered: the number of waits, beside their time in the buckets. */
static json_t *entered_json(const struct thread *t)
{
	struct object o = object_new();

	for (int i = 0; i < WG_STATE_CNT; i++) {
		if (wait_names[i])
			set(&o, wait_names[i], number(t->state_cnt[i]));
	}
	return object_take(&o);
}

static json_t *thread_json(const struct thread *t, double pooled_user)
{
	struct object o = object_new();

	thread_identity(&o, t);
	set(&o, "buckets", thread_buckets(t, pooled_user));
	set(&o, "entered", entered_json(t));
	set(&o, "closure_ns", json_integer(ledger_closure(t)));
	set(&o, "cpu_split_samples",
	    number(t->count[WG_N_SAMPLE_USER] + t->count[WG_N_SAMPLE_KERNEL]));
	set(&o, "faults_minor", number(ledger_faults_minor(t)));
	set(&o, "faults_major", number(ledger_faults_major(t)));
	for (size_t i = 0; i < ARRAY_SIZE(count_names); i++)
		set(&o, count_names[i].name, number(t->count[count_names[i].count]));
	for (size_t i = 0; i < ARRAY_SIZE(part_names); i++)
		set(&o, part_names[i].name, number(t->part_ns[part_names[i].part]));
	set(&o, "pgtables_bytes", number(t->pgtables_bytes));
	set(&o, "pgtables_peak_bytes", number(t->pgtables_peak_bytes));
	set(&o, "audit_oncpu_ns", number(t->audit_oncpu_ns));
	set(&o, "audit_run_delay_ns", number(t->audit_run_delay_ns));
	set(&o, "kernel", kernel_json(&t->kernel));
	return object_take(&o);
}

static json_t *work_json(const struct work *w)
{
	struct object o = object_new();

	set(&o, "lane", w->lane < 0 ? json_null() : json_integer(w->lane));
	set(&o, "index", json_integer(w->index));
	set(&o, "begin_ns", number(w->begin_ns));
	set(&o, "end_ns", number(w->end_ns));
	set(&o, "checksum", text(w->checksum));
	return object_take(&o);
}

static void run_identity(struct out *o, const struct run *run, size_t index)
{
	member(o, "id", json_integer((json_int_t)index + 1));
	member(o, "label", text(run->label));
	member(o, "runtime", text(run->runtime));
	member(o, "workload", text(run->workload));
	member(o, "model", text(run->model));
	member(o, "detail", text(run->detail));
	member(o, "workers", json_integer(run->workers));
	member(o, "tasks", json_integer(run->task_cnt));
	member(o, "repeat", json_integer(run->repeat));
	member(o, "pinned", json_boolean(run->pinned));
	member(o, "interrupted", json_boolean(run->interrupted));
	member(o, "exit_status", json_integer(run->exit_status));
	member(o, "begin_ns", number(run->begin_ns));
	member(o, "end_ns", number(run->end_ns));
	member(o, "wall_ns", number(ledger_run_wall(run)));
	member(o, "work_ns", number(run->work_ns));
	member(o, "checksum", text(run->checksum));
}

static void run_cpu(struct out *o, const struct run *run)
{
	uint64_t orchestrator = run_cpu_ns(run, ROLE_ORCHESTRATOR);
	uint64_t workers = run_cpu_ns(run, ROLE_WORKER), helpers = run_cpu_ns(run, ROLE_HELPER);
	uint64_t all = orchestrator + workers + helpers;

	member(o, "cpu_orchestrator_ns", number(orchestrator));
	member(o, "cpu_workers_ns", number(workers));
	member(o, "cpu_helpers_ns", number(helpers));
	member(o, "orchestrator_share", real(all ? (double)orchestrator / (double)all : 0));
	member(o, "bpf_ns", number(run->bpf_ns));
	member(o, "event_cnt", number(run->event_cnt));
	member(o, "steal_ns", number(run->steal_ns));
	member(o, "other_cpu_ns", number(run->other_cpu_ns));
}

static void run_memory(struct out *o, const struct run *run)
{
	const struct memory *m = &run->memory;
	bool known = m->sample_cnt && m->sample_cnt != UNKNOWN;
	uint64_t pgtables;

	if (run_pgtables_peak(run, &pgtables))
		o->failed = true;
	else
		member(o, "pgtables_peak_bytes", number(pgtables));
	member(o, "rss_samples", known ? number(m->sample_cnt) : json_integer(0));
	member(o, "rss_avg_bytes", number(known ? m->rss_avg_bytes : UNKNOWN));
	member(o, "rss_peak_bytes", number(known ? m->rss_peak_bytes : UNKNOWN));
	member(o, "rss_sum_peak_bytes", number(known ? m->rss_sum_peak_bytes : UNKNOWN));
	member(o, "pss_sum_bytes", number(m->pss_sum_bytes));
	member(o, "pgtables_kernel_bytes", number(m->pgtables_kernel_bytes));
	member(o, "pgtables_ours_bytes", number(m->pgtables_ours_bytes));
}

static void run_out(struct out *o, const struct run *run, size_t index)
{
	double buckets[BUCKET_CNT], pooled_user = ledger_user_share(run);
	int lane_cnt = ledger_lane_mean(run, buckets);

	fprintf(o->f, "%s{", o->sep);
	o->sep = "";
	run_identity(o, run, index);
	run_cpu(o, run);
	run_memory(o, run);
	member(o, "lanes", json_integer(lane_cnt));
	member(o, "lane_buckets", lane_cnt ? buckets_json(buckets) : json_null());
	ledger_total(run, buckets);
	member(o, "total_buckets", buckets_json(buckets));
	member(o, "path_buckets", json_null());
	array_begin(o, "threads");
	for (size_t i = 0; i < run->thread_cnt; i++)
		element(o, thread_json(&run->threads[i], pooled_user));
	array_end(o);
	array_begin(o, "works");
	for (size_t i = 0; i < run->work_cnt; i++)
		element(o, work_json(&run->works[i]));
	array_end(o);
	array_begin(o, "sites");
	array_end(o);
	fputs("}", o->f);
	o->sep = ",\n";
}

/* Steal over the whole measurement, from the readings at its two ends. */
static uint64_t steal_between(const struct recording *r)
{
	uint64_t a = r->conditions[0].steal_ns, b = r->conditions[1].steal_ns;

	return a == UNKNOWN || b == UNKNOWN || b < a ? UNKNOWN : b - a;
}

static json_t *host_json(const struct recording *r)
{
	const struct host *h = &r->host;
	struct object o = object_new();

	set(&o, "kernel", text(h->kernel));
	set(&o, "machine", text(h->machine));
	set(&o, "distro", text(h->distro));
	set(&o, "cpus", json_integer(h->cpus));
	set(&o, "model", text(h->cpu_model));
	set(&o, "mem_bytes", number(h->mem_bytes));
	set(&o, "lockdown", text(h->lockdown));
	set(&o, "fault_end", text(h->fault_end));
	set(&o, "preemption", text(h->preemption));
	set(&o, "virt", text(h->virt));
	set(&o, "steal_ns", number(steal_between(r)));
	return object_take(&o);
}

static json_t *conditions_json(const struct conditions *c)
{
	struct object o = object_new();

	set(&o, "at_ns", number(c->at_ns));
	set(&o, "steal_ns", number(c->steal_ns));
	set(&o, "idle_ns", number(c->idle_ns));
	set(&o, "busy_ns", number(c->busy_ns));
	set(&o, "cacheline_ns", number(c->cacheline_ns));
	set(&o, "spin_ns", number(c->spin_ns));
	set(&o, "mem_available_bytes", number(c->mem_available_bytes));
	set(&o, "load1", real(c->load1));
	set(&o, "thp", text(c->thp));
	set(&o, "clocksource", text(c->clocksource));
	set(&o, "governor", text(c->governor));
	return object_take(&o);
}

static json_t *both_conditions(const struct recording *r)
{
	struct object o = object_new();

	set(&o, "start", conditions_json(&r->conditions[0]));
	set(&o, "end", conditions_json(&r->conditions[1]));
	return object_take(&o);
}

static json_t *libs_json(const struct recording *r)
{
	struct object o = object_new();

	for (size_t i = 0; i < r->lib_cnt; i++) {
		json_t *name = text(r->libs[i].name);

		if (name)
			set(&o, json_string_value(name), text(r->libs[i].version));
		else
			o.failed = true;
		json_decref(name);
	}
	return object_take(&o);
}

static json_t *losses_json(const struct recording *r)
{
	struct object o = object_new();

	for (size_t i = 0; i < r->loss_cnt; i++) {
		json_t *name = text(r->losses[i].name);

		if (name)
			set(&o, json_string_value(name), number(r->losses[i].count));
		else
			o.failed = true;
		json_decref(name);
	}
	return object_take(&o);
}

static json_t *overhead_json(const struct recording *r)
{
	struct object o = object_new();
	struct cost c;

	cost_of(&c, r);
	set(&o, "bpf_ns", number(c.bpf_ns));
	set(&o, "event_cnt", number(c.event_cnt));
	set(&o, "dispatch_ns", number(r->dispatch_ns));
	set(&o, "fault_event_ns", number(r->fault_event_ns));
	set(&o, "oncpu_ns", number(c.oncpu_ns));
	set(&o, "bpf_share", c.oncpu_ns ? real(c.bpf_share) : json_null());
	set(&o, "estimate_share", c.estimate_known ? real(c.estimate_share) : json_null());
	set(&o, "repairs", number(r->repair_cnt));
	set(&o, "wallgap_rss_peak_bytes", number(r->wallgap_rss_peak_bytes));
	set(&o, "start_ns", number(r->start_ns));
	return object_take(&o);
}

static json_t *audit_row_json(const struct audit *a, const struct audit_row *row)
{
	struct object o = object_new();

	set(&o, "what", json_string(row->key));
	set(&o, "ours", row->known ? number(row->ours) : json_null());
	set(&o, "kernel", row->known ? number(row->kernel) : json_null());
	set(&o, "error", row->known ? real(row->error) : json_null());
	if (row->known && row->unit == AUDIT_COUNT)
		set(&o, "exact", json_boolean(row->ours == row->kernel));
	if (row->known && row->unit == AUDIT_NS) {
		set(&o, "worst_thread_error",
		    row->worst_tid ? real(row->worst_error) : json_null());
		set(&o, "worst_thread_tid",
		    row->worst_tid ? json_integer(row->worst_tid) : json_null());
	}
	if (row == &a->row[AUDIT_ONCPU])
		set(&o, "stolen_ns", number(a->stolen_ns));
	if (row == &a->row[AUDIT_FAULT_MINOR])
		set(&o, "untrapped", number(a->untrapped));
	return object_take(&o);
}

static json_t *closure_json(const struct audit *a)
{
	struct object o = object_new();

	set(&o, "worst_ns", json_integer(a->closure_worst_ns));
	set(&o, "worst_tid", json_integer(a->closure_worst_tid));
	set(&o, "worst_wall_ns", number(a->closure_worst_wall_ns));
	set(&o, "threads", json_integer((json_int_t)(a->thread_cnt + a->torn_cnt)));
	set(&o, "clock_worst_ns", number(a->clock_worst_ns));
	set(&o, "threads_over", json_integer((json_int_t)a->closure_over_cnt));
	set(&o, "threads_torn", json_integer((json_int_t)a->torn_cnt));
	return object_take(&o);
}

static void audit_out(struct out *o, const struct audit *a)
{
	array_begin(o, "audit");
	for (int i = 0; i < AUDIT_CNT; i++)
		element(o, audit_row_json(a, &a->row[i]));
	array_end(o);
	member(o, "closure", closure_json(a));
}

static void warnings_out(struct out *o, const struct recording *r, const struct audit *a)
{
	struct lines warnings = LINES_NONE;

	if (audit_warn(a, &warnings) || conditions_warn(r, &warnings))
		o->failed = true;
	array_begin(o, "warnings");
	for (size_t i = 0; i < warnings.cnt; i++)
		element(o, text(warnings.line[i]));
	array_end(o);
	lines_clear(&warnings);
}

int report_json(FILE *f, const struct recording *r)
{
	struct out o = {.f = f, .sep = "\n"};
	struct audit audit;

	audit_of(&audit, r);
	fputc('{', f);
	member(&o, "schema", json_integer(r->schema));
	member(&o, "version", text(r->version));
	member(&o, "command", text(r->command));
	member(&o, "argv", text(r->argv));
	member(&o, "created_s", number(r->created_s));
	member(&o, "interrupted", json_boolean(r->interrupted));
	member(&o, "host", host_json(r));
	member(&o, "conditions", both_conditions(r));
	member(&o, "libs", libs_json(r));
	array_begin(&o, "runs");
	for (size_t i = 0; i < r->run_cnt; i++)
		run_out(&o, &r->runs[i], i);
	array_end(&o);
	audit_out(&o, &audit);
	member(&o, "losses", losses_json(r));
	member(&o, "overhead", overhead_json(r));
	warnings_out(&o, r, &audit);
	array_begin(&o, "gaps");
	array_end(&o);
	fputs("\n}\n", f);
	if (o.failed)
		return -ENOMEM;
	return fflush(f) || ferror(f) ? -EIO : 0;
}
