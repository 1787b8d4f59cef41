// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Regions of an address space; see regions.h. */
#include "collect/regions.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define TASK_MAX 64 /* whose stacks are looked for */

static void name_region(struct region *r, const char *path, bool file)
{
	const char *base = strrchr(path, '/');

	if (r->shared)
		path = "[shared]";
	else if (file)
		path = base ? base + 1 : path;
	else if (strcmp(path, "[heap]") != 0 && strcmp(path, "[stack]") != 0)
		path = "[anon]";
	snprintf(r->name, sizeof(r->name), "%.63s", path);
}

/* glibc puts one page without access below each thread's stack. */
static bool is_guard(const struct region *r, const char *perms)
{
	return !strncmp(perms, "---", 3) && r->end - r->start == 4096;
}

static int add_line(struct regions *r, char *line, bool *guard)
{
	unsigned long long start, end, ino;
	struct region *to;
	char perms[5];
	int path_at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %4s %*x %*x:%*x %llu %n", &start, &end, perms, &ino, &path_at) <
	    4)
		return 0;
	if (array_grow((void **)&r->region, &r->cap, r->cnt, sizeof(*to)))
		return -ENOMEM;
	to = &r->region[r->cnt++];
	*to = (struct region){.start = start, .end = end, .shared = perms[3] == 's'};
	name_region(to, path_at ? line + path_at : "", ino != 0);
	if (*guard && r->cnt > 1 && to[-1].end == to->start && !strcmp(to->name, "[anon]"))
		snprintf(to->name, sizeof(to->name), "[stack]");
	*guard = is_guard(to, perms);
	return 0;
}

static struct region *find(const struct regions *r, uint64_t addr)
{
	size_t lo = 0, hi = r->cnt, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (r->region[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->cnt && r->region[lo].start <= addr ? &r->region[lo] : NULL;
}

/* The stack pointer of a sleeping thread: the last but one word of /proc/PID/task/TID/syscall. */
static uint64_t stack_pointer(uint32_t tgid, const char *tid)
{
	char path[320], line[256], *at;
	scoped_file FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%u/task/%s/syscall", tgid, tid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	at = strrchr(line, ' ');
	if (!at)
		return 0;
	*at = '\0';
	at = strrchr(line, ' ');
	return at ? strtoull(at + 1, NULL, 16) : 0;
}

static void mark_stacks(struct regions *r, uint32_t tgid)
{
	struct dirent *d;
	struct region *at;
	char path[64];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", tgid);
	dir = opendir(path);
	while (dir && n < TASK_MAX && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		n++;
		at = find(r, stack_pointer(tgid, d->d_name));
		if (at && !strcmp(at->name, "[anon]"))
			snprintf(at->name, sizeof(at->name), "[stack]");
	}
	if (dir)
		closedir(dir);
}

int regions_read(struct regions *r, uint32_t tgid)
{
	char path[64], *line = NULL;
	scoped_file FILE *f = NULL;
	size_t cap = 0;
	bool guard = false;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	while (!err && getline(&line, &cap, f) > 0)
		err = add_line(r, line, &guard);
	free(line);
	if (!err && !r->cnt)
		err = -ESRCH;
	if (!err)
		mark_stacks(r, tgid);
	return err;
}

void regions_clear(struct regions *r)
{
	free(r->region);
	*r = (struct regions){0};
}

#define STACK_GROWTH (8 << 20) /* the usual limit of the main thread's stack */

const struct region *regions_find(const struct regions *r, uint64_t addr)
{
	const struct region *at = find(r, addr);
	size_t i;

	/* it may have grown since we looked: down, into nothing */
	for (i = 0; i < r->cnt && !at; i++)
		if (r->region[i].start > addr && r->region[i].start - addr < STACK_GROWTH &&
		    (!i || r->region[i - 1].end <= addr) && !strcmp(r->region[i].name, "[stack]"))
			at = &r->region[i];
	return at;
}
