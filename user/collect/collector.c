// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Load, attach, track, snapshot, drain; see collector.h. Which programs load is decided from the
 * capabilities; what they count is bpf/'s business.
 */
#include "collect/collector.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/confine.h"
#include "base/files.h"
#include "base/util.h"
#include "collect/caps.h"
#include "collect/dispatch.h"
#include "collect/gone.h"
#include "collect/grace.h"
#include "collect/paths.h"
#include "collect/privs.h"

typedef __u64 u64;
typedef __u32 u32;
#include "wallgap.skel.h"

struct collector {
	struct wallgap_bpf *skel;
	struct cap_result caps[FEAT_CNT];
	struct bpf_link **perf_links; /* per event and CPU */
	size_t perf_cnt, perf_cap;
	struct bpf_link *snapshot, *track;
	struct gone *gone;
	pthread_mutex_t track_lock; /* for the track iterator and what it is told by variables */
	struct paths *paths;	    /* NULL when call paths are not wanted */
	uint16_t window;	    /* the last one opened */
	uint32_t unsure;	    /* threads that moved while their ledgers were begun */
	bool preemptible;
	uint64_t dispatch_ns, fault_event_ns;
	int freq_hz; /* of the sampler, as the kernel lets us */
};

/* libbpf explains a failure in several lines; keep the last warning for ours. */
static char libbpf_said[256];

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(libbpf_said, sizeof(libbpf_said), fmt, ap);
		libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
	}
	return 0;
}

static int fail(struct err *e, int err, const char *what)
{
	if (err == -EMFILE || err == -ENFILE)
		return err_set(e, err, "%s: %s; see ulimit -Hn", what, strerror(-err));
	if (err == -ENOMEM)
		return err_set(e, err, "%s: %s; see ulimit -v and the cgroup's limit", what,
			       strerror(-err));
	return err_set(e, err, "%s: %s (%s); `wallgap doctor` tells what this kernel allows", what,
		       strerror(-err), libbpf_said);
}

/*
 * Where fault ends come from. A program at fexit may be preempted, and until it goes on the kernel
 * leaves it out for all other tasks on that CPU: on a preemptible kernel the perf events, whose
 * programs are not, lose none.
 */
static bool use_fexit(const struct collector *c)
{
	return c->caps[FEAT_FEXIT].have && !c->preemptible;
}

static void choose_programs(struct collector *c, const struct collector_opts *opts)
{
	struct wallgap_bpf *s = c->skel;
	bool fexit = use_fexit(c), contention = c->caps[FEAT_CONTENTION].have;

	s->rodata->wg_switch_has_state = c->caps[FEAT_SWITCH_STATE].have;
	s->rodata->wg_stacks = opts->stacks;
	s->rodata->wg_path = opts->path;
	s->rodata->wg_notes = opts->stacks && c->caps[FEAT_FIND_VMA].have;
	s->rodata->wg_sees_ipis = c->caps[FEAT_IPI].have;
	s->rodata->wg_cpumask_words = ((uint32_t)libbpf_num_possible_cpus() + 63) / 64;
	bpf_program__set_autoload(s->progs.on_waking, opts->stacks || opts->path);
	bpf_program__set_autoload(s->progs.on_irq_entry, opts->path);
	bpf_program__set_autoload(s->progs.on_irq_exit, opts->path);
	bpf_program__set_autoload(s->progs.on_timer_entry, opts->path);
	bpf_program__set_autoload(s->progs.on_timer_exit, opts->path);
	bpf_program__set_autoload(s->progs.on_softirq_entry, opts->path);
	bpf_program__set_autoload(s->progs.on_softirq_exit, opts->path);
	bpf_program__set_autoload(s->progs.on_tlb_flush, c->caps[FEAT_TLB].have);
	bpf_program__set_autoload(s->progs.on_ipi_one, c->caps[FEAT_IPI].have);
	bpf_program__set_autoload(s->progs.on_ipi_many, c->caps[FEAT_IPI].have);
	bpf_program__set_autoload(s->progs.on_fault_exit, fexit);
	bpf_program__set_autoload(s->progs.on_fault_end, !fexit);
	bpf_program__set_autoload(s->progs.on_contention_begin, contention);
	bpf_program__set_autoload(s->progs.on_contention_end, contention);
	/* attached by hand: per CPU, or when read */
	bpf_program__set_autoattach(s->progs.on_fault_end, false);
	bpf_program__set_autoattach(s->progs.on_sample, false);
	bpf_program__set_autoattach(s->progs.on_snapshot, false);
	bpf_program__set_autoattach(s->progs.on_track, false);
}

/* The program can ask for the cookie. */
static int attach_perf_on(struct collector *c, struct bpf_program *prog,
			  struct perf_event_attr *attr, int cpu, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_perf_event_opts, o, .bpf_cookie = cookie);
	struct bpf_link *link;
	int fd, err;

	err = array_grow((void **)&c->perf_links, &c->perf_cap, c->perf_cnt, sizeof(link));
	if (err)
		return err;
	fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return errno == ENODEV || errno == ENXIO ? 0 : -errno; /* that CPU is off line */
	link = bpf_program__attach_perf_event_opts(prog, fd, &o);
	if (!link) {
		err = -errno;
		close(fd);
		return err;
	}
	c->perf_links[c->perf_cnt++] = link;
	return 0;
}

static int attach_perf(struct collector *c, struct bpf_program *prog, struct perf_event_attr *attr,
		       uint64_t cookie)
{
	int cpu, err, cnt = libbpf_num_possible_cpus();

	if (cnt < 0)
		return cnt;
	for (cpu = 0; cpu < cnt; cpu++) {
		err = attach_perf_on(c, prog, attr, cpu, cookie);
		if (err)
			return err;
	}
	return 0;
}

static int attach_faults(struct collector *c)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .sample_period = 1};
	int err;

	if (use_fexit(c))
		return 0;
	attr.config = PERF_COUNT_SW_PAGE_FAULTS_MIN;
	err = attach_perf(c, c->skel->progs.on_fault_end, &attr, false);
	if (err)
		return err;
	attr.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
	return attach_perf(c, c->skel->progs.on_fault_end, &attr, true);
}

/* The kernel's limit, which it lowers by itself when samples take long. */
static int freq_max(void)
{
	scoped_file FILE *f = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	int hz;

	return f && fscanf(f, "%d", &hz) == 1 && hz > 0 ? hz : INT_MAX;
}

static int attach_sampler(struct collector *c, int freq_hz)
{
	int max_hz = freq_max();
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .freq = 1,
				       .sample_freq =
					       (uint64_t)(freq_hz < max_hz ? freq_hz : max_hz)};

	c->freq_hz = (int)attr.sample_freq;
	return freq_hz > 0 ? attach_perf(c, c->skel->progs.on_sample, &attr, 0) : 0;
}

static int attach_all(struct collector *c, const struct collector_opts *opts, struct err *e)
{
	struct wallgap_bpf *s = c->skel;
	int err;

	err = wallgap_bpf__attach(s);
	if (err)
		return fail(e, err, "cannot attach to the scheduler's tracepoints");
	err = attach_faults(c);
	if (err)
		return fail(e, err, "cannot attach to the page-fault events");
	err = attach_sampler(c, opts->freq_hz);
	if (err)
		return fail(e, err, "cannot attach the cpu-clock sampler");
	c->snapshot = bpf_program__attach_iter(s->progs.on_snapshot, NULL);
	c->track = c->snapshot ? bpf_program__attach_iter(s->progs.on_track, NULL) : NULL;
	if (!c->track)
		return fail(e, -errno, "cannot attach the task iterators");
	err = gone_open(&c->gone, bpf_map__fd(s->maps.gone));
	return err ? fail(e, err, "cannot map the ring buffer") : 0;
}

/*
 * Run an iterator to its end and give what it writes to take, if there is one, item by item. The
 * kernel writes whole items to its buffer, but a read may end inside one.
 */
static int iterate_items(struct bpf_link *link, size_t item_sz,
			 int (*take)(void *ctx, const void *item), void *ctx)
{
	char buf[64 * sizeof(struct wg_row)];
	scoped_fd int fd = bpf_iter_create(bpf_link__fd(link));
	size_t have = 0, used;
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + have, sizeof(buf) - have)) != 0) {
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		for (used = 0; have - used >= item_sz; used += item_sz) {
			err = take ? take(ctx, buf + used) : 0;
			if (err)
				return err;
		}
		memmove(buf, buf + used, have - used);
		have -= used;
	}
	return have ? -EIO : 0;
}

static int take_row(void *ctx, const void *item)
{
	struct rows *out = ctx;

	if (array_grow((void **)&out->row, &out->cap, out->cnt, sizeof(*out->row)))
		return -ENOMEM;
	memcpy(&out->row[out->cnt++], item, sizeof(*out->row));
	return 0;
}

/* Run the track iterator for what it does; what it tells of sleepers is not asked for. */
static int run_track(struct collector *c)
{
	return iterate_items(c->track, sizeof(struct wg_sleeper), NULL, NULL);
}

#define LEARN_ROUNDS 16 /* the least of so many: each is late by what lies in between */
#define LEARN_NS (20 * NSEC_PER_MSEC) /* of all CPUs together; switches go on learning */

/*
 * Let each CPU learn the offset of its two clocks: sleep there for a moment and read the track
 * iterator, with no process named, as soon as we are switched in.
 */
static int learn_clocks(struct collector *c)
{
	const struct timespec moment = {.tv_nsec = 1000};
	cpu_set_t all, one;
	uint64_t until = now_ns() + LEARN_NS;
	int cpu, i, err = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return -errno;
	for (cpu = 0; cpu < CPU_SETSIZE && !err; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		for (i = 0; i < LEARN_ROUNDS && !err && (!i || now_ns() < until); i++) {
			nanosleep(&moment, NULL);
			err = run_track(c);
		}
	}
	sched_setaffinity(0, sizeof(all), &all);
	return err;
}

static void on_half_walked(void *ctx, uint32_t tgid);

static int open_paths(struct collector *c, const struct collector_opts *opts, struct err *e)
{
	struct wallgap_bpf *s = c->skel;
	const struct paths_maps maps = {
		.pool = bpf_map__fd(s->maps.pool),
		.rules = bpf_map__fd(s->maps.rules),
		.modules = bpf_map__fd(s->maps.modules),
		.layouts = bpf_map__fd(s->maps.layouts),
		.files = bpf_map__fd(s->maps.files),
		.notes = c->caps[FEAT_FIND_VMA].have,
		.stream = bpf_map__fd(s->maps.stream),
		.sites = {.sites = {bpf_map__fd(s->maps.sites), bpf_map__fd(s->maps.sites_other)},
			  .fault_sites = {bpf_map__fd(s->maps.fault_sites),
					  bpf_map__fd(s->maps.fault_sites_other)},
			  .half = &s->bss->wg_site_half,
			  .new_cnt = &s->bss->wg_site_new_cnt},
		.lock_modules = bpf_map__fd(s->maps.lock_modules),
		.lock_codes = bpf_map__fd(s->maps.lock_codes),
	};

	return paths_open(&c->paths, &maps, opts->cache, opts->path ? opts->lock_class : NULL,
			  on_half_walked, c, e);
}

/*
 * Where it finds no kernel type for one of ours, libbpf looks through the BTF of all modules, by
 * number, which only CAP_SYS_ADMIN may; versions before 1.4 give up then. Told which BTF to use it
 * does not look further, but reads that a second time, so only where it must.
 */
static struct wallgap_bpf *open_object(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, o);

	if (!privs_all_bpf())
		o.btf_custom_path = "/sys/kernel/btf/vmlinux";
	return wallgap_bpf__open_opts(&o);
}

int collector_open(struct collector **out, const struct collector_opts *opts, struct err *e)
{
	struct collector *c = calloc(1, sizeof(*c));
	struct dispatch before, after;
	int err;

	if (!c)
		return err_sys(e, -ENOMEM, "collector");
	pthread_mutex_init(&c->track_lock, NULL);
	files_raise();
	confine_prepare(); /* without memory for it: later calls say so, and are no worse */
	privs_keep_from_children();
	libbpf_set_print(keep_warning);
	c->preemptible = opts->preemptible;
	caps_probe(c->caps);
	err = caps_check(c->caps, e);
	if (err)
		goto out;
	c->skel = open_object();
	if (!c->skel) {
		err = fail(e, -errno, "cannot open the BPF object");
		goto out;
	}
	choose_programs(c, opts);
	err = wallgap_bpf__load(c->skel);
	if (err) {
		fail(e, err, "cannot load the BPF programs");
		goto out;
	}
	dispatch_time(&before);
	err = attach_all(c, opts, e);
	if (!err) {
		dispatch_time(&after);
		if (after.handover_ns <= before.handover_ns)
			dispatch_time(&after); /* the machine was busy elsewhere the first time */
		/* at a handover on_switch, on_wakeup and, where it is loaded, on_waking */
		dispatch_costs(&before, &after, opts->stacks || opts->path ? 3 : 2, &c->dispatch_ns,
			       &c->fault_event_ns);
	}
	if (!err && opts->stacks)
		err = open_paths(c, opts, e);
	if (!err)
		err = learn_clocks(c);
	if (err && !e->msg[0])
		err_sys(e, err, "cannot read the task iterator");
	if (!err && c->skel->bss->wg_reader_tgid != (u32)getpid())
		err = err_set(e, -EOPNOTSUPP,
			      "cannot run here: in a PID namespace of its own, where process "
			      "numbers differ from the kernel's; start the container with "
			      "--pid=host");
out:
	if (err) {
		collector_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void collector_close(struct collector *c)
{
	size_t i;

	if (!c)
		return;
	paths_close(c->paths);
	gone_close(c->gone);
	for (i = 0; i < c->perf_cnt; i++)
		bpf_link__destroy(c->perf_links[i]);
	free(c->perf_links);
	bpf_link__destroy(c->snapshot);
	bpf_link__destroy(c->track);
	wallgap_bpf__destroy(c->skel);
	free(c);
}

/*
 * A process at a gate may still be on its way to sleep there. Only a task that is not running has
 * an exact on-CPU counter, so give it a moment.
 */
static void wait_asleep(pid_t tgid)
{
	const struct timespec moment = {.tv_nsec = 50000};
	char path[64], line[512], *state;
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tgid);
	for (tries = 0; tries < 2000; tries++) {
		scoped_file FILE *f = fopen(path, "re");

		if (!f || !fgets(line, sizeof(line), f))
			return;
		state = strrchr(line, ')');
		if (!state || state[1] != ' ' || state[2] == 'S')
			return;
		nanosleep(&moment, NULL);
	}
}

/* A sleeper's stack, walked from outside. */
static int take_sleeper(void *ctx, const void *item)
{
	struct collector *c = ctx;
	const struct wg_sleeper *s = item;
	struct wg_adopt a;

	/* no memory to read: it has gone, or has no stack; then its wait goes without */
	if (!paths_adopt(c->paths, s, &a) &&
	    bpf_map_update_elem(bpf_map__fd(c->skel->maps.adopt), &s->tid, &a, BPF_ANY))
		return -errno;
	return 0;
}

/* Find where those that sleep already have gone to sleep. */
static int track_sleepers(struct collector *c)
{
	int fd = bpf_map__fd(c->skel->maps.adopt), err;
	uint32_t tid;

	err = iterate_items(c->track, sizeof(struct wg_sleeper), c->paths ? take_sleeper : NULL, c);
	c->skel->bss->wg_track_tgid = 0;
	c->skel->bss->wg_track_adopt = true;
	if (!err)
		err = run_track(c);
	c->skel->bss->wg_track_adopt = false;
	while (!bpf_map_get_next_key(fd, NULL, &tid))
		bpf_map_delete_elem(fd, &tid);
	return err;
}

/* From the thread of paths. Nobody is being tracked anew meanwhile. */
static void on_half_walked(void *ctx, uint32_t tgid)
{
	struct collector *c = ctx;

	pthread_mutex_lock(&c->track_lock);
	c->skel->bss->wg_track_wait_exec = false;
	c->skel->bss->wg_track_known = true;
	c->skel->bss->wg_track_tgid = tgid;
	track_sleepers(c); /* failing, their waits keep the half they have */
	c->skel->bss->wg_track_tgid = 0;
	c->skel->bss->wg_track_known = false;
	pthread_mutex_unlock(&c->track_lock);
}

#define TRACK_ROUNDS 8 /* nearly always two do: the second finds nothing new */

/*
 * Track all threads of a process that runs. First each gets a ledger; from then on, any event of its
 * own begins that. When all programs are over that did not find it, those that have not moved are begun
 * from here, and where they sleep is looked up. That goes on until a round finds no new thread, and
 * none that moved just then.
 */
static int track_running(struct collector *c, uint32_t tgid)
{
	const struct timespec moment = {.tv_nsec = 100000};
	int err = 0, round;

	for (round = 0; !err && round < TRACK_ROUNDS; round++) {
		c->skel->bss->wg_track_unsure = 0;
		c->skel->bss->wg_track_tgid = tgid;
		if (round)
			nanosleep(&moment, NULL);
		err = run_track(c);
		if (err || (round && !c->skel->bss->wg_track_unsure && !c->unsure))
			break;
		if (c->skel->bss->wg_track_unsure)
			wait_for_programs();
		c->skel->bss->wg_track_unsure = 0;
		c->skel->bss->wg_track_begin = true;
		err = track_sleepers(c);
		c->skel->bss->wg_track_begin = false;
		c->unsure = c->skel->bss->wg_track_unsure;
	}
	c->skel->bss->wg_track_tgid = 0;
	return err;
}

/* It has ended; or it is there, and the kernel keeps it from all tracing, as some do with process 1. */
static int say_untracked(struct err *e, pid_t tgid)
{
	scoped_file FILE *f = NULL;
	char path[64], name[64] = "?";

	if (kill(tgid, 0) && errno == ESRCH)
		return err_set(e, -ESRCH, "cannot track process %d: no such process", (int)tgid);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tgid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	return err_set(e, -EPERM,
		       "cannot track process %d (%s): it runs, but this kernel shows none of its "
		       "threads to BPF programs; try another",
		       (int)tgid, name);
}

int collector_track(struct collector *c, pid_t tgid, bool wait_exec, struct err *e)
{
	bool found;
	int err;

	if (wait_exec)
		wait_asleep(tgid);
	if (c->paths)
		paths_track(c->paths, (uint32_t)tgid);
	pthread_mutex_lock(&c->track_lock);
	c->skel->bss->wg_track_wait_exec = wait_exec;
	c->skel->bss->wg_track_tgid = (u32)tgid;
	c->skel->bss->wg_track_cnt = 0;
	err = wait_exec ? run_track(c) : track_running(c, (uint32_t)tgid);
	c->skel->bss->wg_track_tgid = 0;
	/* not by how many are tracked in all: others may end meanwhile */
	found = c->skel->bss->wg_track_cnt;
	pthread_mutex_unlock(&c->track_lock);
	if (err)
		return err_sys(e, err, "cannot begin to track process %d", (int)tgid);
	return found ? 0 : say_untracked(e, tgid);
}

void collector_preload(struct collector *c, const char *path)
{
	if (c->paths)
		paths_preload(c->paths, path);
}

int collector_mark_lanes(struct collector *c, const struct lane_mark *marks, size_t cnt,
			 struct err *e)
{
	int fd = bpf_map__fd(c->skel->maps.lanes), err = 0;
	size_t i;

	for (i = 0; i < cnt && !err; i++)
		if (bpf_map_update_elem(fd, &marks[i].tid, &marks[i].lane, BPF_ANY))
			err = -errno;
	pthread_mutex_lock(&c->track_lock);
	c->skel->bss->wg_track_lanes = true;
	if (!err)
		err = run_track(c);
	c->skel->bss->wg_track_lanes = false;
	pthread_mutex_unlock(&c->track_lock);
	for (i = 0; i < cnt; i++)
		bpf_map_delete_elem(fd, &marks[i].tid);
	return err ? err_sys(e, err, "cannot mark %zu lanes", cnt) : 0;
}

void collector_window_begin(struct collector *c)
{
	if (!c->paths)
		return;
	if (!++c->window)
		c->window = 1;
	paths_window_begin(c->paths, c->window);
	__atomic_store_n(&c->skel->bss->wg_window, c->window, __ATOMIC_RELEASE);
}

static int snapshot_marking(struct collector *c, bool *mark, struct rows *out, struct err *e)
{
	int err;

	*mark = c->paths != NULL;
	err = collector_snapshot(c, out, e);
	*mark = false;
	return err;
}

int collector_window_open(struct collector *c, struct rows *out, struct err *e)
{
	collector_window_begin(c);
	return snapshot_marking(c, &c->skel->bss->wg_snapshot_opens, out, e);
}

int collector_window_close(struct collector *c, struct rows *out, struct err *e)
{
	int err = snapshot_marking(c, &c->skel->bss->wg_snapshot_closes, out, e);

	__atomic_store_n(&c->skel->bss->wg_window, 0, __ATOMIC_RELEASE);
	return err;
}

/* The wait that is still open in a row, from its row at the window's beginning on, if it had one. */
static int add_open_wait(const struct collector *c, const struct wg_row *row,
			 const struct wg_row *before, struct profile *out)
{
	struct wg_site_key key = {.stack = row->site_stack,
				  .object = row->site_object,
				  .tgid = row->tgid,
				  .window = c->window,
				  .flags = (uint16_t)row->site_flags,
				  .state = (uint8_t)row->state,
				  .lane = (uint8_t)row->lane};
	uint64_t inside = before ? row->sched_ns - before->sched_ns : UINT64_MAX;
	struct wg_site sum = {.cnt = 1};
	int i = 0;

	if (row->state < WG_FUTEX || row->state > WG_OTHER)
		return 0;
	if (c->skel->rodata->wg_path) {
		key.task = (uint32_t)row->id;
		key.flags |= WG_SITE_KEPT;
	}
	sum.total_ns = sum.max_ns = row->open_ns < inside ? row->open_ns : inside;
	while (i < WG_HIST_CNT - 1 && sum.total_ns >> (i + 8))
		i++;
	sum.hist[i] = 1;
	return profile_add_wait(out, &key, &sum);
}

/* Both ordered by id. */
static int add_open_waits(const struct collector *c, const struct rows *before,
			  const struct rows *after, struct profile *out)
{
	size_t i, b = 0;
	int err = 0;

	for (i = 0; i < after->cnt && !err; i++) {
		while (b < before->cnt && before->row[b].id < after->row[i].id)
			b++;
		err = add_open_wait(c, &after->row[i],
				    b < before->cnt && before->row[b].id == after->row[i].id
					    ? &before->row[b]
					    : NULL,
				    out);
	}
	return err;
}

int collector_window_end(struct collector *c, const struct rows *before, const struct rows *after,
			 struct profile *out, struct err *e)
{
	int err;

	profile_clear(out);
	if (!c->paths)
		return 0;
	err = paths_window_end(c->paths, out);
	if (!err)
		err = add_open_waits(c, before, after, out);
	profile_settle(out);
	return err ? err_sys(e, err, "cannot read the window's call paths") : 0;
}

const struct spaces *collector_names_begin(struct collector *c, struct stacks **stacks)
{
	return c->paths ? paths_lock(c->paths, stacks) : NULL;
}

void collector_names_end(struct collector *c)
{
	if (c->paths)
		paths_unlock(c->paths);
}

int collector_freq(const struct collector *c)
{
	return c->freq_hz;
}

int collector_snapshot(struct collector *c, struct rows *out, struct err *e)
{
	int err;

	out->cnt = 0;
	err = iterate_items(c->snapshot, sizeof(struct wg_row), take_row, out);
	if (err)
		return err_sys(e, err, "cannot read the tasks' ledgers");
	rows_sort(out);
	return 0;
}

struct sending {
	int sig;
	long cnt;
};

static int send_to(void *ctx, const void *item)
{
	const struct wg_row *row = item;
	struct sending *s = ctx;

	s->cnt++;
	if (s->sig && (row->tid == row->tgid || s->sig == SIGKILL))
		kill((pid_t)row->tgid, s->sig);
	return 0;
}

long collector_signal(struct collector *c, int sig)
{
	struct sending s = {.sig = sig};
	int err = iterate_items(c->snapshot, sizeof(struct wg_row), send_to, &s);

	return err ? err : s.cnt;
}

int collector_drain(struct collector *c, struct rows *out)
{
	return gone_take(c->gone, out);
}

long collector_live(const struct collector *c)
{
	return __atomic_load_n(&c->skel->bss->wg_live_cnt, __ATOMIC_RELAXED);
}

uint64_t collector_generation(const struct collector *c)
{
	uint64_t born = __atomic_load_n(&c->skel->bss->wg_last_id, __ATOMIC_RELAXED);

	return 2 * born - (uint64_t)collector_live(c); /* born + ended */
}

uint64_t collector_exec_ns(const struct collector *c)
{
	return __atomic_load_n(&c->skel->bss->wg_exec_ns, __ATOMIC_RELAXED);
}

void collector_cost(const struct collector *c, struct cost *cost)
{
	struct timespec own;
	size_t i;

	*cost = (struct cost){.own_cpu_ns = UINT64_MAX};
	if (!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own))
		cost->own_cpu_ns = (uint64_t)own.tv_sec * NSEC_PER_SEC + (uint64_t)own.tv_nsec;
	for (i = 0; i < ARRAY_SIZE(c->skel->bss->wg_cpu); i++) {
		cost->bpf_ns += c->skel->bss->wg_cpu[i].total_ns;
		cost->event_cnt += c->skel->bss->wg_cpu[i].event_cnt;
	}
}

bool collector_counts(const struct collector *c, enum wg_count what)
{
	if (what == WG_N_TLB_REMOTE || what == WG_N_TLB_LOCAL)
		return c->caps[FEAT_TLB].have;
	return what != WG_N_IPI_SENT || c->caps[FEAT_IPI].have;
}

void collector_dispatch(const struct collector *c, uint64_t *dispatch_ns, uint64_t *fault_event_ns)
{
	*dispatch_ns = c->dispatch_ns;
	*fault_event_ns = c->fault_event_ns;
}

const char *collector_fault_end(const struct collector *c)
{
	return use_fexit(c) ? "fexit" : "perf";
}

uint64_t collector_repairs(const struct collector *c)
{
	return __atomic_load_n(&c->skel->bss->wg_repair_cnt, __ATOMIC_RELAXED);
}

const char *collector_library_version(void)
{
	static char version[32];

	snprintf(version, sizeof(version), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	return version;
}

/*
 * These run with interrupts on, and what an interrupt on top of them does is not the task's: a flush
 * that another CPU has asked for, a wakeup that sends one more, a spin lock that the handler waits
 * for. That it goes uncounted is right. (A lock whose end is left out so goes with the one below it,
 * whose end is what was running.) Not so where programs may be preempted, by other tasks.
 */
static bool interrupted_by_own_kind(const struct collector *c, const struct bpf_program *p)
{
	if (p == c->skel->progs.on_contention_begin || p == c->skel->progs.on_contention_end)
		return !c->preemptible;
	return p == c->skel->progs.on_tlb_flush || p == c->skel->progs.on_ipi_one ||
	       p == c->skel->progs.on_ipi_many;
}

/*
 * Runs that the kernel left out because the same program was already running on that CPU. Which
 * programs, into what.
 *
 * Since Linux 7.0 (a46023d5616e, f7d327654b88) a tracepoint leaves preemption on, so on a preemptible
 * kernel a task may lose the CPU inside one of our programs, and until it has it back all others there
 * pass by that program. No program can help it: the kernel looks before it begins. Most tracepoints
 * come with interrupts off or under a spin lock; not so fork, exec, exit and contended locks. Of these
 * tasks end together, many a CPU: threads that one barrier lets go. What on_exit does for them is in
 * task.bpf.c; left out, the peak of page tables may miss what grew since the last fault or sample.
 */
static uint64_t recursion_misses(const struct collector *c, char *what, size_t sz)
{
	struct bpf_program *p;
	uint64_t sum = 0;
	size_t len;

	snprintf(what, sz, "runs of our programs that the kernel left out");
	bpf_object__for_each_program(p, c->skel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t info_len = sizeof(info);
		int fd = bpf_program__fd(p);

		if (interrupted_by_own_kind(c, p) || fd < 0 ||
		    bpf_obj_get_info_by_fd(fd, &info, &info_len) || !info.recursion_misses)
			continue;
		len = strlen(what);
		snprintf(what + len, sz - len, "%s%s %llu", sum ? ", " : ": ", bpf_program__name(p),
			 (unsigned long long)info.recursion_misses);
		sum += info.recursion_misses;
	}
	return sum;
}

static const struct {
	const char *name, *what;
} loss_table[WG_LOSS_CNT] = {
	[WG_LOSS_STORAGE] = {"ledgers", "forked tasks that got no ledger: not in any figure"},
	[WG_LOSS_EXIT_ROW] = {"exit rows", "tasks that ended and whose row found no room"},
	[WG_LOSS_KLOCK_DEPTH] = {"lock depth", "kernel locks nested deeper than followed"},
	[WG_LOSS_WAKEUP] = {"wakeups", "waits whose end was not seen: their run-queue time is "
				       "in the wait"},
	[WG_LOSS_CLOCK_BACK] = {"clock steps", "intervals that ended before they began, taken as "
					       "empty"},
	[WG_LOSS_STACK] = {"stacks", "call paths that found no room: their time is without a path"},
	[WG_LOSS_SITE] = {"sites", "waits and faults that found no room: not in any site"},
	[WG_LOSS_STREAM] = {"stream", "samples and wakeups that found no room: not in any site"},
};

static int paths_add_losses(const struct collector *c, struct recording *r)
{
	struct paths_losses lost;
	struct spaces_stats stats;
	int err;

	paths_losses(c->paths, &lost, &stats);
	err = recording_add_loss(r, "path memory", "samples and stacks that found no memory here",
				 lost.memory);
	if (!err)
		err = recording_add_loss(r, "mapping news",
					 "news of mappings that the kernel had no room for",
					 lost.maps_lost);
	if (!err)
		err = recording_add_loss(r, "mappings",
					 "mappings or unwind tables that found no room",
					 stats.full_cnt);
	if (!err)
		err = recording_add_loss(r, "unread processes",
					 "processes gone before their mappings were read",
					 stats.unread_cnt);
	if (!err)
		err = recording_add_loss(r, "descriptors",
					 "mappings without unwind tables and names: too few open "
					 "files are allowed (ulimit -Hn)",
					 stats.closed_cnt);
	return err;
}

static const struct {
	const char *name, *what;
} file_loss_table[BUDGET_REASON_CNT] = {
	[BUDGET_FILE_MEMORY] = {"file memory",
				"files without an unwind table or names: they take more "
				"memory than one file may"},
	[BUDGET_FILE_TIME] = {"file time", "files without an unwind table or names: they take more "
					   "time than one file may"},
	[BUDGET_FILE_LENGTH] = {"file length", "files of JIT code too long to be read whole"},
	[BUDGET_ALL_MEMORY] = {"memory for files", "files without an unwind table or names: others "
						   "take the memory for all"},
	[BUDGET_ALL_TIME] = {"time for files",
			     "files without an unwind table or names: others took "
			     "the time for all"},
	/* joins the loss of that name */
	[BUDGET_DESCRIPTORS] = {"descriptors", "files without names: too few open files are "
					       "allowed (ulimit -Hn)"},
};

/* Of files that are not ours; the first of each kind is named. */
static int add_file_losses(struct recording *r)
{
	struct budget_stops stops;
	char what[512];
	int i, err = 0;

	budget_stops(&stops);
	for (i = BUDGET_NONE + 1; i < BUDGET_REASON_CNT && !err; i++) {
		snprintf(what, sizeof(what), "%s%s%s", file_loss_table[i].what,
			 stops.first[i][0] ? "; first " : "", stops.first[i]);
		err = recording_add_loss(r, file_loss_table[i].name, what, stops.cnt[i]);
	}
	return err;
}

int collector_losses(const struct collector *c, struct recording *r)
{
	char what[256];
	uint64_t missed = recursion_misses(c, what, sizeof(what));
	int i, err = 0;

	for (i = 0; i < WG_LOSS_CNT && !err; i++)
		err = recording_add_loss(r, loss_table[i].name, loss_table[i].what,
					 c->skel->bss->wg_loss_cnt[i]);
	if (!err)
		err = recording_add_loss(r, "missed runs", what, missed);
	if (!err)
		err = recording_add_loss(r, "drained rows", "rows that found no memory here",
					 gone_lost(c->gone));
	if (!err && c->paths)
		err = paths_add_losses(c, r);
	return err ? err : add_file_losses(r);
}
