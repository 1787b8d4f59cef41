/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From runs to what a report shows: repeats of one thing make a group, groups that do the same
 * work make a section. Pure.
 *
 *   summary
 *     |- section  (workload, runtime), in order of first appearance
 *          |- group  (model) of repeats, fastest median first, those cut short last; equal ones
 *                    in order of appearance
 *
 * Of a `record`, each command is a section with one group; of a comparison of commands there is one
 * section, with a group for each side (run.model). Runs cut short are left out of the figures unless
 * a group has no others. Runs of a variant are in no summary but that of it.
 */
#ifndef WG_MODEL_SUMMARY_H
#define WG_MODEL_SUMMARY_H

#include "model/ledger.h"
#include "model/recording.h"
#include "model/stats.h"

struct group {
	const struct run *first; /* for the names; the earliest run of the group */
	const struct run **runs; /* those the figures are from, in order of appearance */
	size_t run_cnt, run_cap;
	size_t interrupted_cnt; /* in the recording, whether in runs or not */
	bool partial;		/* there are no others: the figures are of runs cut short */
	struct stats wall_ns;
	double ratio; /* of median wall to the fastest of the section; 0 when there is none, or partial */

	/* Of the mean lane (of all threads, where there is no lane), mean over runs, ns. */
	double bucket_ns[BUCKET_CNT];
	double lane_ns;	 /* their sum */
	double quota_ns; /* of the two run-queue buckets: the cgroup's CPU quota was used up */
	bool has_lanes;
	bool has_path; /* no lanes, but the critical path of every run is known */
	/* Of each run and site how much of it counts, for groups that are made up; NULL: all. */
	double *const *site_weight;

	/* Of all threads of a run, medians over runs. */
	double faults_minor, faults_major; /* those without a trap included */
	double switches_voluntary, switches_involuntary;
	double cpu_orchestrator_ns, cpu_workers_ns, cpu_helpers_ns;
	double orchestrator_share; /* of these three, 0..1 */

	/* Of the worker processes: highest over runs, but the average, which is the mean; or UNKNOWN. */
	uint64_t pgtables_peak_bytes;
	uint64_t rss_avg_bytes, rss_peak_bytes, rss_sum_peak_bytes, pss_sum_bytes;
};

struct section {
	struct group *groups;
	size_t group_cnt, group_cap;
};

struct summary {
	struct section *sections;
	size_t section_cnt, section_cap;
};

/* s points into r, which must outlive it. Returns 0 or -ENOMEM, then with s empty. */
int summary_of(struct summary *s, const struct recording *r);
/* The same of the runs of one variant alone, and of these alone; "" is that above. */
int summary_of_variant(struct summary *s, const struct recording *r, const char *variant);
void summary_clear(struct summary *s);

/* Figures of one run that the reports share. */

/* On-CPU time of the threads with this role, ns. */
uint64_t run_cpu_ns(const struct run *run, enum role role);

/*
 * Page tables of the worker processes (of all, where there is no worker): the highest seen of
 * each process, summed. Returns 0 or -ENOMEM.
 */
int run_pgtables_peak(const struct run *run, uint64_t *bytes);

/* Sum of one count over all threads; UNKNOWN when it is of one. */
uint64_t run_count(const struct run *run, enum wg_count what);

/* Is a task of the same size? Of "100 MiB a task, moved by transfer list" it comes first. */
bool run_same_size(const struct run *a, const struct run *b);

/* Processes that had a thread in the run; or -ENOMEM. */
long run_process_cnt(const struct run *run);

#endif
