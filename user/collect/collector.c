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
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "collect/caps.h"

typedef __u64 u64;
typedef __u32 u32;
#include "wallgap.skel.h"

struct collector {
	struct wallgap_bpf *skel;
	struct cap_result caps[CAP_CNT];
	struct bpf_link **perf_links; /* per event and CPU */
	size_t perf_cnt, perf_cap;
	struct bpf_link *snapshot, *track;
	struct ring_buffer *ring;
	struct rows *drain_to; /* where the ring's callback appends */
	uint64_t drain_lost;   /* rows that found no memory */
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
	return err_set(e, err, "%s: %s (%s); `wallgap doctor` tells what this kernel allows", what,
		       strerror(-err), libbpf_said);
}

static void choose_programs(struct collector *c)
{
	struct wallgap_bpf *s = c->skel;
	bool fexit = c->caps[CAP_FEXIT].have, contention = c->caps[CAP_CONTENTION].have;

	s->rodata->wg_switch_has_state = c->caps[CAP_SWITCH_STATE].have;
	bpf_program__set_autoload(s->progs.on_fault_exit, fexit);
	bpf_program__set_autoload(s->progs.on_fault_minor, !fexit);
	bpf_program__set_autoload(s->progs.on_fault_major, !fexit);
	bpf_program__set_autoload(s->progs.on_contention_begin, contention);
	bpf_program__set_autoload(s->progs.on_contention_end, contention);
	/* attached by hand: per CPU, or when read */
	bpf_program__set_autoattach(s->progs.on_fault_minor, false);
	bpf_program__set_autoattach(s->progs.on_fault_major, false);
	bpf_program__set_autoattach(s->progs.on_sample, false);
	bpf_program__set_autoattach(s->progs.on_snapshot, false);
	bpf_program__set_autoattach(s->progs.on_track, false);
}

static int attach_perf_on(struct collector *c, struct bpf_program *prog,
			  struct perf_event_attr *attr, int cpu)
{
	struct bpf_link *link;
	int fd, err;

	err = array_grow((void **)&c->perf_links, &c->perf_cap, c->perf_cnt, sizeof(link));
	if (err)
		return err;
	fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return errno == ENODEV || errno == ENXIO ? 0 : -errno; /* that CPU is off line */
	link = bpf_program__attach_perf_event(prog, fd);
	if (!link) {
		err = -errno;
		close(fd);
		return err;
	}
	c->perf_links[c->perf_cnt++] = link;
	return 0;
}

static int attach_perf(struct collector *c, struct bpf_program *prog, struct perf_event_attr *attr)
{
	int cpu, err, cnt = libbpf_num_possible_cpus();

	if (cnt < 0)
		return cnt;
	for (cpu = 0; cpu < cnt; cpu++) {
		err = attach_perf_on(c, prog, attr, cpu);
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

	if (c->caps[CAP_FEXIT].have)
		return 0;
	attr.config = PERF_COUNT_SW_PAGE_FAULTS_MIN;
	err = attach_perf(c, c->skel->progs.on_fault_minor, &attr);
	if (err)
		return err;
	attr.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
	return attach_perf(c, c->skel->progs.on_fault_major, &attr);
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

	return freq_hz > 0 ? attach_perf(c, c->skel->progs.on_sample, &attr) : 0;
}

static int on_gone(void *ctx, void *data, size_t sz)
{
	struct collector *c = ctx;
	struct rows *to = c->drain_to;

	if (!to || sz < sizeof(struct wg_row) ||
	    array_grow((void **)&to->row, &to->cap, to->cnt, sizeof(*to->row))) {
		c->drain_lost++;
		return 0;
	}
	memcpy(&to->row[to->cnt++], data, sizeof(*to->row));
	return 0;
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
	c->ring = ring_buffer__new(bpf_map__fd(s->maps.gone), on_gone, c, NULL);
	return c->ring ? 0 : fail(e, -errno, "cannot map the ring buffer");
}

/*
 * Run an iterator to its end; what it writes goes to out if there is one. A row is never split:
 * the kernel writes whole rows to its buffer, but a read may end inside one.
 */
static int iterate(struct bpf_link *link, struct rows *out)
{
	char buf[64 * sizeof(struct wg_row)];
	scoped_fd int fd = bpf_iter_create(bpf_link__fd(link));
	size_t have = 0, used;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + have, sizeof(buf) - have)) != 0) {
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		for (used = 0; out && have - used >= sizeof(struct wg_row);
		     used += sizeof(struct wg_row)) {
			if (array_grow((void **)&out->row, &out->cap, out->cnt, sizeof(*out->row)))
				return -ENOMEM;
			memcpy(&out->row[out->cnt++], buf + used, sizeof(*out->row));
		}
		memmove(buf, buf + used, have - used);
		have -= used;
	}
	return have ? -EIO : 0;
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
			err = iterate(c->track, NULL);
		}
	}
	sched_setaffinity(0, sizeof(all), &all);
	return err;
}

int collector_open(struct collector **out, const struct collector_opts *opts, struct err *e)
{
	struct collector *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return err_sys(e, -ENOMEM, "collector");
	libbpf_set_print(keep_warning);
	caps_probe(c->caps);
	err = caps_check(c->caps, e);
	if (err)
		goto out;
	c->skel = wallgap_bpf__open();
	if (!c->skel) {
		err = fail(e, -errno, "cannot open the BPF object");
		goto out;
	}
	choose_programs(c);
	err = wallgap_bpf__load(c->skel);
	if (err) {
		fail(e, err, "cannot load the BPF programs");
		goto out;
	}
	err = attach_all(c, opts, e);
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
	ring_buffer__free(c->ring);
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

int collector_track(struct collector *c, pid_t tgid, bool wait_exec, struct err *e)
{
	long before = collector_live(c);
	int err;

	if (wait_exec)
		wait_asleep(tgid);
	c->skel->bss->wg_track_wait_exec = wait_exec;
	c->skel->bss->wg_track_tgid = (u32)tgid;
	err = iterate(c->track, NULL);
	c->skel->bss->wg_track_tgid = 0;
	if (err)
		return err_sys(e, err, "cannot begin to track process %d", (int)tgid);
	if (collector_live(c) == before)
		return err_set(e, -ESRCH, "cannot track process %d: no such process", (int)tgid);
	return 0;
}

int collector_snapshot(struct collector *c, struct rows *out, struct err *e)
{
	int err;

	out->cnt = 0;
	err = iterate(c->snapshot, out);
	if (err)
		return err_sys(e, err, "cannot read the tasks' ledgers");
	rows_sort(out);
	return 0;
}

int collector_drain(struct collector *c, struct rows *out)
{
	int err;

	c->drain_to = out;
	err = ring_buffer__consume(c->ring);
	c->drain_to = NULL;
	return err < 0 ? err : 0;
}

int collector_fd(const struct collector *c)
{
	return ring_buffer__epoll_fd(c->ring);
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
	size_t i;

	*cost = (struct cost){0};
	for (i = 0; i < ARRAY_SIZE(c->skel->bss->wg_cpu); i++) {
		cost->bpf_ns += c->skel->bss->wg_cpu[i].total_ns;
		cost->event_cnt += c->skel->bss->wg_cpu[i].event_cnt;
	}
}

const char *collector_fault_end(const struct collector *c)
{
	return c->caps[CAP_FEXIT].have ? "fexit" : "perf";
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

/* Runs that the kernel left out because the same program was already running on that CPU. */
static uint64_t recursion_misses(const struct collector *c)
{
	struct bpf_program *p;
	uint64_t sum = 0;

	bpf_object__for_each_program(p, c->skel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
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
};

int collector_losses(const struct collector *c, struct recording *r)
{
	int i, err = 0;

	for (i = 0; i < WG_LOSS_CNT && !err; i++)
		err = recording_add_loss(r, loss_table[i].name, loss_table[i].what,
					 c->skel->bss->wg_loss_cnt[i]);
	if (!err)
		err = recording_add_loss(r, "missed runs",
					 "runs of our programs that the kernel left out",
					 recursion_misses(c));
	if (!err)
		err = recording_add_loss(r, "drained rows", "rows that found no memory here",
					 c->drain_lost);
	return err;
}
