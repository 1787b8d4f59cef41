// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Files that somebody else has made, mapped and run: all of a folder, in the order of their names.
 *
 *   mapfiles FOLDER OFFSET MS [PERF_MAP [JITDUMP]]
 *
 * Each has at OFFSET the function below, which runs for MS milliseconds; a file that is too short for it,
 * or has something else there, is mapped and no more. PERF_MAP is moved to where this process's perf map
 * is, JITDUMP (jit-*.dump) is mapped as those are; the function then runs in memory of no file, too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define JIT_AT ((void *)0x7e0000000000) /* where PERF_MAP may name it */

/* void spin(uint64_t n): dec %rdi; jnz spin; ret */
static const uint8_t spin[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void run(const uint8_t *code, uint64_t ms)
{
	void (*f)(uint64_t n);
	uint64_t end = now_ms() + ms;

	memcpy(&f, &code, sizeof(f));
	while (now_ms() < end)
		f(100000);
}

/* The file stays mapped. */
static void run_file(const char *path, uint64_t off, uint64_t ms)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t from = off / PAGE * PAGE;
	struct stat st;
	uint8_t *map;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, (off_t)from);
	close(fd);
	if (map != MAP_FAILED && (uint64_t)st.st_size >= off + sizeof(spin) &&
	    !memcmp(map + (off - from), spin, sizeof(spin)))
		run(map + (off - from), ms);
}

static int is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void run_jit(const char *perf_map, const char *jitdump, uint64_t ms)
{
	void *code = mmap(JIT_AT, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	if (code == MAP_FAILED || (perf_map[0] && rename(perf_map, path))) {
		perror("mapfiles: jit");
		exit(1);
	}
	fd = jitdump ? open(jitdump, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	memcpy(code, spin, sizeof(spin));
	run(code, ms);
}

int main(int argc, char **argv)
{
	struct dirent **entry;
	char path[4096];
	uint64_t off, ms;
	int cnt;

	if (argc < 4 || (cnt = scandir(argv[1], &entry, is_shown, alphasort)) < 0) {
		fprintf(stderr, "usage: mapfiles FOLDER OFFSET MS [PERF_MAP [JITDUMP]]\n");
		return 2;
	}
	off = strtoull(argv[2], NULL, 0);
	ms = strtoull(argv[3], NULL, 0);
	for (int i = 0; i < cnt; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry[i]->d_name);
		run_file(path, off, ms);
		free(entry[i]);
	}
	free(entry);
	if (argc > 4)
		run_jit(argv[4], argc > 5 ? argv[5] : NULL, 300);
	return 0;
}
