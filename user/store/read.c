// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A recording file to a recording in memory. The file is not trusted: it is looked at before
 * SQLite sees it, checked page by page before a row is read, and each value must be one that the
 * writer could have written. Nothing is left beside it.
 */
#include "store/store.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "base/util.h"
#include "store/limits.h"
#include "store/schema.h"

struct reader {
	sqlite3 *db;
	const char *path; /* for messages */
	struct err *e;
	struct recording *r;
	int64_t *run_ids; /* of r->runs, rising */
	size_t run_id_cap;
	int schema;	 /* of the file, 1 to RECORDING_SCHEMA */
	struct run *run; /* of the row at hand, where its table is of runs */
	size_t nth;	 /* of the row at hand, in the array it goes to */
};

static int damaged(struct reader *rd, const char *why)
{
	return err_set(rd->e, -EBADMSG, "cannot read %s: the recording is damaged (%s)", rd->path,
		       why);
}

/* SQLite's words quote names out of the file: any bytes, made one line of text here. */
static int damaged_sql(struct reader *rd)
{
	char why[128];

	utf8_clean(why, sizeof(why), sqlite3_errmsg(rd->db));
	for (char *p = why; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	return damaged(rd, why);
}

static int sql_error(struct reader *rd)
{
	int code = sqlite3_errcode(rd->db);

	if (code == SQLITE_NOMEM)
		return err_sys(rd->e, -ENOMEM, "cannot read %s", rd->path);
	if (code == SQLITE_NOTADB)
		return err_set(rd->e, -EINVAL, "cannot read %s: it is no recording of wallgap",
			       rd->path);
	return damaged_sql(rd);
}

/* --- the file before SQLite sees it: https://www.sqlite.org/fileformat2.html#the_database_header */

#define HEADER_SZ 100

static uint32_t be32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* Returns the schema, or -errno. */
static int check_header(const char *path, const unsigned char *h, uint64_t file_sz, struct err *e)
{
	uint32_t page_sz = (uint32_t)h[16] << 8 | h[17];
	uint32_t schema = be32(h + 60);

	if (memcmp(h, "SQLite format 3", 16) || be32(h + 68) != STORE_APPLICATION_ID)
		return err_set(e, -EINVAL, "cannot read %s: it is no recording of wallgap", path);
	if (schema > RECORDING_SCHEMA)
		return err_set(e, -EPROTO,
			       "cannot read %s: its schema %u is newer than %d, which this "
			       "wallgap knows; use a newer wallgap",
			       path, schema, RECORDING_SCHEMA);
	if (!schema)
		return err_set(e, -EINVAL, "cannot read %s: it is no recording of wallgap", path);
	if (page_sz == 1)
		page_sz = 65536;
	if ((uint64_t)page_sz * be32(h + 28) > file_sz)
		return err_set(e, -EBADMSG,
			       "cannot read %s: it was cut short (%" PRIu64 " of %" PRIu64
			       " bytes are there); record again",
			       path, file_sz, (uint64_t)page_sz * be32(h + 28));
	return (int)schema;
}

/* Returns the schema, or -errno. */
static int check_file(const char *path, struct err *e)
{
	/* O_NONBLOCK: a FIFO must not keep us waiting */
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char header[HEADER_SZ];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(e, -errno, "cannot read %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "cannot read %s: it is a folder", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "cannot read %s: it is no plain file", path);
	if (!st.st_size)
		return err_set(e, -EINVAL, "cannot read %s: it is empty, no recording of wallgap",
			       path);
	n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		return err_sys(e, -errno, "cannot read %s", path);
	if (n < HEADER_SZ)
		return err_set(e, -EINVAL, "cannot read %s: it is no recording of wallgap", path);
	return check_header(path, header, (uint64_t)st.st_size, e);
}

/* --- opening */

/*
 * As a URI, with everything but plain letters escaped. "immutable" keeps SQLite from looking for
 * a journal beside the file and from making one.
 */
static char *uri_of(const char *path)
{
	char *uri = malloc(3 * strlen(path) + 64), *p = uri;

	if (!uri)
		return NULL;
	p = stpcpy(p, *path == '/' ? "file://" : "file:");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("/._-", c))
			*p++ = (char)c;
		else
			p += sprintf(p, "%%%02x", c);
	}
	strcpy(p, "?mode=ro&immutable=1");
	return uri;
}

static int open_db(struct reader *rd)
{
	scoped_free char *uri = uri_of(rd->path);
	int rc;

	if (!uri)
		return err_sys(rd->e, -ENOMEM, "cannot read %s", rd->path);
	rc = sqlite3_open_v2(uri, &rd->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	if (rc != SQLITE_OK)
		return rd->db ? sql_error(rd) : err_sys(rd->e, -ENOMEM, "cannot read %s", rd->path);
	/* what https://www.sqlite.org/security.html says for files from others */
	sqlite3_limit(rd->db, SQLITE_LIMIT_LENGTH, STORE_STR_MAX + 4096);
	sqlite3_limit(rd->db, SQLITE_LIMIT_SQL_LENGTH, 65536);
	sqlite3_limit(rd->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(rd->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(rd->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (sqlite3_exec(rd->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(rd);
	return 0;
}

/*
 * Is the text a table of plain columns? Whatever else SQLite would run while it reads: a column that is
 * computed, or a check, can be made to take days. Of brackets there are those around the columns and
 * "(id)" of a reference; expressions need others, or signs that no column has.
 */
static bool is_plain(const char *sql, const char *name)
{
	static const char begin[] = "CREATE TABLE ";
	size_t len = strlen(name), depth = 0;

	if (strncmp(sql, begin, sizeof(begin) - 1))
		return false;
	sql += sizeof(begin) - 1;
	if (strncmp(sql, name, len) || strncmp(sql + len, " (", 2))
		return false;
	for (sql += len + 1; *sql; sql++) {
		if (!strncmp(sql, "--", 2)) {
			sql += strcspn(sql, "\n");
			if (!*sql)
				break;
		} else if (*sql == '(') {
			if (depth++ && strncmp(sql, "(id)", 4))
				return false;
		} else if (*sql == ')') {
			if (!depth--)
				return false;
		} else if (!isalnum((unsigned char)*sql) && !strchr("_, \n", *sql)) {
			return false;
		}
	}
	return !depth;
}

/* A view or a virtual table under our name could make rows without end. */
static int check_plain_table(struct reader *rd, sqlite3_stmt *s, const char *name)
{
	const char *sql;
	int rc;

	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return err_set(rd->e, -EBADMSG,
			       "cannot read %s: the recording is damaged (no table %s)", rd->path,
			       name);
	if (rc != SQLITE_ROW)
		return sql_error(rd);
	sql = (const char *)sqlite3_column_text(s, 0);
	if (!sql || !is_plain(sql, name))
		return damaged(rd, "a table is not one");
	sqlite3_reset(s);
	return 0;
}

static int check_tables(struct reader *rd)
{
	sqlite3_stmt *s = NULL;
	int err = 0;

	if (sqlite3_prepare_v2(rd->db,
			       "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?",
			       -1, &s, NULL) != SQLITE_OK)
		return sql_error(rd);
	for (int i = 0; !err && i < TABLE_CNT; i++) {
		if (tables[i].since <= rd->schema)
			err = check_plain_table(rd, s, tables[i].name);
	}
	sqlite3_finalize(s);
	return err;
}

/*
 * Walk all pages once. Without this, pages that point at each other could be read for ever, and
 * a flipped bit would show as a wrong row rather than as an error.
 */
static int check_pages_of(struct reader *rd, const char *name)
{
	sqlite3_stmt *s = NULL;
	const char *word;
	char sql[64];
	int err = 0;

	snprintf(sql, sizeof(sql), "PRAGMA quick_check(%s)", name);
	if (sqlite3_prepare_v2(rd->db, sql, -1, &s, NULL) != SQLITE_OK)
		return sql_error(rd);
	if (sqlite3_step(s) != SQLITE_ROW) {
		err = sql_error(rd);
	} else {
		word = (const char *)sqlite3_column_text(s, 0);
		if (!word || strcmp(word, "ok"))
			err = damaged(rd, "its pages do not hold together");
	}
	sqlite3_finalize(s);
	return err;
}

/* Of our tables: what others a file has is not looked at, nor what they would have us compute. */
static int check_pages(struct reader *rd)
{
	int err = 0;

	for (int i = 0; !err && i < TABLE_CNT; i++) {
		if (tables[i].since <= rd->schema)
			err = check_pages_of(rd, tables[i].name);
	}
	return err;
}

/* --- values */

/* One value is not what the writer can have written. */
static int odd(struct reader *rd, const struct table *t, const struct column *c)
{
	return err_set(rd->e, -EBADMSG,
		       "cannot read %s: the recording is damaged (column %s of table %s)", rd->path,
		       c->name, t->name);
}

static bool get_int(sqlite3_stmt *s, int at, int64_t min, int64_t max, int64_t *out)
{
	if (sqlite3_column_type(s, at) != SQLITE_INTEGER)
		return false;
	*out = sqlite3_column_int64(s, at);
	return *out >= min && *out <= max;
}

static bool get_amount(sqlite3_stmt *s, int at, int64_t max, bool opt, uint64_t *out)
{
	int64_t v;

	if (opt && sqlite3_column_type(s, at) == SQLITE_NULL) {
		*out = UNKNOWN;
		return true;
	}
	if (!get_int(s, at, 0, max, &v))
		return false;
	*out = (uint64_t)v;
	return true;
}

/* Text of the row, valid UTF-8 without a zero in it; NULL when it is anything else. */
static const char *get_text(sqlite3_stmt *s, int at, size_t max)
{
	const char *text;
	size_t len;

	if (sqlite3_column_type(s, at) != SQLITE_TEXT)
		return NULL;
	text = (const char *)sqlite3_column_text(s, at);
	len = (size_t)sqlite3_column_bytes(s, at);
	if (!text || len > max || memchr(text, '\0', len) || !utf8_valid(text, len))
		return NULL;
	return text;
}

static bool get_real(sqlite3_stmt *s, int at, double *out)
{
	int type = sqlite3_column_type(s, at);

	if (type != SQLITE_FLOAT && type != SQLITE_INTEGER)
		return false;
	*out = sqlite3_column_double(s, at);
	return isfinite(*out) && *out >= 0;
}

static bool get_string(sqlite3_stmt *s, int at, char **out)
{
	const char *text = get_text(s, at, STORE_STR_MAX);

	*out = text ? strdup(text) : NULL;
	return *out;
}

static bool get_comm(sqlite3_stmt *s, int at, char *out)
{
	const char *text = get_text(s, at, WG_COMM_LEN - 1);

	if (text)
		strcpy(out, text);
	return text;
}

static bool get_enum(sqlite3_stmt *s, int at, enum kind kind, unsigned int *out)
{
	const char *text = get_text(s, at, 32);
	int v = text ? schema_enum_parse(kind, text) : -EINVAL;

	if (v < 0)
		return false;
	*out = (unsigned int)v;
	return true;
}

static bool get_index(sqlite3_stmt *s, int at, uint32_t *out)
{
	int64_t v;

	*out = NO_INDEX;
	if (sqlite3_column_type(s, at) == SQLITE_NULL)
		return true;
	if (!get_int(s, at, 0, NO_INDEX - 1, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

/*
 * The numbers of "[3,1,4]", each at most limit, into out, which has room for max. Returns how many
 * there are, or -1. Plain decimal digits and commas, as the writer makes them.
 */
static int parse_list(const char *p, uint64_t *out, int max, uint64_t limit)
{
	int cnt = 0;

	if (*p++ != '[')
		return -1;
	while (*p != ']') {
		uint64_t v = 0;
		int digits = 0;

		if (cnt && *p++ != ',')
			return -1;
		for (; *p >= '0' && *p <= '9'; p++, digits++)
			v = v * 10 + (uint64_t)(*p - '0');
		if (!digits || digits > 18 || v > limit || cnt == max)
			return -1;
		out[cnt++] = v;
	}
	return p[1] ? -1 : cnt;
}

static bool get_path(sqlite3_stmt *s, int at, struct stack *stack)
{
	const char *text = get_text(s, at, STORE_PATH_MAX * 12);
	uint64_t frames[STORE_PATH_MAX];
	int cnt = text ? parse_list(text, frames, STORE_PATH_MAX, NO_INDEX - 1) : -1;

	if (cnt < 0)
		return false;
	stack->frames = reallocarray(NULL, (size_t)cnt + 1, sizeof(*stack->frames));
	if (!stack->frames)
		return false;
	stack->frame_cnt = (uint32_t)cnt;
	for (int i = 0; i < cnt; i++)
		stack->frames[i] = (uint32_t)frames[i];
	return true;
}

static bool get_hist(sqlite3_stmt *s, int at, struct hist *hist)
{
	const char *text = get_text(s, at, WG_HIST_CNT * 21 + 3);
	uint64_t bucket[WG_HIST_CNT];
	int cnt = text ? parse_list(text, bucket, WG_HIST_CNT, STORE_AMOUNT_MAX) : -1;
	int err = 0;

	for (int i = 0; i < cnt && !err; i++)
		err = hist_add(hist, (uint32_t)i, bucket[i]);
	return cnt >= 0 && !err;
}

static bool get_number(sqlite3_stmt *s, int at, enum kind kind, void *p)
{
	int64_t v = 0;
	bool ok;

	switch (kind) {
	case K_ID:
		ok = get_int(s, at, INT64_MIN, INT64_MAX, &v);
		*(uint64_t *)p = (uint64_t)v;
		return ok;
	case K_U32:
		ok = get_int(s, at, 0, UINT32_MAX, &v);
		*(uint32_t *)p = (uint32_t)v;
		return ok;
	case K_BOOL:
		ok = get_int(s, at, 0, 1, &v);
		*(bool *)p = ok && v;
		return ok;
	default: /* K_INT, K_LANE */
		ok = get_int(s, at, kind == K_LANE ? -1 : 0, INT_MAX, &v);
		*(int *)p = ok ? (int)v : 0;
		return ok;
	}
}

static bool get(sqlite3_stmt *s, int at, const struct column *c, void *base, size_t nth)
{
	int64_t v;
	void *p = (char *)base + c->offset;

	switch (c->kind) {
	case K_AMOUNT:
	case K_AMOUNT_OPT:
		return get_amount(s, at, STORE_AMOUNT_MAX, c->kind == K_AMOUNT_OPT, p);
	case K_BIG:
	case K_BIG_OPT:
		return get_amount(s, at, INT64_MAX, c->kind == K_BIG_OPT, p);
	case K_REAL:
		return get_real(s, at, p);
	case K_STR:
		return get_string(s, at, p);
	case K_COMM:
		return get_comm(s, at, p);
	case K_ROLE:
	case K_STATE:
	case K_STACK_END:
	case K_LOCK_KIND:
	case K_SITE_KIND:
		return get_enum(s, at, c->kind, p);
	case K_NTH:
		return get_int(s, at, 0, INT64_MAX, &v) && (uint64_t)v == nth;
	case K_INDEX:
		return get_index(s, at, p);
	case K_PATH:
		return get_path(s, at, p);
	case K_HIST:
		return get_hist(s, at, p);
	default:
		return get_number(s, at, c->kind, p);
	}
}

static int get_row(struct reader *rd, sqlite3_stmt *s, const struct table *t, void *row)
{
	for (int i = 0; i < t->column_cnt; i++) {
		if (!get(s, i + 1, &t->columns[i], row, rd->nth))
			return odd(rd, t, &t->columns[i]);
	}
	return 0;
}

/* --- rows: where each one goes */

static struct run *run_by_id(struct reader *rd, int64_t id)
{
	size_t lo = 0, hi = rd->r->run_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rd->run_ids[mid] == id)
			return &rd->r->runs[mid];
		if (rd->run_ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int new_run(struct reader *rd, int64_t id, void **out)
{
	size_t cnt = rd->r->run_cnt;

	if (cnt >= STORE_RUN_MAX)
		return damaged(rd, "too many runs");
	if (array_grow((void **)&rd->run_ids, &rd->run_id_cap, cnt, sizeof(*rd->run_ids)))
		return -ENOMEM;
	rd->run_ids[cnt] = id;
	*out = recording_add_run(rd->r);
	return *out ? 0 : -ENOMEM;
}

/* The two arrays without an _add that gives a blank element: make one here. */
static int new_blank(void **arr, size_t *cap, size_t *cnt, size_t sz, void **out)
{
	if (array_grow(arr, cap, *cnt, sz))
		return -ENOMEM;
	*out = (char *)*arr + (*cnt)++ * sz;
	memset(*out, 0, sz);
	return 0;
}

static int new_of_run(struct reader *rd, enum table_id id, int64_t run_id, void **out)
{
	struct run *run = rd->run = run_by_id(rd, run_id);

	if (!run)
		return damaged(rd, "a row belongs to no run");
	switch (id) {
	case TABLE_THREAD:
		*out = run_add_thread(run);
		break;
	case TABLE_SITE:
		rd->nth = run->site_cnt;
		*out = run_add_site(run);
		break;
	case TABLE_WAKER:
		*out = run_add_waker(run);
		break;
	case TABLE_PATH_PART:
		*out = run_add_path_part(run);
		break;
	default:
		*out = run_add_work(run);
	}
	return *out ? 0 : -ENOMEM;
}

/* What others refer to by its place: the ids must be the places. */
static int new_numbered(struct reader *rd, enum table_id id, size_t nth, int64_t key, void **out)
{
	if (key != (int64_t)nth || nth >= NO_INDEX)
		return damaged(rd, "ids are not in order");
	if (id == TABLE_FRAME)
		*out = recording_add_frame(rd->r);
	else if (id == TABLE_STACK)
		*out = recording_add_stack(rd->r);
	else
		*out = recording_add_lock(rd->r);
	return *out ? 0 : -ENOMEM;
}

/* Room for the nth row of a table, whose key is given. */
static int new_row(struct reader *rd, enum table_id id, size_t nth, int64_t key, void **out)
{
	struct recording *r = rd->r;

	switch (id) {
	case TABLE_RECORDING:
		*out = r;
		return nth ? damaged(rd, "two recordings in one") : 0;
	case TABLE_HOST:
		*out = &r->host;
		return nth ? damaged(rd, "two hosts") : 0;
	case TABLE_CONDITIONS:
		if (key != (int64_t)nth || nth >= ARRAY_SIZE(r->conditions))
			return damaged(rd, "odd conditions");
		*out = &r->conditions[nth];
		return 0;
	case TABLE_LIB:
		return new_blank((void **)&r->libs, &r->lib_cap, &r->lib_cnt, sizeof(*r->libs),
				 out);
	case TABLE_RUNTIME:
		*out = recording_add_runtime(r);
		return *out ? 0 : -ENOMEM;
	case TABLE_ABSENCE:
		*out = recording_add_absence(r);
		return *out ? 0 : -ENOMEM;
	case TABLE_LOSS:
		return new_blank((void **)&r->losses, &r->loss_cap, &r->loss_cnt,
				 sizeof(*r->losses), out);
	case TABLE_FRAME:
	case TABLE_STACK:
	case TABLE_LOCK:
		return new_numbered(rd, id, nth, key, out);
	case TABLE_RUN:
		return new_run(rd, key, out);
	default:
		return new_of_run(rd, id, key, out);
	}
}

static int check_order(struct reader *rd, uint64_t begin_ns, uint64_t end_ns)
{
	return begin_ns > end_ns ? damaged(rd, "an end before its begin") : 0;
}

static int check_stack(struct reader *rd, const struct stack *s)
{
	for (uint32_t i = 0; i < s->frame_cnt; i++) {
		if (s->frames[i] >= rd->r->frame_cnt)
			return damaged(rd, "a call path through no frame");
	}
	return s->kernel_cnt > s->frame_cnt ? damaged(rd, "a call path of wrong length") : 0;
}

static int check_site(struct reader *rd, const struct site *s)
{
	static const unsigned int cpu = 1u << WG_CPU | 1u << WG_CPU_FAULT;
	static const unsigned int states[SITE_KIND_CNT] = {
		[SITE_WAIT] = ~(cpu | 1u << WG_RUNQ_WAKE | 1u << WG_RUNQ_PREEMPT | 1u << WG_PROBE),
		[SITE_SAMPLE] = cpu,
		[SITE_FAULT] = 1u << WG_CPU_FAULT,
	};

	if (!(states[s->kind] & 1u << s->state))
		return damaged(rd, "a site in a state that it cannot be in");
	if (s->stack >= rd->r->stack_cnt)
		return damaged(rd, "a site without call path");
	if (s->lock != NO_INDEX && (s->lock >= rd->r->lock_cnt || s->kind != SITE_WAIT))
		return damaged(rd, "a site with a lock that is none");
	if (s->thread != NO_INDEX && s->thread >= rd->run->thread_cnt)
		return damaged(rd, "a site of no thread");
	return 0;
}

static int check_waker(struct reader *rd, const struct waker *w)
{
	if (w->site >= rd->run->site_cnt)
		return damaged(rd, "a waker of no site");
	if (w->stack != NO_INDEX && w->stack >= rd->r->stack_cnt)
		return damaged(rd, "a waker without call path");
	return 0;
}

/* What no single column can say. */
static int check_row(struct reader *rd, enum table_id id, const void *row)
{
	const struct thread *t = row;
	const struct run *run = row;
	const struct work *w = row;
	const struct path_part *part = row;

	switch (id) {
	case TABLE_RUN:
		return check_order(rd, run->begin_ns, run->end_ns);
	case TABLE_THREAD:
		if (t->start != NO_INDEX && t->start >= rd->r->frame_cnt)
			return damaged(rd, "a thread that starts in no frame");
		return check_order(rd, t->begin_ns, t->end_ns);
	case TABLE_WORK:
		return check_order(rd, w->begin_ns, w->end_ns);
	case TABLE_STACK:
		return check_stack(rd, row);
	case TABLE_SITE:
		return check_site(rd, row);
	case TABLE_WAKER:
		return check_waker(rd, row);
	case TABLE_PATH_PART:
		return part->thread != NO_INDEX && part->thread >= rd->run->thread_cnt
			       ? damaged(rd, "a critical path through no thread")
			       : 0;
	default:
		return 0;
	}
}

/* How many rows a table has at the least: those without which the rest means nothing. */
static size_t least_rows(enum table_id id)
{
	switch (id) {
	case TABLE_RECORDING:
	case TABLE_HOST:
		return 1;
	case TABLE_CONDITIONS:
		return 2;
	default:
		return 0;
	}
}

static int read_rows(struct reader *rd, sqlite3_stmt *s, enum table_id id)
{
	size_t nth = 0;
	void *row;
	int err, rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		row = NULL;
		err = new_row(rd, id, nth++, sqlite3_column_int64(s, 0), &row);
		if (err == -ENOMEM)
			return err_sys(rd->e, err, "cannot read %s", rd->path);
		if (!err)
			err = get_row(rd, s, &tables[id], row);
		if (!err)
			err = check_row(rd, id, row);
		if (err)
			return err;
	}
	if (rc != SQLITE_DONE)
		return sql_error(rd);
	return nth < least_rows(id) ? damaged(rd, "rows are missing") : 0;
}

static int read_table(struct reader *rd, enum table_id id)
{
	scoped_free char *sql = NULL;
	sqlite3_stmt *s = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&sql, &sz);
	int err;

	if (!f)
		return err_sys(rd->e, -ENOMEM, "cannot read %s", rd->path);
	schema_select(f, &tables[id], rd->schema);
	if (fclose(f))
		return err_sys(rd->e, -ENOMEM, "cannot read %s", rd->path);
	if (sqlite3_prepare_v2(rd->db, sql, -1, &s, NULL) != SQLITE_OK)
		return sql_error(rd);
	err = read_rows(rd, s, id);
	sqlite3_finalize(s);
	return err;
}

static int read_all(struct reader *rd)
{
	int err = open_db(rd);

	if (!err)
		err = check_tables(rd);
	if (!err)
		err = check_pages(rd);
	for (int i = 0; !err && i < TABLE_CNT; i++) {
		if (tables[i].since <= rd->schema)
			err = read_table(rd, (enum table_id)i);
	}
	return err;
}

int store_read(const char *path, struct recording *r, struct err *e)
{
	struct reader rd = {.path = path, .e = e, .r = r};
	int err;

	rd.schema = check_file(path, e);
	if (rd.schema < 0)
		return rd.schema;
	err = read_all(&rd);
	sqlite3_close(rd.db);
	free(rd.run_ids);
	if (err)
		recording_clear(r);
	return err;
}
