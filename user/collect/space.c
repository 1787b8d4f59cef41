// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Modules and processes; see space.h. */
#include "collect/space.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/elffile.h"
#include "base/files.h"
#include "base/util.h"

/* A root folder, with the mount that it is of: each mount namespace has its own. */
struct root {
	uint64_t mount; /* is its own as long as fd is open */
	uint64_t ino;
	int fd;
};

#define ROOT_MAX 1024 /* a program can have any number of them */
#define MODULE_SLOTS (2 * WG_MODULE_MAX)

struct spaces {
	struct pool *pool;
	int layouts_fd, files_fd;
	char *cache;
	struct module *modules; /* [0] is not used */
	size_t module_cnt, module_cap;
	uint16_t by_file[MODULE_SLOTS]; /* their numbers, by hash of their file; 0: none */
	uint32_t vdso;			/* its number, or 0 */
	void *processes;		/* tree of struct process by tgid */
	struct root *roots; /* root folders of other processes; [0] is ours, without an fd */
	size_t root_cnt, root_cap;
	struct spaces_stats stats;
};

static int by_tgid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	ORDER(x->tgid, y->tgid);
	return 0;
}

static void process_free(void *arg)
{
	struct process *p = arg;
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->jitdump_cnt; i++)
		free(p->jitdumps[i]);
	free(p->jitdumps);
	regions_clear(&p->regions);
	free(p->map);
	free(p);
}

static struct process *process_find(const struct spaces *s, uint32_t tgid)
{
	struct process key = {.tgid = tgid}, **found = tfind(&key, &s->processes, by_tgid);

	return found ? *found : NULL;
}

struct process *spaces_process_get(struct spaces *s, uint32_t tgid)
{
	struct process *p = process_find(s, tgid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->tgid = p->ns_tgid = tgid;
	p->root_fd = -1;
	if (!tsearch(p, &s->processes, by_tgid)) {
		free(p);
		return NULL;
	}
	return p;
}

/* --- modules --- */

/* The same file as the kernel knows it, from page pgoff on. */
static struct wg_file_key file_key(const struct module *m, uint64_t pgoff)
{
	return (struct wg_file_key){
		.ino = m->ino,
		.size = m->size,
		.mtime_sec = (uint64_t)m->mtime.tv_sec,
		.mtime_nsec = (uint32_t)m->mtime.tv_nsec,
		.pgoff = pgoff,
		.dev = (uint32_t)(major(m->dev) << 20 | minor(m->dev)),
	};
}

static void tell_file(struct spaces *s, const struct wg_file_key *key, uint32_t module,
		      uint64_t addr)
{
	struct wg_file file = {.addr = addr, .module = module};

	if (s->files_fd >= 0 && bpf_map_update_elem(s->files_fd, key, &file, BPF_ANY))
		s->stats.full_cnt++;
}

/*
 * Tell the kernel side what it will find mapped, before it asks. On some file systems the kernel
 * knows a file by another device than stat says: then it asks.
 */
static void tell_segments(struct spaces *s, const struct module *m, uint32_t number)
{
	struct wg_file_key key = {0}; /* of the vDSO */
	size_t i;

	for (i = 0; i < m->segment_cnt; i++) {
		uint64_t in_page = m->segment[i].offset & 4095;

		if (!m->image)
			key = file_key(m, m->segment[i].offset >> 12);
		tell_file(s, &key, number, m->segment[i].vaddr - in_page);
	}
}

/* Take m into the list and its table into the pool. *number is 0 without memory. */
static int add_module(struct spaces *s, struct module *m, uint32_t *number)
{
	uint64_t begin = now_ns();
	int err = 0;

	*number = 0;
	if (s->module_cnt >= WG_MODULE_MAX ||
	    array_grow((void **)&s->modules, &s->module_cap, s->module_cnt, sizeof(*m))) {
		module_clear(m);
		return -ENOSPC;
	}
	*number = (uint32_t)s->module_cnt;
	if (m->elf)
		err = pool_add_module(s->pool, *number, &m->table);
	tell_segments(s, m, *number);
	s->modules[s->module_cnt++] = *m;
	s->stats.module_cnt++;
	s->stats.fde_bad_cnt += m->table.fde_bad_cnt;
	s->stats.row_unsupported_cnt += m->table.row_unsupported_cnt;
	s->stats.build_ns += now_ns() - begin;
	return err;
}

/* Where the module's number is, or would be: a process may map thousands of files. */
static uint16_t *slot_of(struct spaces *s, const struct stat *st)
{
	uint64_t h = ((uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 40) * 0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 40) % MODULE_SLOTS;

	while (s->by_file[i] && !module_is(&s->modules[s->by_file[i]], st))
		i = (i + 1) % MODULE_SLOTS;
	return &s->by_file[i];
}

static int open_module(struct spaces *s, const char *file, const char *path, uint32_t *number)
{
	struct module m;
	struct stat st;
	uint64_t begin;
	int fd, err;

	*number = 0;
	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return -ENOENT;
	*number = *slot_of(s, &st);
	if (*number)
		return 0;
	if (s->module_cnt >= WG_MODULE_MAX)
		return -ENOSPC;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err = fd < 0 ? -errno : -ENOENT;
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (!files_may_keep(fd)) {
		close(fd);
		return -EMFILE;
	}
	begin = now_ns();
	err = module_open(&m, fd, &st, path, s->cache);
	s->stats.build_ns += now_ns() - begin;
	if (err)
		module_clear(&m);
	if (!err)
		err = add_module(s, &m, number);
	if (*number)
		*slot_of(s, &st) = (uint16_t)*number;
	return err;
}

#define NEEDED_DEPTH 3
#define NEEDED_BYTES (1 << 20) /* of a file's dynamic section, and of its strings */
#define NEEDED_MAX 256	       /* libraries that a file names */

static void preload(struct spaces *s, const char *path, int depth);

/* Where the dynamic loader mostly finds a library. */
static void preload_library(struct spaces *s, const char *name, int depth)
{
	static const char *const dirs[] = {"/lib/x86_64-linux-gnu",
					   "/usr/lib/x86_64-linux-gnu",
					   "/lib64",
					   "/usr/lib64",
					   "/usr/local/lib",
					   "/usr/lib"};
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && !strchr(name, '/'); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (!access(path, R_OK)) {
			preload(s, path, depth);
			return;
		}
	}
}

/* The libraries that the file names (DT_NEEDED): loading their tables takes longer than their start. */
static void preload_needed(struct spaces *s, const char *path, int depth)
{
	struct budget budget = {.path = path};
	struct elf_file f = {.fd = -1};
	const Elf64_Shdr *dynamic;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || elf_file_open(&f, fd, &budget))
		return;
	dynamic = elf_file_section(&f, SHT_DYNAMIC, NULL);
	if (dynamic && dynamic->sh_link < f.section_cnt) {
		const Elf64_Shdr *of = &f.section[dynamic->sh_link];
		Elf64_Dyn *dyn = elf_file_load(&f, dynamic, NEEDED_BYTES);
		char *strings = elf_file_load(&f, of, NEEDED_BYTES);
		size_t cnt = dynamic->sh_size / sizeof(*dyn), needed = 0;

		for (size_t i = 0; dyn && strings && i < cnt && dyn[i].d_tag != DT_NULL; i++)
			if (dyn[i].d_tag == DT_NEEDED && dyn[i].d_un.d_val < of->sh_size &&
			    needed++ < NEEDED_MAX)
				preload_library(s, strings + dyn[i].d_un.d_val, depth);
		elf_file_unload(&f, dynamic, dyn);
		elf_file_unload(&f, of, strings);
	}
	elf_file_close(&f);
}

static void preload(struct spaces *s, const char *path, int depth)
{
	size_t before = s->module_cnt;
	uint32_t number;

	if (!open_module(s, path, path, &number) && depth && s->module_cnt > before)
		preload_needed(s, path, depth - 1);
}

void spaces_preload(struct spaces *s, const char *path)
{
	uint32_t number;

	open_module(s, path, path, &number);
	preload_needed(s, path, NEEDED_DEPTH);
	pool_reserve(s->pool); /* where there is none, who needs it will say so */
}

/* --- mappings --- */

/* One line of /proc/PID/maps. */
struct line {
	uint64_t start, end, offset;
	uint64_t ino;
	bool executable;
	char *path; /* in the text; "" for none */
};

static bool parse_line(char *text, struct line *l)
{
	char *at = text, *end;

	l->start = strtoull(at, &end, 16);
	if (*end != '-')
		return false;
	l->end = strtoull(end + 1, &end, 16);
	if (end[0] != ' ' || strlen(end) < 6)
		return false;
	l->executable = end[3] == 'x';
	l->offset = strtoull(end + 6, &end, 16);
	strtoul(end, &end, 16); /* device */
	if (*end != ':')
		return false;
	strtoul(end + 1, &end, 16);
	l->ino = strtoull(end, &end, 10);
	l->path = end + strspn(end, " ");
	l->path[strcspn(l->path, "\n")] = '\0';
	return l->end > l->start;
}

static void path_trim(char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), cut = sizeof(deleted) - 1;

	if (len > cut && !strcmp(path + len - cut, deleted))
		path[len - cut] = '\0';
}

static void note_jitdump(struct process *p, const char *path)
{
	const char *base = strrchr(path, '/');
	size_t i, len;

	base = base ? base + 1 : path;
	len = strlen(base);
	if (strncmp(base, "jit-", 4) || len < 9 || strcmp(base + len - 5, ".dump"))
		return;
	for (i = 0; i < p->jitdump_cnt; i++)
		if (!strcmp(p->jitdumps[i], path))
			return;
	if (array_grow((void **)&p->jitdumps, &p->jitdump_cap, p->jitdump_cnt, sizeof(char *)))
		return;
	p->jitdumps[p->jitdump_cnt] = strdup(path);
	if (p->jitdumps[p->jitdump_cnt])
		p->jitdump_cnt++;
}

/* Into m: which module a line shows, and its bias; 0 for code of no file, and for what could not be read. */
static void module_of_line(struct spaces *s, struct process *p, struct line *l,
			   struct wg_mapping *m)
{
	char file[96];
	uint64_t bias = 0;
	uint32_t number = 0;
	int err;

	if (!strcmp(l->path, "[vdso]") && s->vdso) {
		m->module = s->vdso;
		module_bias(&s->modules[s->vdso], l->start, 0, &bias);
		m->bias = bias;
		return;
	}
	if (!l->ino || l->path[0] != '/')
		return;
	path_trim(l->path);
	note_jitdump(p, l->path);
	snprintf(file, sizeof(file), "/proc/%u/map_files/%llx-%llx", p->tgid,
		 (unsigned long long)l->start, (unsigned long long)l->end);
	err = open_module(s, file, l->path, &number);
	s->stats.full_cnt += err == -ENOSPC;
	s->stats.closed_cnt += err == -EMFILE || err == -ENFILE;
	m->cut = err == -ENOSPC || err == -EMFILE || err == -ENFILE || err == -ENOMEM;
	if (number && module_bias(&s->modules[number], l->start, l->offset, &bias)) {
		m->module = number;
		m->bias = bias;
		m->cut = 0;
	}
}

static int add_mapping(struct process *p, const struct wg_mapping *m)
{
	struct wg_mapping *last = p->map_cnt ? &p->map[p->map_cnt - 1] : NULL;

	/* JIT compilers have their code in many small pieces */
	if (last && last->end == m->start && last->module == m->module && last->bias == m->bias &&
	    last->cut == m->cut) {
		last->end = m->end;
		return 0;
	}
	if (array_grow((void **)&p->map, &p->map_cap, p->map_cnt, sizeof(*p->map)))
		return -ENOMEM;
	p->map[p->map_cnt++] = *m;
	return 0;
}

static int read_maps(struct spaces *s, struct process *p)
{
	char path[64], *text = NULL;
	scoped_file FILE *f = NULL;
	size_t cap = 0, lines = 0;
	struct wg_mapping m;
	struct line l;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/maps", p->tgid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	p->map_cnt = 0;
	while (!err && getline(&text, &cap, f) > 0) {
		lines++;
		if (!parse_line(text, &l) || !l.executable || l.start >> 47)
			continue;
		m = (struct wg_mapping){.start = l.start, .end = l.end};
		module_of_line(s, p, &l, &m);
		err = add_mapping(p, &m);
	}
	free(text);
	return err ? err : lines ? 0 : -ESRCH;
}

/* --- what else of the process outlives it --- */

static void read_status(struct process *p)
{
	char path[64], line[256];
	scoped_file FILE *f = NULL;
	unsigned int uid;
	char *at;

	snprintf(path, sizeof(path), "/proc/%u/status", p->tgid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Uid: %u", &uid) == 1)
			p->uid = uid;
		if (strncmp(line, "NStgid:", 7))
			continue;
		at = strrchr(line, '\t'); /* the innermost is the last */
		if (at)
			p->ns_tgid = (uint32_t)strtoul(at, NULL, 10);
		return;
	}
}

/* The mount and the inode of the root folder open as fd; its path, where that is AT_FDCWD. */
static int read_root(struct root *root, int fd, const char *path)
{
	struct statx st;

	if (statx(fd, path, fd == AT_FDCWD ? 0 : AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st))
		return -errno;
	*root = (struct root){.mount = st.stx_mnt_id, .ino = st.stx_ino, .fd = fd < 0 ? -1 : fd};
	return st.stx_mask & STATX_MNT_ID ? 0 : -EOPNOTSUPP;
}

static int add_root(struct spaces *s, const struct root *root)
{
	if (s->root_cnt >= ROOT_MAX)
		return -EMFILE;
	if (array_grow((void **)&s->roots, &s->root_cap, s->root_cnt, sizeof(*s->roots)))
		return -ENOMEM;
	s->roots[s->root_cnt++] = *root;
	return 0;
}

/* Where the process's root is: 0 with p->root_fd set, or -errno. */
static int find_root(struct spaces *s, struct process *p)
{
	struct root root;
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%u/root/", p->tgid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = files_may_keep(fd) ? read_root(&root, fd, "") : -EMFILE;
	for (size_t i = 0; !err && i < s->root_cnt; i++) {
		if (s->roots[i].mount != root.mount || s->roots[i].ino != root.ino)
			continue;
		p->root_fd = s->roots[i].fd;
		close(fd);
		return 0;
	}
	if (!err)
		err = add_root(s, &root);
	if (err)
		close(fd);
	else
		p->root_fd = fd;
	return err;
}

void spaces_identify(struct spaces *s, uint32_t tgid)
{
	struct process *p = process_find(s, tgid);

	if (!p || p->identified || find_root(s, p))
		return;
	read_status(p);
	p->identified = true;
}

/* Those that fit: code of files first, since the rest is stepped through without a table anyway. */
static struct wg_mapping *choose_mappings(const struct process *p, size_t *cnt)
{
	struct wg_mapping *chosen = calloc(WG_LAYOUT_MAX, sizeof(*chosen));
	size_t files = 0, room, i;

	for (i = 0; i < p->map_cnt; i++)
		files += p->map[i].module != 0;
	room = files < WG_LAYOUT_MAX ? WG_LAYOUT_MAX - files : 0;
	*cnt = 0;
	for (i = 0; chosen && i < p->map_cnt && *cnt < WG_LAYOUT_MAX; i++) {
		if (!p->map[i].module && !room)
			continue;
		room -= !p->map[i].module;
		chosen[(*cnt)++] = p->map[i];
	}
	return chosen;
}

static int publish(struct spaces *s, const struct process *p)
{
	struct wg_layout layout;
	scoped_free struct wg_mapping *chosen = NULL;
	size_t cnt = p->map_cnt;
	int err;

	if (cnt > WG_LAYOUT_MAX) {
		chosen = choose_mappings(p, &cnt);
		if (!chosen)
			return -ENOMEM;
	}
	err = pool_add_layout(s->pool, chosen ? chosen : p->map, cnt, &layout);
	if (!err && bpf_map_update_elem(s->layouts_fd, &p->tgid, &layout, BPF_ANY))
		err = -errno;
	if (err || cnt < p->map_cnt)
		s->stats.full_cnt++;
	return err;
}

/* Exec takes a layout off, and may come back to the same; a fork may come before there is one. */
static int publish_missing(struct spaces *s, const struct process *p)
{
	struct wg_layout layout;

	return bpf_map_lookup_elem(s->layouts_fd, &p->tgid, &layout) || !layout.cnt ? publish(s, p)
										    : 0;
}

void spaces_answer(struct spaces *s, uint32_t tgid, uint64_t start, const struct wg_file_key *key)
{
	const struct process *p = process_find(s, tgid);
	const struct wg_mapping *m;
	size_t i;

	for (i = 0; p && i < p->map_cnt; i++) {
		m = &p->map[i];
		if (start - m->start < m->end - m->start)
			tell_file(s, key, m->module, start - m->bias);
	}
}

int spaces_refresh(struct spaces *s, uint32_t tgid)
{
	struct process *p = spaces_process_get(s, tgid);
	struct wg_mapping *before;
	size_t before_cnt;
	int err;

	if (!p)
		return -ENOMEM;
	before = p->map;
	before_cnt = p->map_cnt;
	p->read_ns = now_ns();
	p->map = NULL;
	p->map_cnt = p->map_cap = 0;
	err = read_maps(s, p);
	if (err == -ESRCH) {
		/* gone: what was known of it is all there will be */
		free(p->map);
		p->map = before;
		p->map_cnt = p->map_cap = before_cnt;
		p->unread = !before_cnt && (p->missed || s->files_fd < 0);
		return err;
	}
	if (!err && (p->map_cnt != before_cnt ||
		     !items_equal(p->map, before, before_cnt, sizeof(*before)) || !before_cnt)) {
		p->changed_ns = now_ns();
		err = publish(s, p);
		p->identified = false;
		spaces_identify(s, tgid);
	} else if (!err) {
		err = publish_missing(s, p);
	}
	free(before);
	return err;
}

/* A fork that we hear of now may be as old as this. */
#define RECENT_NS (200 * NSEC_PER_MSEC)

int spaces_inherit(struct spaces *s, uint32_t parent, uint32_t child)
{
	const struct process *from = process_find(s, parent);
	struct process *p;

	if (!from)
		return spaces_refresh(s, child);
	p = spaces_process_get(s, child);
	if (!p)
		return -ENOMEM;
	p->identified = false;
	free(p->map);
	p->map = malloc((from->map_cnt + 1) * sizeof(*p->map));
	p->map_cnt = p->map_cap = 0;
	if (!p->map)
		return -ENOMEM;
	items_move(p->map, from->map, from->map_cnt, sizeof(*p->map));
	p->map_cnt = from->map_cnt;
	p->map_cap = from->map_cnt + 1;
	p->changed_ns = from->changed_ns;
	/*
	 * What the kernel copied at the fork is what the parent had there at that moment; if that
	 * was before its last change, it is not what we know, and would never be made good.
	 */
	return now_ns() - from->changed_ns < RECENT_NS ? publish(s, p) : publish_missing(s, p);
}

/* Looking may take a hundredth of the time. */
#define REGIONS_SHARE 100

bool spaces_note_regions(struct spaces *s, uint32_t tgid, uint64_t since_ns)
{
	struct process *p = process_find(s, tgid);
	struct regions now = {0};
	uint64_t begin = now_ns();

	if (!p)
		return true;
	if (p->regions_ns && ((since_ns && p->regions_ns > since_ns) ||
			      begin - p->regions_ns < p->regions_took_ns * REGIONS_SHARE))
		return false;
	p->regions_ns = begin;
	if (!regions_read(&now, tgid)) {
		regions_clear(&p->regions);
		p->regions = now;
	} else {
		regions_clear(&now); /* gone: what was seen last is what is known */
	}
	p->regions_took_ns = now_ns() - begin;
	return true;
}

/* --- */

int spaces_new(struct spaces **out, struct pool *pool, int layouts_fd, int files_fd,
	       const char *cache)
{
	struct spaces *s = calloc(1, sizeof(*s));
	struct module vdso;
	struct root root;

	if (!s)
		return -ENOMEM;
	s->pool = pool;
	s->layouts_fd = layouts_fd;
	s->files_fd = files_fd;
	s->cache = cache ? strdup(cache) : NULL;
	s->module_cnt = 1;
	s->roots = NULL;
	if (read_root(&root, AT_FDCWD, "/") || add_root(s, &root) ||
	    array_grow((void **)&s->modules, &s->module_cap, 1, sizeof(*s->modules))) {
		spaces_free(s);
		return -ENOMEM;
	}
	s->modules[0].fd = -1;
	if (!module_open_vdso(&vdso))
		add_module(s, &vdso, &s->vdso);
	*out = s;
	return 0;
}

void spaces_free(struct spaces *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 1; i < s->module_cnt; i++)
		module_clear(&s->modules[i]);
	free(s->modules);
	for (i = 1; i < s->root_cnt; i++)
		if (s->roots[i].fd >= 0)
			close(s->roots[i].fd);
	free(s->roots);
	tdestroy(s->processes, process_free);
	if (s->cache)
		unwind_cache_tidy(s->cache);
	free(s->cache);
	free(s);
}

const struct module *spaces_module(const struct spaces *s, uint32_t number)
{
	return number && number < s->module_cnt ? &s->modules[number] : NULL;
}

const struct process *spaces_process(const struct spaces *s, uint32_t tgid)
{
	return process_find(s, tgid);
}

struct each {
	void (*mark)(void *ctx, struct process *p);
	void *ctx;
};

static void each_node(const void *node, VISIT visit, void *arg)
{
	const struct each *e = arg;

	if (visit == postorder || visit == leaf)
		e->mark(e->ctx, *(struct process *const *)node);
}

void spaces_each(struct spaces *s, void (*mark)(void *ctx, struct process *p), void *ctx)
{
	struct each e = {mark, ctx};

	twalk_r(s->processes, each_node, &e);
}

/* Told at the end: a sample that shows that the kernel side knew them may come after the process went. */
static void count_unread(const void *node, VISIT visit, void *cnt)
{
	const struct process *p = *(struct process *const *)node;

	if (visit == postorder || visit == leaf)
		*(uint64_t *)cnt += p->unread && !p->noted;
}

void spaces_stats(const struct spaces *s, struct spaces_stats *out)
{
	*out = s->stats;
	twalk_r(s->processes, count_unread, &out->unread_cnt);
	out->table_bytes = pool_bytes(s->pool);
}
