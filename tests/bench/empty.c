/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Load and attach the empty programs, say "ready" and how fault ends are hooked, and keep them
 * until stdin ends.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "empty.skel.h"

#define SAMPLE_HZ 499 /* as wallgap by default */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* One event per CPU, each with the program on it. Links live as long as the process. */
static int attach_event(struct bpf_program *prog, struct perf_event_attr *attr)
{
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		int fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno == ENODEV)
			continue; /* not online */
		if (fd < 0)
			return -errno;
		if (!bpf_program__attach_perf_event(prog, fd))
			return -errno;
	}
	return 0;
}

static int attach_software(struct bpf_program *prog, __u64 config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = config,
		.sample_period = 1,
	};

	return attach_event(prog, &attr);
}

static int attach_sampler(struct bpf_program *prog)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = SAMPLE_HZ,
		.freq = 1,
	};

	return attach_event(prog, &attr);
}

static int attach(struct empty_bpf *skel, bool fexit)
{
	int err = empty_bpf__attach(skel);

	if (!err && !fexit) {
		err = attach_software(skel->progs.on_fault_minor, PERF_COUNT_SW_PAGE_FAULTS_MIN);
		if (!err)
			err = attach_software(skel->progs.on_fault_major,
					      PERF_COUNT_SW_PAGE_FAULTS_MAJ);
	}
	return err ? err : attach_sampler(skel->progs.on_sample);
}

static struct empty_bpf *load(bool fexit)
{
	struct empty_bpf *skel = empty_bpf__open();

	if (!skel)
		return NULL;
	bpf_program__set_autoload(skel->progs.on_fault_exit, fexit);
	bpf_program__set_autoload(skel->progs.on_fault_minor, !fexit);
	bpf_program__set_autoload(skel->progs.on_fault_major, !fexit);
	if (!empty_bpf__load(skel) && !attach(skel, fexit))
		return skel;
	empty_bpf__destroy(skel);
	return NULL;
}

int main(void)
{
	struct empty_bpf *skel;
	bool fexit = true;

	libbpf_set_print(quiet);
	skel = load(fexit);
	if (!skel) {
		fexit = false;
		skel = load(fexit);
	}
	if (!skel) {
		fprintf(stderr, "empty: cannot load or attach the programs\n");
		return 1;
	}
	printf("ready %s\n", fexit ? "fexit" : "perf");
	fflush(stdout);
	while (getchar() != EOF)
		;
	empty_bpf__destroy(skel);
	return 0;
}
