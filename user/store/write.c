// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A recording in memory to a SQLite file. The tables are data (schema.c), so there is one way to
 * write a row; what follows the columns is the order of the tables. The database
 * is made in memory, the file has no name until it is whole.
 */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "base/util.h"
#include "store/schema.h"
#include "store/limits.h"
#include "store/target.h"

#define OTHERS_MAX 1000
#define DB_MAX ((sqlite3_int64)1 << 40) /* bytes of a recording: as much as there is memory for */

struct writer {
	sqlite3 *db;
	const char *path; /* for messages */
	struct err *e;
};

/* SQLite's word for what went wrong, as our error. */
static int sql_error(struct writer *w)
{
	int code = sqlite3_errcode(w->db);

	if (code == SQLITE_NOMEM)
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	if (code == SQLITE_FULL)
		return err_sys(w->e, -ENOSPC, "cannot write %s", w->path);
	return err_set(w->e, -EIO, "cannot write %s: %s", w->path, sqlite3_errmsg(w->db));
}

static int exec(struct writer *w, const char *sql)
{
	return sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_error(w);
}

/* A figure that no run can have is kept as the largest that the reader takes. */
static int bind_amount(sqlite3_stmt *s, int at, uint64_t v, uint64_t max, bool opt)
{
	if (opt && v == UNKNOWN)
		return sqlite3_bind_null(s, at);
	return sqlite3_bind_int64(s, at, (sqlite3_int64)(v > max ? max : v));
}

/* SQLite keeps any bytes as text, other readers do not take them: only UTF-8 goes in. */
static int bind_text(sqlite3_stmt *s, int at, const char *v)
{
	scoped_free char *clean = NULL;
	size_t len;

	if (!v)
		v = "";
	len = strlen(v);
	if (len > STORE_STR_MAX || !utf8_valid(v, len)) {
		size_t sz = (len > STORE_STR_MAX ? STORE_STR_MAX : len) + 1;

		clean = malloc(sz);
		if (!clean)
			return SQLITE_NOMEM;
		utf8_clean(clean, sz, v);
		v = clean;
	}
	return sqlite3_bind_text(s, at, v, -1, SQLITE_TRANSIENT);
}

static int bind_comm(sqlite3_stmt *s, int at, const char *comm)
{
	char ended[WG_COMM_LEN];

	memcpy(ended, comm, sizeof(ended));
	ended[sizeof(ended) - 1] = '\0';
	return bind_text(s, at, ended);
}

static int bind_int(sqlite3_stmt *s, int at, int v, int min)
{
	return sqlite3_bind_int(s, at, v < min ? min : v);
}

static int bind_real(sqlite3_stmt *s, int at, double v)
{
	return sqlite3_bind_double(s, at, isfinite(v) && v > 0 ? v : 0);
}

/* "[3,1,4]" of numbers that get() gives one after the other. */
static int bind_list(sqlite3_stmt *s, int at, const void *list, size_t cnt,
		     uint64_t (*get)(const void *list, size_t i))
{
	scoped_free char *text = malloc(cnt * 21 + 3);
	char *p = text;

	if (!text)
		return SQLITE_NOMEM;
	*p++ = '[';
	for (size_t i = 0; i < cnt; i++)
		p += sprintf(p, "%s%" PRIu64, i ? "," : "", get(list, i));
	strcpy(p, "]");
	return sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

static uint64_t frame_at(const void *list, size_t i)
{
	return ((const uint32_t *)list)[i];
}

static uint64_t bucket_at(const void *list, size_t i)
{
	uint64_t v = hist_at(list, (uint32_t)i);

	return v > STORE_AMOUNT_MAX ? STORE_AMOUNT_MAX : v;
}

static int bind_path(sqlite3_stmt *s, int at, const struct stack *stack)
{
	size_t cnt = stack->frame_cnt > STORE_PATH_MAX ? STORE_PATH_MAX : stack->frame_cnt;

	return bind_list(s, at, stack->frames, cnt, frame_at);
}

static int bind_hist(sqlite3_stmt *s, int at, const struct hist *hist)
{
	return bind_list(s, at, hist, hist_len(hist), bucket_at);
}

static int bind_index(sqlite3_stmt *s, int at, uint32_t v)
{
	return v == NO_INDEX ? sqlite3_bind_null(s, at) : sqlite3_bind_int64(s, at, v);
}

static int bind(sqlite3_stmt *s, int at, const struct column *c, const void *base, size_t nth)
{
	const void *p = (const char *)base + c->offset;

	switch (c->kind) {
	case K_AMOUNT:
	case K_AMOUNT_OPT:
		return bind_amount(s, at, *(const uint64_t *)p, STORE_AMOUNT_MAX,
				   c->kind == K_AMOUNT_OPT);
	case K_BIG:
	case K_BIG_OPT:
		return bind_amount(s, at, *(const uint64_t *)p, INT64_MAX, c->kind == K_BIG_OPT);
	case K_ID:
		return sqlite3_bind_int64(s, at, (sqlite3_int64) * (const uint64_t *)p);
	case K_U32:
		return sqlite3_bind_int64(s, at, *(const uint32_t *)p);
	case K_INT:
		return bind_int(s, at, *(const int *)p, 0);
	case K_LANE:
		return bind_int(s, at, *(const int *)p, -1);
	case K_BOOL:
		return sqlite3_bind_int(s, at, *(const bool *)p);
	case K_REAL:
		return bind_real(s, at, *(const double *)p);
	case K_STR:
		return bind_text(s, at, *(char *const *)p);
	case K_COMM:
		return bind_comm(s, at, p);
	case K_ROLE:
	case K_STATE:
	case K_STACK_END:
	case K_LOCK_KIND:
	case K_SITE_KIND:
		return bind_text(s, at, schema_enum_name(c->kind, *(const unsigned int *)p));
	case K_NTH:
		return sqlite3_bind_int64(s, at, (sqlite3_int64)nth);
	case K_INDEX:
		return bind_index(s, at, *(const uint32_t *)p);
	case K_PATH:
		return bind_path(s, at, p);
	case K_HIST:
		return bind_hist(s, at, p);
	}
	return SQLITE_MISUSE;
}

static int prepare(struct writer *w, const struct table *t, sqlite3_stmt **out)
{
	scoped_free char *sql = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&sql, &sz);

	if (!f)
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	schema_insert(f, t);
	if (fclose(f))
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	if (sqlite3_prepare_v2(w->db, sql, -1, out, NULL) != SQLITE_OK)
		return sql_error(w);
	return 0;
}

static int put(struct writer *w, sqlite3_stmt *s, const struct table *t, int64_t key,
	       const void *row, size_t nth)
{
	int at = 1, rc = SQLITE_OK;

	if (t->key)
		rc = sqlite3_bind_int64(s, at++, key);
	for (int i = 0; rc == SQLITE_OK && i < t->column_cnt; i++)
		rc = bind(s, at++, &t->columns[i], row, nth);
	if (rc == SQLITE_NOMEM)
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	if (rc != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE)
		return sql_error(w);
	sqlite3_reset(s);
	return 0;
}

/* cnt rows of row_sz bytes each, with rising keys from key on, or all with the same. */
static int put_all(struct writer *w, sqlite3_stmt *s, enum table_id id, const void *rows,
		   size_t cnt, size_t row_sz, int64_t key, int key_step)
{
	int err = 0;

	for (size_t i = 0; !err && i < cnt; i++) {
		err = put(w, s, &tables[id], key, (const char *)rows + i * row_sz, i);
		key += key_step;
	}
	return err;
}

static int put_table(struct writer *w, enum table_id id, const void *rows, size_t cnt,
		     size_t row_sz, int64_t first_key)
{
	sqlite3_stmt *s = NULL;
	int err = prepare(w, &tables[id], &s);

	if (!err)
		err = put_all(w, s, id, rows, cnt, row_sz, first_key, 1);
	sqlite3_finalize(s);
	return err;
}

/* One table of what belongs to runs: the key is the run's id, from 1. */
static int put_of_runs(struct writer *w, enum table_id id, const struct recording *r)
{
	sqlite3_stmt *s = NULL;
	int err = prepare(w, &tables[id], &s);

	for (size_t i = 0; !err && i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];
		const struct {
			const void *rows;
			size_t cnt, row_sz;
		} of[TABLE_CNT] = {
			[TABLE_WORK] = {run->works, run->work_cnt, sizeof(*run->works)},
			[TABLE_THREAD] = {run->threads, run->thread_cnt, sizeof(*run->threads)},
			[TABLE_SITE] = {run->sites, run->site_cnt, sizeof(*run->sites)},
			[TABLE_WAKER] = {run->wakers, run->waker_cnt, sizeof(*run->wakers)},
			[TABLE_PATH_PART] = {run->path_parts, run->path_part_cnt,
					     sizeof(*run->path_parts)},
		};

		err = put_all(w, s, id, of[id].rows, of[id].cnt, of[id].row_sz, (int64_t)i + 1, 0);
	}
	sqlite3_finalize(s);
	return err;
}

static int create(struct writer *w)
{
	scoped_free char *sql = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&sql, &sz);

	if (!f)
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	fprintf(f, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;\n"
		   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA encoding = 'UTF-8';\n");
	fprintf(f, "PRAGMA application_id = %d; PRAGMA user_version = %d;\nBEGIN;\n",
		STORE_APPLICATION_ID, RECORDING_SCHEMA);
	schema_create(f);
	if (fclose(f))
		return err_sys(w->e, -ENOMEM, "cannot write %s", w->path);
	return exec(w, sql);
}

static int put_recording(struct writer *w, const struct recording *r)
{
	int err = create(w);

	if (!err)
		err = put_table(w, TABLE_RECORDING, r, 1, sizeof(*r), 0);
	if (!err)
		err = put_table(w, TABLE_HOST, &r->host, 1, sizeof(r->host), 0);
	if (!err)
		err = put_table(w, TABLE_CONDITIONS, r->conditions, ARRAY_SIZE(r->conditions),
				sizeof(*r->conditions), 0);
	if (!err)
		err = put_table(w, TABLE_LIB, r->libs, r->lib_cnt, sizeof(*r->libs), 0);
	if (!err)
		err = put_table(w, TABLE_RUNTIME, r->runtimes, r->runtime_cnt, sizeof(*r->runtimes),
				0);
	if (!err)
		err = put_table(w, TABLE_ABSENCE, r->absences, r->absence_cnt, sizeof(*r->absences),
				0);
	if (!err)
		err = put_table(w, TABLE_LOSS, r->losses, r->loss_cnt, sizeof(*r->losses), 0);
	if (!err)
		err = put_table(w, TABLE_FRAME, r->frames, r->frame_cnt, sizeof(*r->frames), 0);
	if (!err)
		err = put_table(w, TABLE_STACK, r->stacks, r->stack_cnt, sizeof(*r->stacks), 0);
	if (!err)
		err = put_table(w, TABLE_LOCK, r->locks, r->lock_cnt, sizeof(*r->locks), 0);
	if (!err)
		err = put_table(w, TABLE_RUN, r->runs, r->run_cnt, sizeof(*r->runs), 1);
	for (int id = TABLE_WORK; !err && id < TABLE_CNT; id++)
		err = put_of_runs(w, (enum table_id)id, r);
	return err ? err : exec(w, "COMMIT");
}

/* All of buf, at the file's beginning. */
static int write_all(int fd, const unsigned char *buf, sqlite3_int64 sz)
{
	sqlite3_int64 done = 0;
	ssize_t n;

	while (done < sz) {
		n = pwrite(fd, buf + done, (size_t)(sz - done), done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	return 0;
}

/* The finished database, as a file would hold it. */
static int copy_out(struct writer *w, int fd)
{
	sqlite3_int64 sz = 0;
	unsigned char *image = sqlite3_serialize(w->db, "main", &sz, SQLITE_SERIALIZE_NOCOPY);
	int err = image ? write_all(fd, image, sz) : -ENOMEM;

	return err ? err_sys(w->e, err, "cannot write %s", w->path) : 0;
}

/*
 * SQLite opens its files by name, and any number of times. So it works in memory, and what it has
 * made goes to the file by the descriptor.
 */
static int write_db(int fd, const char *path, const struct recording *r, struct err *e)
{
	struct writer w = {.path = path, .e = e};
	sqlite3_int64 most = DB_MAX;
	int err;

	if (sqlite3_open_v2("wallgap", &w.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    "memdb") != SQLITE_OK) {
		err = w.db ? sql_error(&w) : err_sys(e, -ENOMEM, "cannot write %s", path);
	} else {
		sqlite3_file_control(w.db, "main", SQLITE_FCNTL_SIZE_LIMIT, &most);
		err = put_recording(&w, r);
		if (!err)
			err = copy_out(&w, fd);
	}
	if (sqlite3_close(w.db) != SQLITE_OK && !err)
		err = sql_error(&w);
	return err;
}

int store_check_writable(const char *path, struct err *e)
{
	struct target t;
	int err = target_open(&t, path, e);

	if (!err)
		target_drop(&t);
	return err;
}

int store_write(const char *path, const struct recording *r, struct err *e)
{
	struct target t;
	int err = target_open(&t, path, e);

	if (err)
		return err;
	err = write_db(t.fd, path, r, e);
	if (!err)
		err = target_commit(&t, e);
	target_drop(&t);
	return err;
}

/* "a.wg" is "a-1.wg": only where something is in its place. */
static bool other_name(char *buf, size_t sz, const char *path, int number)
{
	size_t len = strlen(path), cut = len > 3 && !strcmp(path + len - 3, ".wg") ? 3 : 0;

	return snprintf(buf, sz, "%.*s-%d%s", (int)(len - cut), path, number, path + len - cut) <
	       (int)sz;
}

int store_save(char *path, size_t sz, const struct recording *r, struct err *e)
{
	scoped_free char *other = malloc(sz);
	int err = store_write(path, r, e);

	for (int i = 1; (err == -EEXIST || err == -EISDIR) && other && i < OTHERS_MAX; i++) {
		if (!other_name(other, sz, path, i))
			break;
		err = store_write(other, r, e);
		if (!err)
			memcpy(path, other, strlen(other) + 1);
	}
	return err;
}
