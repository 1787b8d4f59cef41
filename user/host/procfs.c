// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* CPU time of the machine and memory of one process, from /proc; see host.h. */
#include "host/host.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "host/file.h"
#include "host/parse.h"

/* Long enough for a status file with a thousand supplementary groups before VmPTE. */
#define PROC_TEXT_SZ 32768

/* The text of /proc/TGID/name. Returns 0, -ESRCH when the process is gone, or -errno. */
static int read_proc(uint32_t tgid, const char *name, char *buf, size_t sz)
{
	char path[64];
	long ret;

	snprintf(path, sizeof(path), "/proc/%u/%s", tgid, name);
	ret = file_read(path, buf, sz);
	if (ret == -ENOENT || !ret)
		return -ESRCH;
	return ret < 0 ? (int)ret : 0;
}

/* A process without memory (a zombie, a kernel thread) counts as gone. */
static int gone_if_missing(int ret)
{
	return ret == -ENOENT ? -ESRCH : ret;
}

int host_cpu_times(uint64_t *busy_ns, uint64_t *idle_ns, uint64_t *steal_ns)
{
	char text[512]; /* the first line is all we want */
	long hz = sysconf(_SC_CLK_TCK);
	long ret = file_read("/proc/stat", text, sizeof(text));

	if (ret < 0)
		return (int)ret;
	return parse_cpu_times(text, hz > 0 ? (uint64_t)hz : 100, busy_ns, idle_ns, steal_ns);
}

int host_rss(uint32_t tgid, uint64_t *rss_bytes)
{
	char text[256];
	int ret = read_proc(tgid, "statm", text, sizeof(text));

	if (ret)
		return ret;
	return gone_if_missing(parse_statm(text, (uint64_t)sysconf(_SC_PAGESIZE), rss_bytes));
}

int host_pss(uint32_t tgid, uint64_t *pss_bytes)
{
	char text[4096];
	int ret = read_proc(tgid, "smaps_rollup", text, sizeof(text));

	if (ret)
		return ret;
	return gone_if_missing(parse_kb(text, "Pss", pss_bytes));
}

/* Since 4.15 VmPTE is mm_pgtables_bytes(): every level, not the lowest alone. */
int host_pgtables(uint32_t tgid, uint64_t *bytes)
{
	char text[PROC_TEXT_SZ];
	int ret = read_proc(tgid, "status", text, sizeof(text));

	if (ret)
		return ret;
	return gone_if_missing(parse_kb(text, "VmPTE", bytes));
}

int host_own_rss_peak(uint64_t *bytes)
{
	char text[PROC_TEXT_SZ];
	int ret = read_proc((uint32_t)getpid(), "status", text, sizeof(text));

	return ret ? ret : parse_kb(text, "VmHWM", bytes);
}

uint64_t host_own_start_ns(void)
{
	scoped_file FILE *f = fopen("/proc/self/stat", "re");
	struct timespec mono, boot;
	unsigned long long ticks;
	char line[1024], *p;
	int64_t asleep;

	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	p = strrchr(line, ')');
	/* starttime: field 22, the 20th after the name */
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %llu",
			 &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	asleep = (boot.tv_sec - mono.tv_sec) * (int64_t)NSEC_PER_SEC + boot.tv_nsec - mono.tv_nsec;
	return ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)) - (uint64_t)asleep;
}
