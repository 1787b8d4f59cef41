// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The cache of unwind tables: what is saved is loaded; whatever is not ours, not whole or not
 * sound is refused; nothing is left beside the files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/util.h"
#include "unit/table_check.h"
#include "unwind/table.h"

#define ID "00112233445566778899aabbccddeeff00112233"
#define HEAD_SZ 176 /* then page[], row[], rule[], start[] */
#define CRC_AT 12

static char dir[64];	   /* made for the test */
static char folder[96];	   /* the cache, in it */
static char path[192];	   /* of ID there */
static uint8_t file[4096]; /* its bytes, as saved */
static size_t file_sz;

static uint32_t page[] = {0, 2, 2, 5};
static uint32_t row[] = {0x100, 0x210, 0x100, 0x220, 0x3ff};
static uint32_t start[] = {0, 0x20, 0x200};
static struct wg_rule rule[] = {
	{.cfa = WG_CFA_NONE},
	{.cfa = WG_CFA_RSP, .cfa_off = 8, .rbp = WG_RBP_AT_CFA, .rbp_off = -16},
	{.cfa = WG_CFA_REG, .cfa_arg = 10},
	{.cfa = WG_CFA_UNSUPPORTED},
};
static const struct unwind_table small = {
	.base = 0x1000,
	.page_cnt = 3,
	.page = page,
	.row_cnt = ARRAY_SIZE(row),
	.row = row,
	.rule_cnt = ARRAY_SIZE(rule),
	.rule = rule,
	.start_cnt = ARRAY_SIZE(start),
	.start = start,
	.fde_bad_cnt = 7,
	.row_unsupported_cnt = 1,
};

enum { PAGE_AT = HEAD_SZ, ROW_AT = PAGE_AT + sizeof(page), RULE_AT = ROW_AT + sizeof(row) };
enum { START_AT = RULE_AT + sizeof(rule), FILE_SZ = START_AT + sizeof(start) };

static void remove_all(const char *where)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", where);
	assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
	(void)state;
	remove_all(dir);
	return 0;
}

/* A folder with one saved table. */
static int set_up(void **state)
{
	FILE *f;

	(void)state;
	strcpy(dir, "/tmp/wallgap-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(folder, sizeof(folder), "%s/a/b", dir);
	snprintf(path, sizeof(path), "%s/%s", folder, ID);
	assert_int_equal(unwind_cache_save(&small, folder, ID), 0);
	f = fopen(path, "r");
	assert_non_null(f);
	file_sz = fread(file, 1, sizeof(file), f);
	fclose(f);
	assert_int_equal(file_sz, FILE_SZ);
	return 0;
}

static void assert_same(const struct unwind_table *a, const struct unwind_table *b)
{
	assert_int_equal(a->base, b->base);
	assert_int_equal(a->page_cnt, b->page_cnt);
	assert_int_equal(a->row_cnt, b->row_cnt);
	assert_int_equal(a->rule_cnt, b->rule_cnt);
	assert_int_equal(a->start_cnt, b->start_cnt);
	assert_int_equal(a->fde_bad_cnt, b->fde_bad_cnt);
	assert_int_equal(a->row_unsupported_cnt, b->row_unsupported_cnt);
	if (!a->page_cnt)
		return;
	assert_memory_equal(a->page, b->page, (a->page_cnt + 1) * sizeof(*a->page));
	assert_memory_equal(a->row, b->row, a->row_cnt * sizeof(*a->row));
	assert_memory_equal(a->rule, b->rule, a->rule_cnt * sizeof(*a->rule));
	assert_memory_equal(a->start, b->start, a->start_cnt * sizeof(*a->start));
}

static void assert_loads(const struct unwind_table *want)
{
	struct unwind_table t;

	assert_int_equal(unwind_cache_load(&t, folder, ID, NULL), 0);
	assert_same(&t, want);
	unwind_table_clear(&t);
}

static void assert_refused(const char *why)
{
	struct unwind_table t;
	int rc = unwind_cache_load(&t, folder, ID, NULL);

	if (rc != -ENOENT)
		fail_msg("%s: %d", why, rc);
	assert_null(t.page);
	assert_null(t.row);
	assert_int_equal(t.page_cnt, 0);
}

static void put_file(const void *bytes, size_t sz)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sz), sz);
	close(fd);
}

static void test_round_trip(void **state)
{
	const struct unwind_table empty = {0};
	struct stat st;
	DIR *d;
	int cnt = 0;

	(void)state;
	assert_loads(&small);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* again, over the first; a table without anything */
	assert_int_equal(unwind_cache_save(&empty, folder, ID), 0);
	assert_loads(&empty);
	d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));)
		cnt += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(d);
	assert_int_equal(cnt, 1);
}

static void test_real(void **state)
{
	scoped_fd int fd = open("/proc/self/exe", O_RDONLY);
	struct unwind_table t;
	struct err e = {0};

	(void)state;
	assert_int_equal(unwind_table_build(&t, fd, NULL, &e), 0);
	assert_true(t.row_cnt > 100);
	assert_int_equal(unwind_cache_save(&t, folder, ID), 0);
	assert_loads(&t);
	unwind_table_clear(&t);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "../0", "AB", "0x12", "12 ", "g"};
	char longest[300];
	struct unwind_table t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(unwind_cache_save(&small, folder, bad[i]), -EINVAL);
		assert_int_equal(unwind_cache_load(&t, folder, bad[i], NULL), -ENOENT);
	}
	memset(longest, 'a', sizeof(longest));
	longest[128] = '\0';
	assert_int_equal(unwind_cache_save(&small, folder, longest), -EINVAL);
	assert_int_equal(unwind_cache_load(&t, folder, longest, NULL), -ENOENT);
	longest[127] = '\0';
	assert_int_equal(unwind_cache_save(&small, folder, longest), 0);
	assert_int_equal(unwind_cache_load(&t, folder, longest, NULL), 0);
	unwind_table_clear(&t);
	/* another file's table under this name */
	assert_int_equal(unwind_cache_save(&small, folder, "ab"), 0);
	snprintf(longest, sizeof(longest), "%s/ab", folder);
	assert_int_equal(rename(longest, path), 0);
	assert_refused("renamed");
}

static void test_torn(void **state)
{
	(void)state;
	for (size_t sz = 0; sz < file_sz; sz++) {
		put_file(file, sz);
		assert_refused("cut off");
	}
	put_file(file, file_sz + 1);
	assert_refused("too long");
	for (size_t i = 0; i < file_sz; i++) {
		for (int bit = 0; bit < 8; bit++) {
			file[i] ^= (uint8_t)(1 << bit);
			put_file(file, file_sz);
			assert_refused("a bit flipped");
			file[i] ^= (uint8_t)(1 << bit);
		}
	}
	put_file(file, file_sz);
	assert_loads(&small);
}

/* A word changed and the checksum made good: only what the checks themselves find. */
static void tamper(size_t at, uint32_t value, bool good)
{
	uint8_t copy[sizeof(file)];
	uint32_t crc = 0;
	char why[64];

	memcpy(copy, file, file_sz);
	memcpy(copy + at, &value, sizeof(value));
	memcpy(copy + CRC_AT, &crc, sizeof(crc));
	crc = (uint32_t)crc32_z(0, copy, file_sz);
	memcpy(copy + CRC_AT, &crc, sizeof(crc));
	put_file(copy, file_sz);
	snprintf(why, sizeof(why), "%#x at %zu", value, at);
	if (good) {
		struct unwind_table t;

		assert_int_equal(unwind_cache_load(&t, folder, ID, NULL), 0);
		assert_null(table_wrong(&t));
		unwind_table_clear(&t);
	} else {
		assert_refused(why);
	}
}

static void test_unsound(void **state)
{
	const size_t base_at = 144, counts_at = 152;

	(void)state;
	tamper(8, 4, true); /* version */
	tamper(8, 3, false);
	tamper(8, 1, false);
	tamper(base_at, 0x2000, true);
	tamper(base_at, 0x2001, false);
	tamper(base_at + 4, 0x8000, false); /* no user address */
	for (size_t i = 0; i < 4; i++) {
		tamper(counts_at + 4 * i, 0, false);
		tamper(counts_at + 4 * i, 1000, false);
		tamper(counts_at + 4 * i, UINT32_MAX, false);
	}
	tamper(PAGE_AT, 1, false); /* page[0] is 0 */
	tamper(PAGE_AT, 2, false);
	tamper(PAGE_AT + 4, 6, false);
	tamper(PAGE_AT + 4, UINT32_MAX, false);
	tamper(PAGE_AT + 8, 1, false);	  /* descends */
	tamper(PAGE_AT + 8, 3, false);	  /* row[2] is of two pages; row[3] is not at 0 */
	tamper(PAGE_AT + 12, 4, false);	  /* not all rows */
	tamper(ROW_AT, 1, false);	  /* no row at 0 */
	tamper(ROW_AT + 4, 0x200, false); /* two at 0 */
	tamper(ROW_AT + 4, 0x411, false); /* rule 4 of 4 */
	tamper(ROW_AT + 4, 0x311, true);
	tamper(ROW_AT + 4, UINT32_MAX, false);
	tamper(ROW_AT + 16, 0x320, false);		       /* as the one before */
	tamper(RULE_AT + 12 + 8, 10, false);		       /* cfa: none such */
	tamper(RULE_AT + 12 + 8, WG_CFA_RSP | 5 << 16, false); /* rbp: none such */
	tamper(RULE_AT + 24 + 8, WG_CFA_REG | 16 << 8, false); /* register 16 */
	tamper(RULE_AT + 24 + 8, WG_CFA_REG | 15 << 8, true);
	tamper(START_AT + 4, 0, false);	    /* twice */
	tamper(START_AT + 8, 0x300, false); /* past the pages */
	tamper(START_AT + 8, 0x2ff, true);
}

static void test_not_ours(void **state)
{
	char elsewhere[160];

	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
	chmod(path, 0620);
	assert_refused("its group may write");
	chmod(path, 0602);
	assert_refused("all may write");
	chmod(path, 0644);
	assert_loads(&small);
	chmod(folder, 0770);
	assert_refused("the folder's group may write");
	assert_int_equal(unwind_cache_save(&small, folder, ID), -EACCES);
	chmod(folder, 0703);
	assert_refused("all may write to the folder");
	chmod(folder, 0755);
	assert_loads(&small);

	assert_int_equal(rename(path, elsewhere), 0);
	assert_refused("nothing");
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_refused("a link");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused("a folder");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("a pipe");
	unlink(path);
	assert_int_equal(rename(elsewhere, path), 0);
	assert_loads(&small);

	assert_int_equal(rename(folder, elsewhere), 0);
	assert_refused("no folder");
	assert_int_equal(symlink(elsewhere, folder), 0);
	assert_refused("a link for the folder");
	assert_int_equal(unwind_cache_save(&small, folder, ID), -EACCES);
}

static void test_other_owner(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_refused("another's file");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_loads(&small);
	assert_int_equal(chown(folder, 65534, 65534), 0);
	assert_refused("another's folder");
	assert_int_equal(unwind_cache_save(&small, folder, ID), -EACCES);
}

static void test_folders_above(void **state)
{
	char above[160], link[160], by_link[200];

	(void)state;
	snprintf(above, sizeof(above), "%s/a", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(by_link, sizeof(by_link), "%s/b", link);
	chmod(above, 0777);
	assert_refused("all may write to the folder above");
	assert_int_equal(unwind_cache_save(&small, folder, ID), -EACCES);
	chmod(above, 0775);
	assert_refused("its group may");
	chmod(above, 01777);
	assert_loads(&small); /* as /tmp is: nobody may put another there */
	chmod(above, 0755);
	assert_loads(&small);
	assert_int_equal(symlink(above, link), 0);
	assert_int_equal(unwind_cache_save(&small, by_link, ID), 0);
	if (geteuid())
		return;
	assert_int_equal(lchown(link, 65534, 65534), 0);
	assert_int_equal(unwind_cache_save(&small, by_link, ID), -EACCES);
	assert_int_equal(chown(above, 65534, 65534), 0);
	assert_refused("another's folder above");
}

/* Give the file of that number the time when it was used. */
static void save_used(unsigned int number, time_t used)
{
	const struct timespec when[2] = {{.tv_sec = used}, {.tv_sec = used}};
	char id[16], file_path[200];

	snprintf(id, sizeof(id), "ab%04x", number);
	snprintf(file_path, sizeof(file_path), "%s/%s", folder, id);
	assert_int_equal(unwind_cache_save(&small, folder, id), 0);
	assert_int_equal(utimensat(AT_FDCWD, file_path, when, 0), 0);
}

static bool is_cached(unsigned int number)
{
	struct unwind_table t;
	char id[16];
	int rc;

	snprintf(id, sizeof(id), "ab%04x", number);
	rc = unwind_cache_load(&t, folder, id, NULL);
	unwind_table_clear(&t);
	return !rc;
}

static void test_pruned(void **state)
{
	char stale[200];

	(void)state;
	unlink(path);
	for (unsigned int i = 0; i < 100; i++)
		save_used(i, 1000000 + (i * 37) % 100);
	unwind_cache_prune(folder, 100, 1 << 20);
	assert_true(is_cached(0)); /* which was the oldest, and is in use now */
	unwind_cache_prune(folder, 80, 1 << 20);
	for (unsigned int i = 1; i < 100; i++)
		assert_int_equal(is_cached(i),
				 (i * 37) % 100 > 30); /* 70 are left, 0 one of them */
	assert_true(is_cached(0));
	unwind_cache_prune(folder, 80, 16 * FILE_SZ);
	unwind_cache_prune(folder, 80, 14 * FILE_SZ);
	snprintf(stale, sizeof(stale), "%s/.ab.1", folder);
	close(open(stale, O_CREAT | O_WRONLY, 0600));
	unwind_cache_prune(folder, 80, 1 << 20);
	assert_int_equal(access(stale, F_OK), 0); /* somebody writes it */
	assert_int_equal(utimensat(AT_FDCWD, stale, (struct timespec[2]){0}, 0), 0);
	unwind_cache_prune(folder, 80, 1 << 20);
	assert_int_equal(access(stale, F_OK), -1);
}

/* All that a run may have saved, and more. */
static void test_bounded(void **state)
{
	unsigned int cnt = 0;
	char id[16];

	(void)state;
	unwind_cache_tidy(folder); /* the tests before have saved */
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "ab%04x", i);
		if (i && i % 1024 == 0) {
			assert_int_equal(unwind_cache_save(&small, folder, id), -EDQUOT);
			unwind_cache_tidy(folder);
		}
		assert_int_equal(unwind_cache_save(&small, folder, id), 0);
	}
	unwind_cache_tidy(folder);
	for (unsigned int i = 0; i < 3000; i++)
		cnt += is_cached(i);
	assert_true(cnt <= 2048);
	assert_true(cnt >= 1024);
	assert_true(is_cached(2999));
}

static void test_cannot_save(void **state)
{
	(void)state;
	/* where a file is, no folder can be */
	assert_true(unwind_cache_save(&small, path, ID) < 0);
	assert_true(unwind_cache_save(&small, "/proc/none/such", ID) < 0);
	/* in the way of the rename */
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(unwind_cache_save(&small, folder, ID) < 0);
	rmdir(path);
	assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
}

int main(void)
{
#define CACHE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CACHE_TEST(test_round_trip),	CACHE_TEST(test_real),
		CACHE_TEST(test_names),		CACHE_TEST(test_torn),
		CACHE_TEST(test_unsound),	CACHE_TEST(test_not_ours),
		CACHE_TEST(test_other_owner),	CACHE_TEST(test_cannot_save),
		CACHE_TEST(test_folders_above), CACHE_TEST(test_pruned),
		CACHE_TEST(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
