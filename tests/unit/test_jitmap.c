// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Perf maps and jitdumps: what is read, which entry wins, and what files are not trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/util.h"
#include "model/stats.h"
#include "symbol/jitmap.h"

static char dir[64]; /* of this run */
static int dir_fd = -1;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/wallgap-jitmap-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	close(dir_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

static struct jitmap *map_of(const char *text)
{
	struct jitmap *m;

	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_parse_perf(m, text, strlen(text)), 0);
	return m;
}

static void assert_name_at(struct jitmap *m, uint64_t addr, uint64_t when, const char *name)
{
	const char *found = jitmap_find(m, addr, when, NULL);

	if (!name) {
		assert_null(found);
		return;
	}
	if (!found)
		fail_msg("%#jx is nothing, not %s", (uintmax_t)addr, name);
	assert_string_equal(found, name);
}

static void perf_map_lines(void **state)
{
	struct jitmap *m = map_of("7f0000001000 20 LazyCompile:~foo file.js:1:2\n"
				  "0x7f0000001020 0x10 Function:*with spaces and \303\274\n"
				  "7F0000001030 A B\n");
	uint64_t start = 0;

	(void)state;
	assert_name_at(m, 0x7f0000000fff, 0, NULL);
	assert_name_at(m, 0x7f0000001000, 0, "LazyCompile:~foo file.js:1:2");
	assert_name_at(m, 0x7f000000101f, 0, "LazyCompile:~foo file.js:1:2");
	assert_name_at(m, 0x7f0000001020, 0, "Function:*with spaces and \303\274");
	assert_string_equal(jitmap_find(m, 0x7f0000001039, 5, &start), "B");
	assert_true(start == 0x7f0000001030);
	assert_name_at(m, 0x7f000000103a, 0, NULL);
	assert_int_equal(jitmap_bad_cnt(m), 0);
	assert_int_equal(jitmap_bytes(m, 0x7f0000001000, &start, 1), 0);
	jitmap_free(m);
	jitmap_free(NULL);
}

static void junk_is_counted(void **state)
{
	static const char *const junk[] = {
		"\n",
		"1000\n",
		"1000 10\n",
		"1000 10 \n",
		"xyz 10 name\n",
		"1000 xyz name\n",
		"1000 0 no size\n",
		"1000 ffffffff too large\n",
		"-1000 10 negative\n",
		"11112222333344445 10 too many digits\n",
		"ffffffff81000000 10 kernel\n",
		"fffffffffffffff0 20 wraps\n",
		"1000 10 cut off while being written",
		"0x 10 name\n",
	};
	struct jitmap *m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
		m = map_of(junk[i]);
		assert_int_equal(jitmap_bad_cnt(m), 1);
		assert_name_at(m, 0x1000, 0, NULL);
		jitmap_free(m);
	}
	/* around it the rest is read; a 0 and controls in a name are shown as what they are not */
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_parse_perf(m, "junk\n2000 8 a\0b\033[0m\n\377\n3000 8 c\n", 31), 0);
	assert_name_at(m, 0x2000, 0, "a?b?[0m");
	assert_name_at(m, 0x3000, 0, "c");
	assert_int_equal(jitmap_bad_cnt(m), 2);
	jitmap_free(m);
}

static void long_names_and_lines(void **state)
{
	enum { LEN = 70000 };
	scoped_free char *text = malloc(LEN + 64);
	struct jitmap *m;

	(void)state;
	assert_non_null(text);
	assert_int_equal(jitmap_new(&m), 0);
	/* cut to 512 bytes, and not inside of a character: each takes two */
	strcpy(text, "1000 8 x");
	for (size_t i = 8; i < 2008; i += 2)
		memcpy(text + i, "\303\274", 2);
	strcpy(text + 2008, "\n");
	assert_int_equal(jitmap_parse_perf(m, text, strlen(text)), 0);
	assert_int_equal(strlen(jitmap_find(m, 0x1000, 0, NULL)), 511);
	assert_int_equal(jitmap_bad_cnt(m), 0);
	/* no line is that long */
	memset(text, 'x', LEN);
	memcpy(text, "2000 8 ", 7);
	strcpy(text + LEN, "\n3000 8 next\n");
	assert_int_equal(jitmap_parse_perf(m, text, strlen(text)), 0);
	assert_name_at(m, 0x2000, 0, NULL);
	assert_name_at(m, 0x3000, 0, "next");
	assert_int_equal(jitmap_bad_cnt(m), 1);
	jitmap_free(m);
}

/* Entries at random, against the last one that holds the address. */
static void later_ones_win(void **state)
{
	enum { CNT = 200 };
	struct prng p = {.state = 3};

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct {
			uint64_t start, size;
		} e[CNT];
		char text[64], want[16];
		struct jitmap *m;

		assert_int_equal(jitmap_new(&m), 0);
		for (int i = 0; i < CNT; i++) {
			e[i].start = 0x1000 + prng_below(&p, 400);
			e[i].size = 1 + prng_below(&p, i % 10 ? 9 : 90);
			snprintf(text, sizeof(text), "%jx %jx f%d\n", (uintmax_t)e[i].start,
				 (uintmax_t)e[i].size, i);
			/* in several goes, as a map is that is read again */
			assert_int_equal(jitmap_parse_perf(m, text, strlen(text)), 0);
		}
		for (uint64_t at = 0xff0; at < 0x1300; at++) {
			int last = CNT - 1;

			while (last >= 0 &&
			       (at < e[last].start || at - e[last].start >= e[last].size))
				last--;
			snprintf(want, sizeof(want), "f%d", last);
			assert_name_at(m, at, 0, last < 0 ? NULL : want);
		}
		jitmap_free(m);
	}
}

/* --- jitdump --- */

struct dump {
	uint8_t data[4096];
	size_t sz;
};

static void put(struct dump *d, const void *data, size_t sz)
{
	assert_true(sz <= sizeof(d->data) - d->sz);
	if (sz)
		memcpy(d->data + d->sz, data, sz);
	d->sz += sz;
}

static void put32(struct dump *d, uint32_t v)
{
	put(d, &v, sizeof(v));
}

static void put64(struct dump *d, uint64_t v)
{
	put(d, &v, sizeof(v));
}

static void dump_begin(struct dump *d, uint64_t flags)
{
	d->sz = 0;
	put32(d, 0x4a695444);
	put32(d, 1);
	put32(d, 40);
	put32(d, EM_X86_64);
	put32(d, 0);
	put32(d, 1234);
	put64(d, 0);
	put64(d, flags);
}

static void dump_load(struct dump *d, uint64_t when, uint64_t addr, uint64_t index,
		      const char *name, const char *code)
{
	put32(d, 0);
	put32(d, (uint32_t)(56 + strlen(name) + 1 + strlen(code)));
	put64(d, when);
	put64(d, 0);
	put64(d, addr);
	put64(d, addr);
	put64(d, strlen(code));
	put64(d, index);
	put(d, name, strlen(name) + 1);
	put(d, code, strlen(code));
}

static void dump_move(struct dump *d, uint64_t when, uint64_t to, uint64_t sz, uint64_t index)
{
	put32(d, 1);
	put32(d, 64);
	put64(d, when);
	put64(d, 0);
	put64(d, to);
	put64(d, 0); /* old address */
	put64(d, to);
	put64(d, sz);
	put64(d, index);
}

static void dump_other(struct dump *d, uint32_t id, uint32_t sz)
{
	put32(d, id);
	put32(d, 16 + sz);
	put64(d, 0);
	for (uint32_t i = 0; i < sz; i++)
		put(d, "x", 1);
}

static struct jitmap *map_of_dump(const struct dump *d)
{
	uint8_t *copy = malloc(d->sz); /* of its own size, so that ASan sees its end */
	struct jitmap *m;

	assert_non_null(copy);
	memcpy(copy, d->data, d->sz);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_parse_jitdump(m, copy, d->sz), 0);
	free(copy);
	return m;
}

static void jitdump_records(void **state)
{
	struct jitmap *m;
	struct dump d;
	char buf[16];

	(void)state;
	dump_begin(&d, 0);
	dump_load(&d, 100, 0x1000, 0, "first", "12345678");
	dump_other(&d, 2, 24); /* debug info */
	dump_other(&d, 4, 3);  /* unwinding */
	dump_load(&d, 200, 0x1004, 1, "second", "abcdefgh");
	dump_move(&d, 300, 0x3000, 8, 0);
	dump_load(&d, 400, 0x1000, 2, "third", "ABCD");
	dump_other(&d, 3, 0); /* the end: what follows does not count */
	dump_load(&d, 500, 0x5000, 3, "late", "x");
	m = map_of_dump(&d);
	assert_int_equal(jitmap_bad_cnt(m), 0);
	/* the last of all */
	assert_name_at(m, 0x1000, 0, "third");
	assert_name_at(m, 0x1004, 0, "second");
	assert_name_at(m, 0x100c, 0, NULL);
	/* the last one not later */
	assert_name_at(m, 0x1000, 99, NULL);
	assert_name_at(m, 0x1000, 100, "first");
	assert_name_at(m, 0x1005, 199, "first");
	assert_name_at(m, 0x1005, 200, "second");
	assert_name_at(m, 0x1000, 399, "first");
	assert_name_at(m, 0x1000, 400, "third");
	assert_name_at(m, 0x3007, 299, NULL);
	assert_name_at(m, 0x3007, 300, "first");
	assert_name_at(m, 0x5000, 0, NULL);
	/* code, that which was moved too */
	assert_int_equal(jitmap_bytes(m, 0x1005, buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "bcdefgh", 7);
	assert_int_equal(jitmap_bytes(m, 0x1002, buf, 1), 1);
	assert_memory_equal(buf, "C", 1);
	assert_int_equal(jitmap_bytes(m, 0x3004, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "5678", 4);
	assert_int_equal(jitmap_bytes(m, 0x4000, buf, sizeof(buf)), 0);
	jitmap_free(m);
}

static void jitdump_times(void **state)
{
	struct jitmap *m;
	struct dump d;

	(void)state;
	/* threads may write a little out of order: time decides */
	dump_begin(&d, 0);
	dump_load(&d, 300, 0x1000, 5, "newer", "12");
	dump_load(&d, 200, 0x1000, 4, "older", "12");
	m = map_of_dump(&d);
	assert_name_at(m, 0x1000, 0, "newer");
	assert_name_at(m, 0x1000, 250, "older");
	jitmap_free(m);
	/* of another clock: no time chooses */
	dump_begin(&d, 1);
	dump_load(&d, 300, 0x1000, 0, "newer", "12");
	m = map_of_dump(&d);
	assert_name_at(m, 0x1000, 1, "newer");
	jitmap_free(m);
}

/* A record that ends where its name should. */
static void dump_cut_name(struct dump *d)
{
	size_t begin = d->sz;
	uint32_t sz = 56 + 4;

	dump_load(d, 1, 0x2000, 0, "name", "12");
	memcpy(d->data + begin + 4, &sz, sizeof(sz));
	d->sz = begin + sz;
}

static void jitdump_junk(void **state)
{
	struct jitmap *m;
	struct dump d, one;
	uint32_t other;

	(void)state;
	assert_int_equal(jitmap_new(&m), 0);
	dump_begin(&d, 0);
	/*
	 * header: too short; of the other byte order; a newer version; another machine; past the
	 * end
	 */
	assert_int_equal(jitmap_parse_jitdump(m, d.data, 39), -ENOEXEC);
	for (size_t field = 0; field < 4; field++) {
		static const uint32_t wrong[] = {0x4454694a, 2, 41, EM_AARCH64};

		one = d;
		memcpy(one.data + 4 * field, &wrong[field], 4);
		assert_int_equal(jitmap_parse_jitdump(m, one.data, one.sz), -ENOEXEC);
	}
	jitmap_free(m);
	/* of each record that makes no sense one is counted, and the next is read */
	for (int what = 0; what < 6; what++) {
		dump_begin(&d, 0);
		if (what == 0)
			dump_load(&d, 1, 0x2000, 0, "", "12");
		else if (what == 1)
			dump_load(&d, 1, 0x2000, 0, "no code", "");
		else if (what == 2)
			dump_move(&d, 1, 0x2000, 2, 77); /* of nothing */
		else if (what == 3)
			dump_other(&d, 0, 10);
		else if (what == 4)
			dump_cut_name(&d);
		else
			dump_other(&d, 99, 1);
		dump_load(&d, 2, 0x1000, 1, "good", "12");
		m = map_of_dump(&d);
		assert_name_at(m, 0x1000, 0, "good");
		assert_name_at(m, 0x2000, 0, NULL);
		assert_int_equal(jitmap_bad_cnt(m), 1);
		jitmap_free(m);
	}
	/* sizes that lead nowhere end it: 0, and past the end */
	for (int what = 0; what < 2; what++) {
		dump_begin(&d, 0);
		dump_load(&d, 2, 0x1000, 1, "good", "12");
		other = what ? 1000 : 0;
		put32(&d, 0);
		put32(&d, other);
		put64(&d, 0);
		m = map_of_dump(&d);
		assert_name_at(m, 0x1000, 0, "good");
		assert_int_equal(jitmap_bad_cnt(m), 1);
		jitmap_free(m);
	}
	/* more code than the record holds: the name counts */
	dump_begin(&d, 0);
	dump_load(&d, 2, 0x1000, 1, "good", "12");
	d.data[40 + 40] = 64;
	m = map_of_dump(&d);
	assert_name_at(m, 0x103f, 0, "good");
	assert_int_equal(jitmap_bytes(m, 0x1000, &other, 1), 0);
	jitmap_free(m);
}

/* --- files --- */

static void make_file(const char *name, const void *data, size_t sz)
{
	scoped_fd int fd = openat(dir_fd, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, sz), sz);
}

static int add(int root, const char *path, uid_t owner, const char *name_at_1000)
{
	struct err e = {""};
	struct jitmap *m;
	int err;

	assert_int_equal(jitmap_new(&m), 0);
	err = jitmap_add_perf(m, root, path, owner, &e);
	assert_name_at(m, 0x1000, 0, name_at_1000);
	if (err)
		assert_non_null(strstr(e.msg, path));
	else
		assert_string_equal(e.msg, "");
	jitmap_free(m);
	return err;
}

static void trusted_files(void **state)
{
	static const char text[] = "1000 10 name\n";
	char path[128];
	struct jitmap *m;
	struct dump d;

	(void)state;
	make_file("perf-1.map", text, strlen(text));
	snprintf(path, sizeof(path), "%s/perf-1.map", dir);
	assert_int_equal(add(AT_FDCWD, path, geteuid(), "name"), 0);
	assert_int_equal(add(dir_fd, "/perf-1.map", geteuid(), "name"), 0);
	/* .. of the root is the root */
	assert_int_equal(add(dir_fd, "/../../../perf-1.map", geteuid(), "name"), 0);
	assert_int_equal(add(dir_fd, path, geteuid(), NULL), -ENOENT);
	assert_int_equal(add(dir_fd, "/missing", geteuid(), NULL), -ENOENT);

	dump_begin(&d, 0);
	dump_load(&d, 2, 0x1000, 1, "good", "12");
	make_file("jit-1.dump", d.data, d.sz);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_add_jitdump(m, dir_fd, "/jit-1.dump", geteuid(), NULL), 0);
	assert_name_at(m, 0x1000, 2, "good");
	assert_int_equal(jitmap_add_jitdump(m, dir_fd, "/perf-1.map", geteuid(), NULL), -ENOEXEC);
	jitmap_free(m);
}

static void links_and_special_files_are_not_read(void **state)
{
	static const char text[] = "1000 10 name\n";
	uid_t me = geteuid();

	(void)state;
	make_file("real", text, strlen(text));
	assert_int_equal(symlinkat("real", dir_fd, "soft"), 0);
	assert_int_equal(add(dir_fd, "/soft", me, NULL), -EPERM);
	assert_int_equal(mkdirat(dir_fd, "sub", 0755), 0);
	assert_int_equal(symlinkat("sub", dir_fd, "sub-link"), 0);
	make_file("sub/real", text, strlen(text));
	assert_int_equal(add(dir_fd, "/sub/real", me, "name"), 0);
	assert_int_equal(add(dir_fd, "/sub-link/real", me, NULL), -EPERM);
	assert_int_equal(add(dir_fd, "/sub", me, NULL), -EPERM);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0644), 0);
	assert_int_equal(add(dir_fd, "/fifo", me, NULL), -EPERM); /* and it does not hang */
	assert_int_equal(add(AT_FDCWD, "/dev/null", me, NULL), -EPERM);
	assert_int_equal(add(AT_FDCWD, "/proc/self/cwd", me, NULL), -EPERM);
	assert_int_equal(add(dir_fd, "/real", me, "name"), 0);
	assert_int_equal(linkat(dir_fd, "real", dir_fd, "hard", 0), 0);
	assert_int_equal(add(dir_fd, "/hard", me, NULL), -EPERM);
	assert_int_equal(unlinkat(dir_fd, "real", 0), 0);
	assert_int_equal(add(dir_fd, "/hard", me, "name"), 0);
}

static void files_of_others_are_not_read(void **state)
{
	static const char text[] = "1000 10 name\n";

	(void)state;
	make_file("whose", text, strlen(text));
	if (geteuid() != 0) {
		assert_int_equal(add(dir_fd, "/whose", geteuid() + 1, NULL), -EPERM);
		print_message("not root: root's files and chown not tried\n");
		return;
	}
	assert_int_equal(add(dir_fd, "/whose", 1000, "name"), 0); /* root's */
	assert_int_equal(fchownat(dir_fd, "whose", 1001, 1001, 0), 0);
	assert_int_equal(add(dir_fd, "/whose", 1000, NULL), -EPERM);
	assert_int_equal(add(dir_fd, "/whose", 0, NULL), -EPERM);
	assert_int_equal(add(dir_fd, "/whose", 1001, "name"), 0);
}

/* Of a file that is too long the end is read, which knows best what lies at an address now. */
static void huge_files_are_cut(void **state)
{
	static const char old[] = "1000 10 old\n2000 10 old\n", new[] = "\n1000 10 new\n";
	struct budget_stops stops;
	char path[128];
	struct jitmap *m;
	FILE *f;

	(void)state;
	make_file("huge", old, strlen(old));
	snprintf(path, sizeof(path), "%s/huge", dir);
	assert_int_equal(truncate(path, 1ll << 40), 0);
	f = fopen(path, "ae");
	assert_non_null(f);
	assert_true(fputs(new, f) >= 0 && !fclose(f));
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_add_perf(m, dir_fd, "/huge", geteuid(), NULL), 0);
	assert_name_at(m, 0x1000, 0, "new");
	assert_name_at(m, 0x2000, 0, NULL);
	assert_int_equal(jitmap_bad_cnt(m), 1); /* the line that we came into */
	budget_stops(&stops);
	assert_int_equal(stops.cnt[BUDGET_FILE_LENGTH], 1);
	assert_string_equal(stops.first[BUDGET_FILE_LENGTH], "/huge");
	jitmap_free(m);
}

/* Without its end a map tells what was at an address once: better no names. */
static void what_the_budget_cuts_has_no_names(void **state)
{
	const struct budget_limits small = {.file_bytes = 256u << 10,
					    .all_bytes = 1u << 20,
					    .file_ns = NSEC_PER_SEC,
					    .all_ns = NSEC_PER_SEC};
	const struct budget_limits usual = {0};
	struct budget_stops stops;
	struct jitmap *m;
	size_t len = 0;
	char *text = malloc(10000 * 16);

	(void)state;
	assert_non_null(text);
	for (unsigned int i = 0; i < 10000; i++)
		len += (size_t)sprintf(text + len, "%x 10 f\n", 0x1000 + i * 16);
	budget_set_limits(&small);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_parse_perf(m, text, 1000), 0);
	assert_name_at(m, 0x1000, 0, "f");
	assert_int_equal(jitmap_parse_perf(m, text, len), 0);
	assert_name_at(m, 0x1000, 0, NULL);
	budget_stops(&stops);
	assert_int_equal(stops.cnt[BUDGET_FILE_MEMORY], 1);
	jitmap_free(m);
	budget_set_limits(&usual);
	free(text);
}

/* Lines longer than what is read at once, at its ends, and a last one without an end. */
static void windows_lose_no_line(void **state)
{
	const size_t sz = (3u << 20) + 4321;
	char *text = malloc(sz + 1);
	struct jitmap *m;
	unsigned int cnt = 0;
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	while (len + 64 < sz)
		len += (size_t)sprintf(text + len, "%x 10 f%u\n", 0x1000 + cnt * 16, cnt), cnt++;
	memset(text + len, 'x', sz - len);
	make_file("windows", text, sz);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_add_perf(m, dir_fd, "/windows", geteuid(), NULL), 0);
	for (unsigned int i = 0; i < cnt; i++) {
		char want[16];

		snprintf(want, sizeof(want), "f%u", i);
		assert_name_at(m, 0x1000 + i * 16, 0, want);
	}
	assert_int_equal(jitmap_bad_cnt(m), 1);
	jitmap_free(m);
	memset(text, 'y', sz);
	memcpy(text + sz - 20, "\n1000 10 after\n", 15);
	make_file("long", text, sz);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_add_perf(m, dir_fd, "/long", geteuid(), NULL), 0);
	assert_name_at(m, 0x1000, 0, "after");
	assert_int_equal(jitmap_bad_cnt(m), 2);
	jitmap_free(m);
	free(text);
}

static void many_entries(void **state)
{
	enum { CNT = 200000 };
	size_t cap = CNT * 48, len = 0;
	char *text = malloc(cap);
	struct jitmap *m;

	(void)state;
	assert_non_null(text);
	/* one that holds all others, and is the oldest */
	len += (size_t)sprintf(text, "10000000 20000000 old\n");
	for (unsigned int i = 0; i < CNT; i++)
		len += (size_t)sprintf(text + len, "%x 40 f%u\n", 0x10000000 + i * 64, i);
	assert_int_equal(jitmap_new(&m), 0);
	assert_int_equal(jitmap_parse_perf(m, text, len), 0);
	free(text);
	for (unsigned int i = 0; i < CNT; i += 101) {
		char want[16];

		snprintf(want, sizeof(want), "f%u", i);
		assert_name_at(m, 0x10000000 + i * 64 + 63, 0, want);
	}
	assert_name_at(m, 0x10000000 + CNT * 64, 0, "old");
	jitmap_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perf_map_lines),
		cmocka_unit_test(junk_is_counted),
		cmocka_unit_test(long_names_and_lines),
		cmocka_unit_test(later_ones_win),
		cmocka_unit_test(jitdump_records),
		cmocka_unit_test(jitdump_times),
		cmocka_unit_test(jitdump_junk),
		cmocka_unit_test(trusted_files),
		cmocka_unit_test(links_and_special_files_are_not_read),
		cmocka_unit_test(files_of_others_are_not_read),
		cmocka_unit_test(huge_files_are_cut),
		cmocka_unit_test(what_the_budget_cuts_has_no_names),
		cmocka_unit_test(windows_lose_no_line),
		cmocka_unit_test(many_entries),
	};

	return cmocka_run_group_tests_name("jitmap", tests, setup, teardown);
}
