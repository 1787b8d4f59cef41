// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The recording file. What is written is read; what was not written by us is refused in one line;
 * whatever is done to the bytes, nothing crashes; nothing is left beside the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "base/util.h"
#include "report/report.h"
#include "store/schema.h"
#include "store/store.h"
#include "unit/random_recording.h"

static char dir[64];
static char path[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/wallgap-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/a.wg", dir);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	return 0;
}

/* Names in dir, the hidden ones too; they go away when drop is set. */
static int entries(bool drop)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int cnt = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		cnt++;
		if (drop)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return cnt;
}

static int tear_down(void **state)
{
	(void)state;
	entries(true);
	return rmdir(dir);
}

static void write_random(uint64_t seed)
{
	struct prng p = {.state = seed};
	struct recording r;
	struct err e;

	recording_init(&r);
	random_recording(&r, &p);
	if (store_write(path, &r, &e))
		fail_msg("%s", e.msg);
	recording_clear(&r);
}

/* Does it have a row of everything in its first run? Else a test may test nothing. */
static bool rich(const struct recording *r)
{
	const struct run *run = r->runs;

	return r->run_cnt > 1 && run->thread_cnt && run->work_cnt && run->site_cnt &&
	       run->waker_cnt && r->lock_cnt && r->lib_cnt && r->frame_cnt > 10;
}

/* The first seed that gives such a recording. */
static uint64_t rich_seed(void)
{
	for (uint64_t seed = 1; seed < 1000; seed++) {
		struct prng p = {.state = seed};
		struct recording r;
		bool found;

		recording_init(&r);
		random_recording(&r, &p);
		found = rich(&r);
		recording_clear(&r);
		if (found)
			return seed;
	}
	fail_msg("no seed gives a row of everything");
	return 0;
}

/* Must fail with code and say words; r must come back empty. */
static void refused(const char *file, int code, const char *words)
{
	struct recording r;
	struct err e = {{0}};

	recording_init(&r);
	assert_int_equal(store_read(file, &r, &e), code);
	if (!strstr(e.msg, words) || strchr(e.msg, '\n'))
		fail_msg("said: %s", e.msg);
	assert_null(r.runs);
	assert_null(r.version);
	assert_int_equal(r.lib_cnt, 0);
}

static void sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void put_file(const void *bytes, size_t sz)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sz), sz);
	close(fd);
}

static char *get_file(size_t *sz)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *bytes;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*sz = (size_t)st.st_size;
	bytes = malloc(*sz);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *sz, f), *sz);
	fclose(f);
	return bytes;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct prng p = {.state = seed};
		struct recording a, b;
		const char *where;
		struct err e;

		recording_init(&a);
		recording_init(&b);
		random_recording(&a, &p);
		if (store_write(path, &a, &e) || store_read(path, &b, &e))
			fail_msg("seed %d: %s", (int)seed, e.msg);
		if (recording_differs(&a, &b, &where))
			fail_msg("seed %d: %s differs", (int)seed, where);
		recording_clear(&a);
		recording_clear(&b);
	}
	assert_int_equal(entries(false), 1);
}

static void same_recording_same_bytes(void **state)
{
	scoped_free char *a = NULL;
	scoped_free char *b = NULL;
	size_t a_sz, b_sz;

	(void)state;
	write_random(5);
	a = get_file(&a_sz);
	write_random(5);
	b = get_file(&b_sz);
	assert_int_equal(a_sz, b_sz);
	assert_memory_equal(a, b, a_sz);
}

static void bytes_that_are_no_text_become_text(void **state)
{
	struct recording a, b;
	struct err e;
	struct thread *t;

	(void)state;
	recording_init(&a);
	recording_init(&b);
	a.argv = strdup("wallgap \xff\xfe x");
	t = run_add_thread(recording_add_run(&a));
	memcpy(t->comm, "ab\xc3", 3);
	t->kernel.nvcsw = UINT64_MAX; /* nonsense is kept as the most there can be */
	assert_int_equal(store_write(path, &a, &e), 0);
	assert_int_equal(store_read(path, &b, &e), 0);
	assert_string_equal(b.argv, "wallgap ?? x");
	assert_string_equal(b.runs[0].threads[0].comm, "ab?");
	assert_true(b.runs[0].threads[0].kernel.nvcsw > 1ull << 58);
	assert_string_equal(b.version, "");
	recording_clear(&a);
	recording_clear(&b);
}

static void mode_and_owner(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() == 0) {
		setenv("SUDO_UID", "12345", 1);
		setenv("SUDO_GID", "23456", 1);
	}
	write_random(3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 12345);
		assert_int_equal(st.st_gid, 23456);
	}
	assert_int_equal(unlink(path), 0); /* another's now: not to be replaced */
	setenv("SUDO_UID", "-1", 1);	   /* junk there is not believed */
	write_random(3);
	setenv("SUDO_UID", "99999999999999", 1);
	write_random(3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
}

static void an_unwritable_place_is_refused(void **state)
{
	char link_path[128], target[128];
	struct recording r;
	struct stat st;
	struct err e;

	(void)state;
	recording_init(&r);
	assert_int_equal(store_write("/nowhere/at/all.wg", &r, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nowhere/at/all.wg"));
	assert_int_equal(store_check_writable("/nowhere/at/all.wg", &e), -ENOENT);
	assert_int_equal(store_check_writable("", &e), -EINVAL);
	assert_int_equal(store_check_writable(dir, &e), -EISDIR);
	assert_int_equal(store_check_writable("/dev/null", &e), -EEXIST);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(store_check_writable(path, &e), 0);
	assert_int_equal(entries(false), 0);
	/* a link and what it names stay as they are */
	snprintf(link_path, sizeof(link_path), "%s/link.wg", dir);
	snprintf(target, sizeof(target), "%s/target.wg", dir);
	close(open(target, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(target, link_path), 0);
	assert_int_equal(store_write(link_path, &r, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "it is a link"));
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(entries(false), 2);
	/* what was measured gets another name */
	assert_int_equal(store_save(link_path, sizeof(link_path), &r, &e), 0);
	assert_non_null(strstr(link_path, "/link-1.wg"));
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size > 0);
	assert_int_equal(entries(false), 3);
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_leaves_nothing(void **state)
{
	struct rlimit old, low = {.rlim_cur = 16384};
	struct recording r;
	struct err e;
	int err;

	(void)state;
	recording_init(&r);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	err = store_write(path, &r, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(err < 0);
	assert_non_null(strstr(e.msg, path));
	assert_int_equal(entries(false), 0);
}

static void what_is_no_recording_is_refused(void **state)
{
	char junk[4096];

	(void)state;
	refused("/nowhere.wg", -ENOENT, "cannot read /nowhere.wg: No such file");
	refused(dir, -EISDIR, "folder");
	put_file("", 0);
	refused(path, -EINVAL, "empty");
	put_file("hello", 5);
	refused(path, -EINVAL, "no recording");
	memset(junk, 'x', sizeof(junk));
	put_file(junk, sizeof(junk));
	refused(path, -EINVAL, "no recording");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(path, -EINVAL, "no plain file"); /* and does not wait for a writer */
	unlink(path);
	sql("CREATE TABLE other(a); INSERT INTO other VALUES (1);");
	refused(path, -EINVAL, "no recording");
}

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	write_random(2);
	sql("PRAGMA user_version = 8");
	refused(path, -EPROTO, "schema 8 is newer than 7");
	sql("PRAGMA user_version = 0");
	refused(path, -EINVAL, "no recording");
	sql("PRAGMA user_version = 5; PRAGMA application_id = 7");
	refused(path, -EINVAL, "no recording");
}

#define NO_PATH(name) "ALTER TABLE run DROP COLUMN path_" #name "_ns;"
#define NO_SCHEMA_4                                                                                \
	"ALTER TABLE recording DROP COLUMN stopped_by; ALTER TABLE run DROP COLUMN own_cpu_ns;"    \
	"DROP TABLE path_part; ALTER TABLE site DROP COLUMN thread;"                               \
	"ALTER TABLE site DROP COLUMN kept; ALTER TABLE site DROP COLUMN faulting_cnt;"            \
	"ALTER TABLE thread DROP COLUMN quota_ns; ALTER TABLE run DROP COLUMN spin_ns;"            \
	"ALTER TABLE run DROP COLUMN cacheline_ns; ALTER TABLE run DROP COLUMN variant;"           \
	"ALTER TABLE recording DROP COLUMN user;"
#define NO_SCHEMA_3                                                                                \
	NO_SCHEMA_4 "ALTER TABLE thread DROP COLUMN queued_asleep_ns; ALTER TABLE thread DROP "    \
		    "COLUMN start;"                                                                \
		    "DROP TABLE runtime; DROP TABLE absence;" NO_PATH(cpu) NO_PATH(cpu_fault)      \
			    NO_PATH(runq_wake) NO_PATH(runq_preempt) NO_PATH(futex) NO_PATH(klock) \
				    NO_PATH(io) NO_PATH(sleep) NO_PATH(poll) NO_PATH(ipc)          \
					    NO_PATH(child) NO_PATH(stopped) NO_PATH(other)         \
						    NO_PATH(probe)

/* Schema 1 had no call paths: what it had is read, the rest is 0, unknown or none. */
static void an_older_schema_is_read(void **state)
{
	struct prng p = {.state = rich_seed()};
	struct recording a, b;
	const char *where;
	struct err e;

	(void)state;
	write_random(p.state);
	sql(NO_SCHEMA_3
	    "DROP VIEW path; DROP VIEW waits; DROP VIEW samples; DROP TABLE waker; DROP TABLE site;"
	    "DROP TABLE lock; DROP TABLE stack; DROP TABLE frame;"
	    "ALTER TABLE thread DROP COLUMN faults_huge;"
	    "ALTER TABLE thread DROP COLUMN fault_huge_ns;"
	    "ALTER TABLE thread DROP COLUMN tlb_remote_flushes;"
	    "ALTER TABLE thread DROP COLUMN tlb_local_flushes;"
	    "ALTER TABLE thread DROP COLUMN ipis_sent;"
	    "ALTER TABLE run DROP COLUMN sample_hz; PRAGMA user_version = 1");
	recording_init(&a);
	recording_init(&b);
	random_recording(&a, &p);
	recording_to_schema_1(&a);
	if (store_read(path, &b, &e))
		fail_msg("%s", e.msg);
	if (recording_differs(&a, &b, &where))
		fail_msg("%s differs", where);
	recording_clear(&a);
	recording_clear(&b);
	sql("PRAGMA user_version = 4");
	refused(path, -EBADMSG, "no table runtime");
	sql("PRAGMA user_version = 2"); /* the same file is none of schema 2 */
	refused(path, -EBADMSG, "no table frame");
}

/* Read a file, made old by this SQL, against what is left of its recording. */
static void read_old(const char *change, void (*make_old)(struct recording *r))
{
	struct prng p = {.state = rich_seed()};
	struct recording a, b;
	const char *where;
	struct err e;

	write_random(p.state);
	sql(change);
	recording_init(&a);
	recording_init(&b);
	random_recording(&a, &p);
	make_old(&a);
	if (store_read(path, &b, &e))
		fail_msg("%s", e.msg);
	if (recording_differs(&a, &b, &where))
		fail_msg("%s differs", where);
	recording_clear(&a);
	recording_clear(&b);
}

/* Schema 2 did not say where threads start, nor what pools were made in. */
static void schema_2_is_read(void **state)
{
	(void)state;
	read_old(NO_SCHEMA_3 "PRAGMA user_version = 2", recording_to_schema_2);
	sql("PRAGMA user_version = 3");
	refused(path, -EBADMSG, "no table runtime");
}

/* Schema 3 knew neither who was on the critical path nor of CPU quota. */
static void schema_3_is_read(void **state)
{
	(void)state;
	read_old(NO_SCHEMA_4 "PRAGMA user_version = 3", recording_to_schema_3);
	sql("PRAGMA user_version = 4");
	refused(path, -EBADMSG, "no table path_part");
}

static void cut_short_is_refused_at_any_length(void **state)
{
	scoped_free char *bytes = NULL;
	size_t sz;

	(void)state;
	write_random(11);
	bytes = get_file(&sz);
	for (size_t len = 100; len < sz; len += 997) {
		put_file(bytes, len);
		refused(path, -EBADMSG, "cut short");
	}
	put_file(bytes, 99);
	refused(path, -EINVAL, "no recording");
}

static void absurd_values_are_refused(void **state)
{
	static const struct {
		const char *sql, *words;
	} cases[] = {
		{"UPDATE thread SET futex_ns = -1", "column futex_ns of table thread"},
		{"UPDATE thread SET futex_ns = 4611686018427387904", "futex_ns"},
		{"UPDATE thread SET futex_ns = 'many'", "futex_ns"},
		{"UPDATE thread SET futex_ns = 1.5", "futex_ns"},
		{"UPDATE thread SET role = 'boss'", "role"},
		{"UPDATE thread SET comm = CAST(x'fffe' AS TEXT)", "comm"},
		{"UPDATE thread SET comm = 'sixteen bytes xx'", "comm"},
		{"UPDATE thread SET comm = 'a' || char(0) || 'b'", "comm"},
		{"UPDATE thread SET comm = x'61'", "comm"},
		{"UPDATE thread SET begin_ns = end_ns + 1", "end before its begin"},
		{"UPDATE thread SET run = 999", "belongs to no run"},
		{"UPDATE thread SET tid = 4294967296", "tid"},
		{"UPDATE thread SET lane = -2", "lane"},
		{"UPDATE run SET workers = -4", "workers"},
		{"UPDATE run SET pinned = 2", "pinned"},
		{"UPDATE run SET label = CAST(x'ff' AS TEXT)", "label"},
		{"UPDATE run SET label = zeroblob(3000000)", ""},
		{"UPDATE frame SET id = -1 WHERE id = 0", "ids are not in order"},
		{"DELETE FROM frame WHERE id = 0", "ids are not in order"},
		{"DELETE FROM frame WHERE id > 0", "through no frame"},
		{"UPDATE stack SET frames = '[4294967295]'", "column frames of table stack"},
		{"UPDATE stack SET frames = '[99999999999999999999]'", "frames"},
		{"UPDATE stack SET frames = '[1,]'", "frames"},
		{"UPDATE stack SET frames = '[1'", "frames"},
		{"UPDATE stack SET frames = '[-1]'", "frames"},
		{"UPDATE stack SET frames = '[0] '", "frames"},
		{"UPDATE stack SET frames = ''", "frames"},
		{"UPDATE stack SET frames = '[' || replace(printf('%2000c', '0'), ' ', '0,') || "
		 "']', kernel_cnt = 0",
		 "frames"},
		{"UPDATE stack SET frames = '[]', kernel_cnt = 1", "wrong length"},
		{"UPDATE stack SET ended = 'well'", "ended"},
		{"UPDATE lock SET kind = 'door'", "kind"},
		{"UPDATE site SET stack = NULL", "without call path"},
		{"UPDATE site SET stack = 100000", "without call path"},
		{"UPDATE site SET stack = -1", "column stack of table site"},
		{"UPDATE site SET kind = 'wait', state = 'futex', lock = 100000",
		 "lock that is none"},
		{"UPDATE site SET kind = 'sample', state = 'cpu', lock = 0", "lock that is none"},
		{"UPDATE site SET kind = 'sample', state = 'futex'", "cannot be in"},
		{"UPDATE site SET kind = 'wait', state = 'runq_wake'", "cannot be in"},
		{"UPDATE site SET kind = 'wait', state = 'probe'", "cannot be in"},
		{"UPDATE site SET nth = nth + 1", "column nth of table site"},
		{"UPDATE site SET hist = '[1,2'", "hist"},
		{"UPDATE site SET hist = '[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
		 "0,0,0,0,0]'",
		 "hist"},
		{"UPDATE site SET hist = '[900000000000000000]'", "hist"},
		{"UPDATE waker SET site = 1000", "waker of no site"},
		{"UPDATE site SET thread = 1000", "a site of no thread"},
		{"UPDATE path_part SET thread = 1000", "critical path through no thread"},
		{"UPDATE waker SET stack = 100000", "waker without call path"},
		{"UPDATE waker SET run = 999", "belongs to no run"},
		{"UPDATE conditions SET load1 = 9e999", "load1"},
		{"UPDATE conditions SET load1 = -1", "load1"},
		{"DELETE FROM conditions WHERE reading = 1", "missing"},
		{"UPDATE conditions SET reading = 7 WHERE reading = 1", "odd conditions"},
		{"DELETE FROM recording", "missing"},
		{"INSERT INTO host SELECT * FROM host", "two hosts"},
		{"DROP VIEW audit; DROP VIEW closure; DROP VIEW lane_buckets; "
		 "DROP VIEW thread_buckets; ALTER TABLE thread DROP COLUMN ipc_ns",
		 "ipc_ns"},
		{"DROP TABLE work", "no table work"},
		{"DROP TABLE lib; CREATE VIEW lib AS WITH RECURSIVE n(name) AS (SELECT 'a' UNION "
		 "ALL SELECT 'a' FROM n) SELECT name, name AS version, 1 AS rowid FROM n",
		 "no table lib"},
		{"DROP TABLE lib; CREATE VIRTUAL TABLE lib USING fts5(name, version)",
		 "is not one"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_random(rich_seed());
		sql(cases[i].sql);
		refused(path, -EBADMSG, cases[i].words);
	}
}

/* A person may drop runs, add tables and columns, and make an index: it stays a recording. */
static void what_a_person_adds_does_no_harm(void **state)
{
	struct recording r;
	struct err e = {{0}};

	(void)state;
	write_random(rich_seed());
	sql("CREATE TABLE notes(text); ALTER TABLE run ADD COLUMN mine TEXT;"
	    "CREATE INDEX by_run ON thread(run); DELETE FROM thread WHERE run = 1;"
	    "DELETE FROM work WHERE run = 1; DELETE FROM site WHERE run = 1;"
	    "DELETE FROM waker WHERE run = 1; DELETE FROM path_part WHERE run = 1; DELETE FROM run "
	    "WHERE id = 1; PRAGMA journal_mode = "
	    "WAL");
	recording_init(&r);
	if (store_read(path, &r, &e))
		fail_msg("%s", e.msg);
	recording_clear(&r);
}

/* Any name a file may have: the path goes to SQLite as a URI. */
static void odd_file_names(void **state)
{
	static const char *const names[] = {"a b?mode=memory.wg", "100%41.wg", "#x&y=.wg",
					    "\xff\xfe.wg", ":memory:"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct recording r;
		struct err e;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		write_random(4);
		recording_init(&r);
		if (store_read(path, &r, &e))
			fail_msg("%s", e.msg);
		recording_clear(&r);
		assert_int_equal(entries(true), 1);
	}
}

/* Read whatever is at path; when it can be read, it can be shown. Returns whether it could. */
static bool read_and_show(void)
{
	const struct report_opts o = {.verbose = true};
	scoped_file FILE *null = fopen("/dev/null", "w");
	struct recording r;
	struct err e = {{0}};
	int err;

	recording_init(&r);
	err = store_read(path, &r, &e);
	if (err) {
		assert_true(e.msg[0] && !strchr(e.msg, '\n'));
		assert_null(r.runs);
		return false;
	}
	assert_int_equal(report_json(null, &r), 0);
	assert_int_equal(report_text(null, &r, &o), 0);
	recording_clear(&r);
	return true;
}

static void damage(struct prng *p, char *bytes, size_t sz)
{
	uint64_t at = prng_below(p, sz), len = 1 + prng_below(p, 40);

	for (uint64_t i = at; i < at + len && i < sz; i++) {
		switch (prng_below(p, 3)) {
		case 0:
			bytes[i] = (char)prng_next(p);
			break;
		case 1:
			bytes[i] = (char)(bytes[i] ^ (1 << prng_below(p, 8)));
			break;
		default:
			bytes[i] = (char)0xff;
		}
	}
}

static void damaged_bytes_never_crash(void **state)
{
	struct prng p = {.state = 99};
	scoped_free char *bytes = NULL;
	scoped_free char *hurt = NULL;
	size_t sz, read_cnt = 0;

	(void)state;
	write_random(rich_seed());
	bytes = get_file(&sz);
	hurt = malloc(sz);
	for (int round = 0; round < 2000; round++) {
		size_t len = prng_below(&p, 10) ? sz : prng_below(&p, sz);

		memcpy(hurt, bytes, sz);
		for (uint64_t n = 1 + prng_below(&p, 3); n; n--)
			damage(&p, hurt, sz);
		put_file(hurt, len);
		read_cnt += read_and_show();
	}
	/* both ways are taken, or the damage is of the wrong kind */
	assert_true(read_cnt > 20 && read_cnt < 1980);
	assert_int_equal(entries(false), 1);
}

/* All that a reader of .schema sees is explained there, and the views can be asked. */
static void schema_explains_itself(void **state)
{
	static const char *const views[] = {"wall",  "thread_buckets", "lane_buckets", "closure",
					    "audit", "path",	       "waits",	       "samples"};
	sqlite3 *db;
	sqlite3_stmt *s;

	(void)state;
	write_random(3);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		char query[64];

		snprintf(query, sizeof(query), "SELECT * FROM %s", views[i]);
		assert_int_equal(sqlite3_prepare_v2(db, query, -1, &s, NULL), SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW)
			;
		assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	}
	sqlite3_close(db);
	for (int t = 0; t < TABLE_CNT; t++) {
		for (int i = 0; i < tables[t].column_cnt; i++) {
			assert_true(strlen(tables[t].columns[i].doc) > 3);
			assert_null(strchr(tables[t].columns[i].doc, '\n'));
		}
	}
}

static void utf8_as_the_rfc_has_it(void **state)
{
	static const char *const good[] = {"", "a", "\xc2\x80", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {
		"\x80",		"\xc0\x80",	    "\xc1\xbf",		"\xe0\x80\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82",
		"\xff"};
	char out[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
		utf8_clean(out, sizeof(out), bad[i]);
		assert_true(utf8_valid(out, strlen(out)));
	}
	utf8_clean(out, 4,
		   "a\xe2\x82\xac"
		   "b"); /* no half character at the end */
	assert_string_equal(out, "a");
	utf8_clean(out, 5,
		   "a\xe2\x82\xac"
		   "b");
	assert_string_equal(out, "a\xe2\x82\xac");
	utf8_clean(out, 1, "abc");
	assert_string_equal(out, "");
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_written_is_read),
		STORE_TEST(same_recording_same_bytes),
		STORE_TEST(bytes_that_are_no_text_become_text),
		STORE_TEST(mode_and_owner),
		STORE_TEST(an_unwritable_place_is_refused),
		STORE_TEST(a_full_disk_leaves_nothing),
		STORE_TEST(what_is_no_recording_is_refused),
		STORE_TEST(a_newer_schema_is_refused),
		STORE_TEST(an_older_schema_is_read),
		STORE_TEST(schema_2_is_read),
		STORE_TEST(schema_3_is_read),
		STORE_TEST(cut_short_is_refused_at_any_length),
		STORE_TEST(absurd_values_are_refused),
		STORE_TEST(what_a_person_adds_does_no_harm),
		STORE_TEST(odd_file_names),
		STORE_TEST(damaged_bytes_never_crash),
		STORE_TEST(schema_explains_itself),
		cmocka_unit_test(utf8_as_the_rfc_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
