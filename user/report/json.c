// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The recording as JSON: the words are those of a contract, so that programs can rely on them.
 * Written piece by piece: a recording of 400,000 threads never stands in memory as one tree.
 * Keys come in a fixed order; figures that were not had are null.
 */
#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/audit.h"
#include "model/conditions.h"
#include "model/cost.h"
#include "model/headlines.h"
#include "model/ledger.h"
#include "model/path.h"
#include "model/sums.h"
#include "model/summary.h"
#include "report/headline_words.h"
#include "report/json_gap.h"
#include "report/json_out.h"
#include "report/json_sites.h"

/* --- pieces */

static json_t *buckets_json(const double ns[BUCKET_CNT])
{
	struct object o = object_new();

	for (int b = 0; b < BUCKET_CNT; b++)
		object_set(&o, bucket_name(b), json_rounded(ns[b]));
	return object_take(&o);
}

static json_t *thread_buckets(const struct thread *t, double pooled_user)
{
	uint64_t ns[BUCKET_CNT];
	struct object o = object_new();

	ledger_buckets(t, pooled_user, ns);
	for (int b = 0; b < BUCKET_CNT; b++)
		object_set(&o, bucket_name(b), json_number(ns[b]));
	return object_take(&o);
}

static json_t *kernel_json(const struct wg_kernel *k)
{
	struct object o = object_new();

	object_set(&o, "oncpu_ns", json_number(k->oncpu_ns));
	object_set(&o, "run_delay_ns", json_number(k->run_delay_ns));
	object_set(&o, "nvcsw", json_number(k->nvcsw));
	object_set(&o, "nivcsw", json_number(k->nivcsw));
	object_set(&o, "min_flt", json_number(k->min_flt));
	object_set(&o, "maj_flt", json_number(k->maj_flt));
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

static void thread_identity(struct object *o, const struct recording *r, const struct thread *t)
{
	char comm[WG_COMM_LEN];

	memcpy(comm, t->comm, sizeof(comm));
	comm[sizeof(comm) - 1] = '\0';
	object_set(o, "id", json_number(t->id));
	object_set(o, "parent_id", json_number(t->parent_id));
	object_set(o, "tid", json_integer(t->tid));
	object_set(o, "tgid", json_integer(t->tgid));
	object_set(o, "comm", json_text(comm));
	object_set(o, "start", json_text(thread_start(r, t)));
	object_set(o, "kind", json_string(thread_kind_of(r, t)));
	object_set(o, "role", json_string(role_name(t->role)));
	object_set(o, "lane", t->lane < 0 ? json_null() : json_integer(t->lane));
	object_set(o, "flags", flags_json(t->flags));
	object_set(o, "clock_ns", json_number(t->clock_ns));
	object_set(o, "begin_ns", json_number(t->begin_ns));
	object_set(o, "end_ns", json_number(t->end_ns));
	object_set(o, "wall_ns", json_number(ledger_wall(t)));
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
	{"faults_huge", WG_N_FAULT_HUGE},
	{"tlb_remote_flushes", WG_N_TLB_REMOTE},
	{"tlb_local_flushes", WG_N_TLB_LOCAL},
	{"ipis_sent", WG_N_IPI_SENT},
};

static const struct {
	const char *name;
	enum wg_part part;
} part_names[] = {
	{"klock_mmap_ns", WG_T_KLOCK_MMAP},
	{"klock_spin_ns", WG_T_KLOCK_SPIN},
	{"fault_blocked_ns", WG_T_FAULT_BLOCKED},
	{"fault_huge_ns", WG_T_FAULT_HUGE},
	{"preempt_blocking_ns", WG_T_PREEMPT_BLOCKING},
	{"stolen_ns", WG_T_STOLEN},
	{"queued_asleep_ns", WG_T_QUEUED_ASLEEP},
	{"quota_ns", WG_T_QUOTA},
	{"before_ns", WG_T_BEFORE},
};

/* Every count and part of shared.h is here: faults whose end we saw go out with the untrapped. */
_Static_assert(ARRAY_SIZE(count_names) + 2 == WG_COUNT_CNT, "counts in JSON");
_Static_assert(ARRAY_SIZE(part_names) == WG_PART_CNT, "parts in JSON");

/* How often each state was entered: the number of waits, beside their time in the buckets. */
static json_t *entered_json(const struct thread *t)
{
	struct object o = object_new();

	for (int i = 0; i < WG_STATE_CNT; i++) {
		if (i != WG_PROBE)
			object_set(&o, state_name((enum wg_state)i), json_number(t->state_cnt[i]));
	}
	return object_take(&o);
}

static json_t *thread_json(const struct recording *r, const struct thread *t, double pooled_user)
{
	struct object o = object_new();

	thread_identity(&o, r, t);
	object_set(&o, "buckets", thread_buckets(t, pooled_user));
	object_set(&o, "entered", entered_json(t));
	object_set(&o, "closure_ns", json_integer(ledger_closure(t)));
	object_set(&o, "cpu_split_samples",
		   json_number(t->count[WG_N_SAMPLE_USER] + t->count[WG_N_SAMPLE_KERNEL]));
	object_set(&o, "faults_minor", json_number(ledger_faults_minor(t)));
	object_set(&o, "faults_major", json_number(ledger_faults_major(t)));
	for (size_t i = 0; i < ARRAY_SIZE(count_names); i++)
		object_set(&o, count_names[i].name, json_number(t->count[count_names[i].count]));
	for (size_t i = 0; i < ARRAY_SIZE(part_names); i++)
		object_set(&o, part_names[i].name, json_number(t->part_ns[part_names[i].part]));
	object_set(&o, "pgtables_bytes", json_number(t->pgtables_bytes));
	object_set(&o, "pgtables_peak_bytes", json_number(t->pgtables_peak_bytes));
	object_set(&o, "audit_oncpu_ns", json_number(t->audit_oncpu_ns));
	object_set(&o, "audit_run_delay_ns", json_number(t->audit_run_delay_ns));
	object_set(&o, "kernel", kernel_json(&t->kernel));
	return object_take(&o);
}

static json_t *work_json(const struct work *w)
{
	struct object o = object_new();

	object_set(&o, "lane", w->lane < 0 ? json_null() : json_integer(w->lane));
	object_set(&o, "index", json_integer(w->index));
	object_set(&o, "begin_ns", json_number(w->begin_ns));
	object_set(&o, "end_ns", json_number(w->end_ns));
	object_set(&o, "checksum", json_text(w->checksum));
	return object_take(&o);
}

static void run_identity(struct out *o, const struct run *run, size_t index)
{
	out_member(o, "id", json_integer((json_int_t)index + 1));
	out_member(o, "label", json_text(run->label));
	out_member(o, "runtime", json_text(run->runtime));
	out_member(o, "workload", json_text(run->workload));
	out_member(o, "model", json_text(run->model));
	out_member(o, "variant", json_text(run->variant));
	out_member(o, "detail", json_text(run->detail));
	out_member(o, "workers", json_integer(run->workers));
	out_member(o, "tasks", json_integer(run->task_cnt));
	out_member(o, "repeat", json_integer(run->repeat));
	out_member(o, "pinned", json_boolean(run->pinned));
	out_member(o, "interrupted", json_boolean(run->interrupted));
	out_member(o, "exit_status", json_integer(run->exit_status));
	out_member(o, "begin_ns", json_number(run->begin_ns));
	out_member(o, "end_ns", json_number(run->end_ns));
	out_member(o, "wall_ns", json_number(ledger_run_wall(run)));
	out_member(o, "work_ns", json_number(run->work_ns));
	out_member(o, "checksum", json_text(run->checksum));
}

static void run_cpu(struct out *o, const struct run *run)
{
	uint64_t orchestrator = run_cpu_ns(run, ROLE_ORCHESTRATOR);
	uint64_t workers = run_cpu_ns(run, ROLE_WORKER), helpers = run_cpu_ns(run, ROLE_HELPER);
	uint64_t all = orchestrator + workers + helpers;

	out_member(o, "cpu_orchestrator_ns", json_number(orchestrator));
	out_member(o, "cpu_workers_ns", json_number(workers));
	out_member(o, "cpu_helpers_ns", json_number(helpers));
	out_member(o, "orchestrator_share",
		   json_finite(all ? (double)orchestrator / (double)all : 0));
	out_member(o, "bpf_ns", json_number(run->bpf_ns));
	out_member(o, "event_cnt", json_number(run->event_cnt));
	out_member(o, "steal_ns", json_number(run->steal_ns));
	out_member(o, "other_cpu_ns", json_number(run->other_cpu_ns));
	out_member(o, "spin_ns", json_number(run->spin_ns));
	out_member(o, "cacheline_ns", json_number(run->cacheline_ns));
}

static void run_memory(struct out *o, const struct run *run)
{
	const struct memory *m = &run->memory;
	bool known = m->sample_cnt && m->sample_cnt != UNKNOWN;
	uint64_t pgtables;

	if (run_pgtables_peak(run, &pgtables))
		o->failed = true;
	else
		out_member(o, "pgtables_peak_bytes", json_number(pgtables));
	out_member(o, "rss_samples", known ? json_number(m->sample_cnt) : json_integer(0));
	out_member(o, "rss_avg_bytes", json_number(known ? m->rss_avg_bytes : UNKNOWN));
	out_member(o, "rss_peak_bytes", json_number(known ? m->rss_peak_bytes : UNKNOWN));
	out_member(o, "rss_sum_peak_bytes", json_number(known ? m->rss_sum_peak_bytes : UNKNOWN));
	out_member(o, "pss_sum_bytes", json_number(m->pss_sum_bytes));
	out_member(o, "pgtables_kernel_bytes", json_number(m->pgtables_kernel_bytes));
	out_member(o, "pgtables_ours_bytes", json_number(m->pgtables_ours_bytes));
}

static void run_out(struct out *o, const struct locks *locks, size_t index)
{
	const struct run *run = &locks->paths->r->runs[index];
	double buckets[BUCKET_CNT], pooled_user = ledger_user_share(run);
	int lane_cnt = ledger_lane_mean(run, buckets);

	fprintf(o->f, "%s{", o->sep);
	o->sep = "";
	run_identity(o, run, index);
	run_cpu(o, run);
	run_memory(o, run);
	out_member(o, "lanes", json_integer(lane_cnt));
	out_member(o, "lane_buckets", lane_cnt ? buckets_json(buckets) : json_null());
	ledger_total(run, buckets);
	out_member(o, "total_buckets", buckets_json(buckets));
	out_member(o, "path_buckets",
		   path_buckets(run, buckets) ? buckets_json(buckets) : json_null());
	out_array_begin(o, "threads");
	for (size_t i = 0; i < run->thread_cnt; i++)
		out_element(o, thread_json(locks->paths->r, &run->threads[i], pooled_user));
	out_array_end(o);
	out_array_begin(o, "works");
	for (size_t i = 0; i < run->work_cnt; i++)
		out_element(o, work_json(&run->works[i]));
	out_array_end(o);
	json_sites(o, locks, index);
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

	object_set(&o, "kernel", json_text(h->kernel));
	object_set(&o, "machine", json_text(h->machine));
	object_set(&o, "distro", json_text(h->distro));
	object_set(&o, "cpus", json_integer(h->cpus));
	object_set(&o, "model", json_text(h->cpu_model));
	object_set(&o, "mem_bytes", json_number(h->mem_bytes));
	object_set(&o, "lockdown", json_text(h->lockdown));
	object_set(&o, "fault_end", json_text(h->fault_end));
	object_set(&o, "preemption", json_text(h->preemption));
	object_set(&o, "virt", json_text(h->virt));
	object_set(&o, "steal_ns", json_number(steal_between(r)));
	return object_take(&o);
}

static json_t *conditions_json(const struct conditions *c)
{
	struct object o = object_new();

	object_set(&o, "at_ns", json_number(c->at_ns));
	object_set(&o, "steal_ns", json_number(c->steal_ns));
	object_set(&o, "idle_ns", json_number(c->idle_ns));
	object_set(&o, "busy_ns", json_number(c->busy_ns));
	object_set(&o, "cacheline_ns", json_number(c->cacheline_ns));
	object_set(&o, "spin_ns", json_number(c->spin_ns));
	object_set(&o, "mem_available_bytes", json_number(c->mem_available_bytes));
	object_set(&o, "load1", json_finite(c->load1));
	object_set(&o, "thp", json_text(c->thp));
	object_set(&o, "clocksource", json_text(c->clocksource));
	object_set(&o, "governor", json_text(c->governor));
	return object_take(&o);
}

static json_t *both_conditions(const struct recording *r)
{
	struct object o = object_new();

	object_set(&o, "start", conditions_json(&r->conditions[0]));
	object_set(&o, "end", conditions_json(&r->conditions[1]));
	return object_take(&o);
}

static json_t *libs_json(const struct recording *r)
{
	struct object o = object_new();

	for (size_t i = 0; i < r->lib_cnt; i++) {
		json_t *name = json_text(r->libs[i].name);

		if (name)
			object_set(&o, json_string_value(name), json_text(r->libs[i].version));
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
		json_t *name = json_text(r->losses[i].name);

		if (name)
			object_set(&o, json_string_value(name), json_number(r->losses[i].count));
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
	object_set(&o, "bpf_ns", json_number(c.bpf_ns));
	object_set(&o, "event_cnt", json_number(c.event_cnt));
	object_set(&o, "dispatch_ns", json_number(r->dispatch_ns));
	object_set(&o, "fault_event_ns", json_number(r->fault_event_ns));
	object_set(&o, "oncpu_ns", json_number(c.oncpu_ns));
	object_set(&o, "own_cpu_ns", json_number(c.own_cpu_ns));
	object_set(&o, "bpf_share", c.oncpu_ns ? json_finite(c.bpf_share) : json_null());
	object_set(&o, "estimate_share",
		   c.estimate_known ? json_finite(c.estimate_share) : json_null());
	object_set(&o, "slower_lo", c.estimate_known ? json_finite(c.slower_lo) : json_null());
	object_set(&o, "slower_hi",
		   c.estimate_known && c.slower_hi >= 0 ? json_finite(c.slower_hi) : json_null());
	object_set(&o, "repairs", json_number(r->repair_cnt));
	object_set(&o, "wallgap_rss_peak_bytes", json_number(r->wallgap_rss_peak_bytes));
	object_set(&o, "wallgap_cpu_ns", json_number(r->wallgap_cpu_ns));
	object_set(&o, "start_ns", json_number(r->start_ns));
	return object_take(&o);
}

static json_t *audit_row_json(const struct audit *a, const struct audit_row *row)
{
	struct object o = object_new();

	object_set(&o, "what", json_string(row->key));
	object_set(&o, "ours", row->known ? json_number(row->ours) : json_null());
	object_set(&o, "kernel", row->known ? json_number(row->kernel) : json_null());
	object_set(&o, "error", row->known ? json_finite(row->error) : json_null());
	if (row->known && row->unit == AUDIT_COUNT)
		object_set(&o, "exact", json_boolean(row->ours == row->kernel));
	if (row->known && row->unit == AUDIT_NS) {
		object_set(&o, "worst_thread_error",
			   row->worst_tid ? json_finite(row->worst_error) : json_null());
		object_set(&o, "worst_thread_tid",
			   row->worst_tid ? json_integer(row->worst_tid) : json_null());
	}
	if (row == &a->row[AUDIT_ONCPU])
		object_set(&o, "stolen_ns", json_number(a->stolen_ns));
	if (row == &a->row[AUDIT_RUN_DELAY])
		object_set(&o, "asleep_ns", json_number(a->asleep_ns));
	if (row == &a->row[AUDIT_FAULT_MINOR])
		object_set(&o, "untrapped", json_number(a->untrapped));
	return object_take(&o);
}

static json_t *closure_json(const struct audit *a)
{
	struct object o = object_new();

	object_set(&o, "worst_ns", json_integer(a->closure_worst_ns));
	object_set(&o, "worst_tid", json_integer(a->closure_worst_tid));
	object_set(&o, "worst_wall_ns", json_number(a->closure_worst_wall_ns));
	object_set(&o, "threads", json_integer((json_int_t)(a->thread_cnt + a->torn_cnt)));
	object_set(&o, "clock_worst_ns", json_number(a->clock_worst_ns));
	object_set(&o, "threads_over", json_integer((json_int_t)a->closure_over_cnt));
	object_set(&o, "threads_torn", json_integer((json_int_t)a->torn_cnt));
	return object_take(&o);
}

static void audit_out(struct out *o, const struct audit *a)
{
	out_array_begin(o, "audit");
	for (int i = 0; i < AUDIT_CNT; i++)
		out_element(o, audit_row_json(a, &a->row[i]));
	out_array_end(o);
	out_member(o, "closure", closure_json(a));
}

static void warnings_out(struct out *o, const struct recording *r, const struct audit *a)
{
	struct lines warnings = LINES_NONE;

	if (audit_warn(a, &warnings) || conditions_warn(r, &warnings) || sums_warn(r, &warnings))
		o->failed = true;
	out_array_begin(o, "warnings");
	for (size_t i = 0; i < warnings.cnt; i++)
		out_element(o, json_text(warnings.line[i]));
	out_array_end(o);
	lines_clear(&warnings);
}

static json_t *runtime_json(const struct runtime_info *info)
{
	struct object o = object_new();

	object_set(&o, "name", json_text(info->name));
	object_set(&o, "version", json_text(info->version));
	object_set(&o, "libs", json_text(info->libs));
	object_set(&o, "flags", json_text(info->flags));
	object_set(&o, "path", json_text(info->path));
	return object_take(&o);
}

static json_t *absence_json(const struct absence *a)
{
	struct object o = object_new();

	object_set(&o, "runtime", json_text(a->runtime));
	object_set(&o, "workload", json_text(a->workload));
	object_set(&o, "model", json_text(a->model));
	object_set(&o, "why", json_text(a->why));
	object_set(&o, "failed", json_boolean(a->failed));
	return object_take(&o);
}

static void pools_out(struct out *o, const struct recording *r)
{
	out_array_begin(o, "runtimes");
	for (size_t i = 0; i < r->runtime_cnt; i++)
		out_element(o, runtime_json(&r->runtimes[i]));
	out_array_end(o);
	out_array_begin(o, "absent");
	for (size_t i = 0; i < r->absence_cnt; i++)
		out_element(o, absence_json(&r->absences[i]));
	out_array_end(o);
}

static json_t *side_json(const struct group *g)
{
	struct object o = object_new();

	object_set(&o, "runtime", json_text(g->first->runtime));
	object_set(&o, "model", json_text(g->first->model));
	object_set(&o, "wall_ns", json_real(g->wall_ns.median));
	return object_take(&o);
}

/* A ratio of wall times, or bytes. */
static json_t *headline_json(const struct headline *h, const struct locks *l)
{
	scoped_free char *why = headline_why(h, l);
	struct object o = object_new();

	object_set(&o, "id", json_text(h->claim->id));
	object_set(&o, "claim", json_text(h->claim->text));
	object_set(&o, "source", json_text(h->claim->source));
	object_set(&o, "workload", json_text(h->claim->workload));
	object_set(&o, "a", h->a ? side_json(h->a) : json_null());
	object_set(&o, "b", side_json(h->b));
	object_set(&o, "unit", json_text(h->claim->kind == CLAIM_PEAK ? "bytes" : "ratio"));
	object_set(&o, "value", json_real(h->value));
	object_set(&o, "lo", json_finite(h->interval.lo));
	object_set(&o, "hi", json_finite(h->interval.hi));
	object_set(&o, "verdict", json_text(verdict_name(h->verdict)));
	object_set(&o, "why", why ? json_text(why) : NULL);
	return object_take(&o);
}

static void headlines_out(struct out *o, const struct locks *l)
{
	struct headlines h;

	out_array_begin(o, "headlines");
	if (headlines_of(&h, l)) {
		o->failed = true;
		return;
	}
	for (size_t i = 0; i < h.cnt; i++)
		out_element(o, headline_json(&h.list[i], l));
	headlines_clear(&h);
	out_array_end(o);
}

static void runs_out(struct out *o, const struct recording *r)
{
	struct paths paths;
	struct locks locks;

	out_array_begin(o, "runs");
	if (paths_of(&paths, r)) {
		o->failed = true;
		return;
	}
	if (locks_of(&locks, &paths)) {
		o->failed = true;
	} else {
		for (size_t i = 0; i < r->run_cnt; i++)
			run_out(o, &locks, i);
		out_array_end(o);
		headlines_out(o, &locks);
		gaps_out(o, &locks);
		locks_clear(&locks);
	}
	paths_clear(&paths);
}

int report_json(FILE *f, const struct recording *r)
{
	struct out o = {.f = f, .sep = "\n"};
	struct audit audit;

	audit_of(&audit, r);
	fputc('{', f);
	out_member(&o, "schema", json_integer(REPORT_SCHEMA));
	out_member(&o, "version", json_text(r->version));
	out_member(&o, "command", json_text(r->command));
	out_member(&o, "argv", json_text(r->argv));
	if (*str(r->user))
		out_member(&o, "user", json_text(r->user));
	out_member(&o, "created_s", json_number(r->created_s));
	out_member(&o, "interrupted", json_boolean(r->interrupted));
	if (*str(r->stopped_by))
		out_member(&o, "stopped_by", json_text(r->stopped_by));
	out_member(&o, "host", host_json(r));
	out_member(&o, "conditions", both_conditions(r));
	out_member(&o, "libs", libs_json(r));
	pools_out(&o, r);
	runs_out(&o, r);
	audit_out(&o, &audit);
	out_member(&o, "losses", losses_json(r));
	out_member(&o, "overhead", overhead_json(r));
	warnings_out(&o, r, &audit);
	fputs("\n}\n", f);
	if (o.failed)
		return -ENOMEM;
	return fflush(f) || ferror(f) ? -EIO : 0;
}
