// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Unwind tables kept in files for the next run; see table.h. A file is a header and then the
 * table's arrays as they are in memory: page, row, rule, start. It is ours alone, yet everything
 * in it is checked: it may come from another version, be torn, or lie on a bad disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/util.h"
#include "unwind/table.h"

/* Goes up with the file's layout, and with what the same ELF file is turned into. */
#define CACHE_VERSION 4
#define BUILD_ID_MAX 128

/* What the folder may hold: the tables of some hundred programs with all of their libraries. */
#define FILES_MAX 2048
#define BYTES_MAX (256ull << 20)
#define SAVES_MAX                                                                                  \
	1024	    /* of one run, which prunes at its end: so many more there may be meanwhile */
#define USED_S 3600 /* a table's last use is known to the hour */
#define STALE_S 3600
#define NAME_TRIES 8

static const char cache_magic[8] = "wgunwind";

struct cache_head {
	char magic[8];
	uint32_t version;
	uint32_t crc; /* of all the rest, this being 0 */
	char build_id[BUILD_ID_MAX];
	uint64_t base;
	uint32_t page_cnt;
	uint32_t row_cnt;
	uint32_t rule_cnt;
	uint32_t start_cnt;
	uint32_t fde_bad_cnt;
	uint32_t row_unsupported_cnt;
};

_Static_assert(sizeof(struct cache_head) == 176, "cache_head has a hole");

struct part {
	void **data;
	size_t sz;
};

enum { PART_CNT = 4 };

/* The arrays of a table in the order in which they are stored. */
static void parts_of(struct unwind_table *t, struct part part[PART_CNT])
{
	size_t page_cnt = t->page_cnt ? (size_t)t->page_cnt + 1 : 0;

	part[0] = (struct part){(void **)&t->page, page_cnt * sizeof(*t->page)};
	part[1] = (struct part){(void **)&t->row, (size_t)t->row_cnt * sizeof(*t->row)};
	part[2] = (struct part){(void **)&t->rule, (size_t)t->rule_cnt * sizeof(*t->rule)};
	part[3] = (struct part){(void **)&t->start, (size_t)t->start_cnt * sizeof(*t->start)};
}

static uint32_t checksum(const struct cache_head *head, const struct part part[PART_CNT])
{
	struct cache_head zeroed = *head;
	uLong crc;

	zeroed.crc = 0;
	crc = crc32_z(0, (const Bytef *)&zeroed, sizeof(zeroed));
	for (int i = 0; i < PART_CNT; i++)
		if (part[i].sz)
			crc = crc32_z(crc, *part[i].data, part[i].sz);
	return (uint32_t)crc;
}

/* It becomes a file's name, so it is nothing but hex digits. */
static bool is_build_id(const char *build_id)
{
	size_t len = strlen(build_id);

	return len && len < BUILD_ID_MAX && strspn(build_id, "0123456789abcdef") == len;
}

static bool only_ours(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* What is at name in a folder is there by us or by root, since nobody else may take it away or put it there. */
static bool put_by_us(int folder_fd, const char *name)
{
	struct stat st;

	return !fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       (!st.st_uid || st.st_uid == geteuid());
}

static bool only_we_write(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (!st.st_uid || st.st_uid == geteuid()) &&
	       (st.st_mode & S_ISVTX || !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

/*
 * A descriptor of the folder, or -1. Nor may others write to a folder above it: they could put another in
 * its place. Of those above, links are followed that root or we have made.
 */
static int open_folder(const char *folder)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	scoped_free char *path = strdup(folder);
	int fd = open(folder[0] == '/' ? "/" : ".", flags);
	char *at = path, *name;

	while (path && fd >= 0 && (name = strsep(&at, "/"))) {
		int above = fd;

		if (!*name)
			continue;
		fd = only_we_write(above) && put_by_us(above, name)
			     ? openat(above, name, at ? flags : flags | O_NOFOLLOW)
			     : -1;
		close(above);
	}
	if (fd >= 0 && !only_ours(fd, S_IFDIR)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Make a folder and those above it that are missing; one that is there is left as it is. */
static void make_folder(const char *folder)
{
	scoped_free char *path = strdup(folder);

	if (!path)
		return;
	for (char *p = path + 1; *path && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	mkdir(path, 0700);
}

static bool write_all(int fd, const void *buf, size_t sz)
{
	for (size_t done = 0; done < sz;) {
		ssize_t put = write(fd, (const char *)buf + done, sz - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

/* Each page's rows ascend from one at 0 and name rules that there are. */
static bool rows_valid(const struct unwind_table *t)
{
	if (!t->page_cnt)
		return !t->row_cnt;
	if (t->page[0] || t->page[t->page_cnt] != t->row_cnt)
		return false;
	for (uint32_t p = 0; p < t->page_cnt; p++) {
		uint32_t begin = t->page[p], end = t->page[p + 1];

		if (begin > end || end > t->row_cnt)
			return false;
		for (uint32_t i = begin; i < end; i++) {
			uint32_t off = t->row[i] & (WG_PAGE_SIZE - 1);

			if (i == begin ? off != 0 : off <= (t->row[i - 1] & (WG_PAGE_SIZE - 1)))
				return false;
			if (t->row[i] >> 8 >= t->rule_cnt)
				return false;
		}
	}
	return true;
}

static bool rules_valid(const struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->rule_cnt; i++) {
		const struct wg_rule *rule = &t->rule[i];

		if (rule->cfa > WG_CFA_UNSUPPORTED || rule->rbp > WG_RBP_LOST)
			return false;
		if (rule->cfa == WG_CFA_REG && rule->cfa_arg > 15)
			return false;
	}
	return true;
}

static bool starts_valid(const struct unwind_table *t)
{
	uint64_t end = (uint64_t)t->page_cnt << WG_PAGE_SHIFT;

	if (t->row_cnt && !t->start_cnt)
		return false;
	for (uint32_t i = 0; i < t->start_cnt; i++)
		if (t->start[i] >= end || (i && t->start[i] <= t->start[i - 1]))
			return false;
	return true;
}

static bool table_valid(const struct unwind_table *t)
{
	return rows_valid(t) && rules_valid(t) && starts_valid(t);
}

/* The header fits this build-id and this version, and the file's size is what it says. */
static bool head_valid(const struct cache_head *head, const char *build_id, uint64_t file_sz,
		       struct unwind_table *t)
{
	struct part part[PART_CNT];
	uint64_t sz = sizeof(*head);

	if (memcmp(head->magic, cache_magic, sizeof(head->magic)) ||
	    head->version != CACHE_VERSION || head->build_id[BUILD_ID_MAX - 1] ||
	    strcmp(head->build_id, build_id))
		return false;
	*t = (struct unwind_table){
		.base = head->base,
		.page_cnt = head->page_cnt,
		.row_cnt = head->row_cnt,
		.rule_cnt = head->rule_cnt,
		.start_cnt = head->start_cnt,
		.fde_bad_cnt = head->fde_bad_cnt,
		.row_unsupported_cnt = head->row_unsupported_cnt,
	};
	if (t->base % WG_PAGE_SIZE || t->base >> 47 || t->rule_cnt > WG_RULE_MAX ||
	    t->page_cnt > UINT32_MAX >> WG_PAGE_SHIFT)
		return false;
	parts_of(t, part);
	for (int i = 0; i < PART_CNT; i++)
		sz += part[i].sz;
	return sz == file_sz;
}

static int load(struct unwind_table *t, int fd, const char *build_id, struct budget *b)
{
	struct part part[PART_CNT];
	struct cache_head head;
	uint64_t at = sizeof(head);
	time_t now = time(NULL);
	struct stat st;

	if (!only_ours(fd, S_IFREG) || fstat(fd, &st) ||
	    pread_all(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    !head_valid(&head, build_id, (uint64_t)st.st_size, t) ||
	    !budget_take(b, unwind_table_bytes(t)))
		return -ENOENT;
	if (now - st.st_mtime > USED_S)
		futimens(fd, NULL);
	parts_of(t, part);
	for (int i = 0; i < PART_CNT; i++) {
		if (!part[i].sz)
			continue;
		*part[i].data = malloc(part[i].sz);
		if (!*part[i].data || pread_all(fd, *part[i].data, part[i].sz, at) != part[i].sz)
			return -ENOENT;
		at += part[i].sz;
	}
	return checksum(&head, part) == head.crc && table_valid(t) ? 0 : -ENOENT;
}

int unwind_cache_load(struct unwind_table *t, const char *folder, const char *build_id,
		      struct budget *b)
{
	scoped_fd int folder_fd = -1;
	scoped_fd int fd = -1;
	int rc;

	*t = (struct unwind_table){0};
	if (!is_build_id(build_id))
		return -ENOENT;
	folder_fd = open_folder(folder);
	if (folder_fd < 0)
		return -ENOENT;
	/* O_NONBLOCK: opening a FIFO put there would wait for ever */
	fd = openat(folder_fd, build_id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	rc = load(t, fd, build_id, b);
	if (rc) {
		unwind_table_clear(t);
		budget_close(b);
	}
	return rc;
}

/* --- pruning: the folder is kept to a size, what was not used for longest goes first */

struct cached {
	char name[2 * BUILD_ID_MAX];
	time_t used;
	uint64_t sz;
};

static int by_use(const void *a, const void *b)
{
	const struct cached *x = a, *y = b;

	ORDER(x->used, y->used);
	return strcmp(x->name, y->name);
}

/* A file that a run had begun to write when it was killed. */
static bool is_stale(const char *name, const struct stat *st)
{
	return name[0] == '.' && time(NULL) - st->st_mtime > STALE_S;
}

struct listing {
	struct cached *file;
	size_t cnt, cap;
	uint64_t bytes;
};

static int list_files(struct listing *l, int folder_fd, DIR *d)
{
	const struct dirent *entry;

	while ((entry = readdir(d))) {
		struct cached *f;
		struct stat st;

		if (fstatat(folder_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode) || strlen(entry->d_name) >= sizeof(f->name))
			continue;
		if (is_stale(entry->d_name, &st))
			unlinkat(folder_fd, entry->d_name, 0);
		if (!is_build_id(entry->d_name))
			continue;
		if (array_grow((void **)&l->file, &l->cap, l->cnt, sizeof(*l->file)))
			return -ENOMEM;
		f = &l->file[l->cnt++];
		strcpy(f->name, entry->d_name);
		f->used = st.st_mtime;
		f->sz = (uint64_t)st.st_size;
		l->bytes += f->sz;
	}
	return 0;
}

/*
 * Other runs may load, save and prune at the same time: a file that goes while it is read stays whole for
 * its reader, one that is gone is no error, and of two that prune one leaves it to the other.
 */
static void prune(int folder_fd, size_t max_files, uint64_t max_bytes)
{
	struct listing l = {0};
	scoped_fd int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) ? fdopendir(fd) : NULL;

	if (!d)
		return;
	if (!list_files(&l, folder_fd, d) && (l.cnt > max_files || l.bytes > max_bytes)) {
		items_sort(l.file, l.cnt, sizeof(*l.file), by_use);
		/* some more than must be, not to begin anew with the next file */
		for (size_t i = 0, cnt = l.cnt;
		     i < l.cnt && (cnt > max_files / 8 * 7 || l.bytes > max_bytes / 8 * 7); i++) {
			unlinkat(folder_fd, l.file[i].name, 0);
			l.bytes -= l.file[i].sz;
			cnt--;
		}
	}
	free(l.file);
	closedir(d);
	fd = -1; /* went with it */
}

void unwind_cache_prune(const char *folder, size_t max_files, uint64_t max_bytes)
{
	scoped_fd int folder_fd = open_folder(folder);

	if (folder_fd >= 0)
		prune(folder_fd, max_files, max_bytes);
}

static unsigned int save_cnt; /* since the last tidying */

/*
 * Looking at two thousand files takes some 50 ms: not in the thread that saves, which others wait for.
 */
void unwind_cache_tidy(const char *folder)
{
	if (__atomic_exchange_n(&save_cnt, 0, __ATOMIC_RELAXED))
		unwind_cache_prune(folder, FILES_MAX, BYTES_MAX);
}

/* --- saving */

static bool save(const struct unwind_table *t, int fd, const char *build_id)
{
	struct unwind_table copy = *t;
	struct part part[PART_CNT];
	struct cache_head head = {
		.version = CACHE_VERSION,
		.base = t->base,
		.page_cnt = t->page_cnt,
		.row_cnt = t->row_cnt,
		.rule_cnt = t->rule_cnt,
		.start_cnt = t->start_cnt,
		.fde_bad_cnt = t->fde_bad_cnt,
		.row_unsupported_cnt = t->row_unsupported_cnt,
	};
	bool ok;

	memcpy(head.magic, cache_magic, sizeof(head.magic));
	memcpy(head.build_id, build_id, strlen(build_id));
	parts_of(&copy, part);
	head.crc = checksum(&head, part);
	ok = write_all(fd, &head, sizeof(head));
	for (int i = 0; i < PART_CNT && ok; i++)
		ok = write_all(fd, *part[i].data, part[i].sz);
	return ok;
}

/* What is there under the name is of no use, or another run has just put it there: either may go. */
static int name_it(int folder_fd, int fd, const char *name)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	for (int i = 0; i < NAME_TRIES; i++) {
		if (!linkat(AT_FDCWD, self, folder_fd, name, AT_SYMLINK_FOLLOW))
			return 0;
		if (errno != EEXIST || (unlinkat(folder_fd, name, 0) && errno != ENOENT))
			return -errno;
	}
	return -EEXIST;
}

/* By way of a name of our own, which a kill in the middle leaves there until it is pruned. */
static int save_named(const struct unwind_table *t, int folder_fd, const char *build_id)
{
	char temp[BUILD_ID_MAX + 32];
	scoped_fd int fd = -1;

	snprintf(temp, sizeof(temp), ".%s.%d", build_id, (int)getpid());
	unlinkat(folder_fd, temp, 0); /* of a process that had our number and died */
	fd = openat(folder_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!save(t, fd, build_id) || renameat(folder_fd, temp, folder_fd, build_id)) {
		int rc = errno ? -errno : -EIO;

		unlinkat(folder_fd, temp, 0);
		return rc;
	}
	return 0;
}

/* Without a name until it is whole, where the file system can do that: nothing is left whatever ends us. */
static int save_in(const struct unwind_table *t, int folder_fd, const char *build_id)
{
	scoped_fd int fd = openat(folder_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return save_named(t, folder_fd, build_id);
	if (!save(t, fd, build_id))
		return errno ? -errno : -EIO;
	return name_it(folder_fd, fd, build_id);
}

int unwind_cache_save(const struct unwind_table *t, const char *folder, const char *build_id)
{
	scoped_fd int folder_fd = -1;
	int err;

	if (!is_build_id(build_id))
		return -EINVAL;
	if (__atomic_load_n(&save_cnt, __ATOMIC_RELAXED) >= SAVES_MAX)
		return -EDQUOT;
	make_folder(folder);
	folder_fd = open_folder(folder);
	if (folder_fd < 0)
		return -EACCES;
	err = save_in(t, folder_fd, build_id);
	if (!err)
		__atomic_fetch_add(&save_cnt, 1, __ATOMIC_RELAXED);
	return err;
}
