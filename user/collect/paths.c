// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The thread behind call paths; see paths.h. */
#include "collect/paths.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/threads.h"
#include "base/util.h"
#include "collect/hurry.h"
#include "collect/mapwatch.h"
#include "unwind/walk.h"

/* The stream holds some 100,000 events; nothing but news of processes wakes us earlier. */
#define DRAIN_MS 50
#define RETRY_MS 2 /* while there are processes to be read again */

/* Processes, each once: their own marks see to that. */
struct tgids {
	uint32_t *tgid;
	size_t cnt, cap;
};

/* Of the kernel side: what is it that process tgid has mapped there? */
struct question {
	uint32_t tgid;
	uint64_t start;
	struct wg_file_key key;
};

struct paths {
	struct paths_maps maps;
	void (*half_walked)(void *ctx, uint32_t tgid);
	void *ctx;
	struct pool *pool;
	struct spaces *spaces;
	struct mapwatch *mapwatch;
	struct ring_buffer *ring;
	pthread_t thread;
	bool running;
	int stop_fd;
	pthread_mutex_t turn_lock; /* for the maps of sites; taken before the other one */
	pthread_mutex_t lock;	   /* for all below */
	struct stacks stacks;
	struct profile profile;
	uint16_t window;
	struct tgids stale; /* processes whose mappings are to be read */
	struct question *questions;
	size_t question_cnt, question_cap;
	struct tgids half;     /* processes with waits whose stacks ended where nothing was known */
	struct tgids wanted;   /* processes that have waited somewhere new: look at their memory */
	struct lockcode locks; /* of locks_thread */
	pthread_t locks_thread;
	bool locks_running, locks_stop;
	pthread_cond_t locks_wanted;
	uint8_t locks_asked[WG_MODULE_MAX]; /* enum locks_state, of each module */
	pthread_t sites_thread;
	bool sites_running, sites_stop, sites_asked;
	pthread_cond_t sites_wanted;
	uint64_t memory_lost, news_lost;
};

/* --- whose functions take locks --- */

enum locks_state { LOCKS_UNKNOWN, LOCKS_WANTED, LOCKS_TOLD };

/* Modules of a futex wait: the kernel side has to know which of their functions take locks. */
static void want_locks(struct paths *p, const struct wg_stack_event *e)
{
	for (int i = e->kernel_cnt; i < e->kernel_cnt + e->user_cnt; i++) {
		uint64_t module = e->frame[i] >> WG_MODULE_SHIFT;

		if (module && module < WG_MODULE_MAX && p->locks_running &&
		    p->locks_asked[module] == LOCKS_UNKNOWN) {
			p->locks_asked[module] = LOCKS_WANTED;
			pthread_cond_signal(&p->locks_wanted);
		}
	}
}

/* One module's, with the lock held; it is let go while the file is read. */
static void tell_locks_of(struct paths *p, uint32_t number)
{
	const struct module *m = spaces_module(p->spaces, number);
	struct module copy = {.fd = m && m->fd >= 0 ? dup(m->fd) : -1,
			      .elf = m && m->elf,
			      .path = m ? strdup(m->path) : NULL};

	p->locks_asked[number] = LOCKS_TOLD;
	pthread_mutex_unlock(&p->lock);
	if (copy.path)
		lockcode_add(&p->locks, number, &copy);
	free(copy.path);
	if (copy.fd >= 0)
		close(copy.fd);
	pthread_mutex_lock(&p->lock);
}

/*
 * A thread of its own, that has time: a library's thousands of names are held against all rules,
 * while the other one must not be late for the next process.
 */
static void *run_locks(void *arg)
{
	struct paths *p = arg;
	uint32_t i;

	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	confine(CONFINE_PARSES); /* failing, the main thread will and says so */
	pthread_mutex_lock(&p->lock);
	while (!p->locks_stop) {
		for (i = 1; i < WG_MODULE_MAX && p->locks_asked[i] != LOCKS_WANTED; i++)
			;
		if (i < WG_MODULE_MAX)
			tell_locks_of(p, i);
		else
			pthread_cond_wait(&p->locks_wanted, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* What is mapped here: libc, in nearly every program the one that futex waits begin in. */
static void tell_own_locks(struct paths *p)
{
	const struct process *own = spaces_process(p->spaces, (uint32_t)getpid());

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; own && p->locks.class_of && i < own->map_cnt; i++) {
		const struct module *m = spaces_module(p->spaces, own->map[i].module);
		const char *base = m ? strrchr(m->path, '/') : NULL;

		if (base && !strncmp(base, "/libc.", 6))
			tell_locks_of(p, own->map[i].module);
	}
	pthread_mutex_unlock(&p->lock);
}

/* --- what the stream brings --- */

static void tgids_add(struct paths *p, struct tgids *t, uint32_t tgid)
{
	if (array_grow((void **)&t->tgid, &t->cap, t->cnt, sizeof(*t->tgid)))
		p->memory_lost++;
	else
		t->tgid[t->cnt++] = tgid;
}

static bool tgids_have(const struct tgids *t, uint32_t tgid)
{
	size_t i;

	for (i = 0; i < t->cnt; i++)
		if (t->tgid[i] == tgid)
			return true;
	return false;
}

static void mark_stale(struct paths *p, uint32_t tgid)
{
	struct process *of = spaces_process_get(p->spaces, tgid);

	if (!of || of->stale)
		return;
	of->stale = true;
	tgids_add(p, &p->stale, tgid);
}

static void mark_missed(struct paths *p, uint32_t tgid)
{
	struct process *of = spaces_process_get(p->spaces, tgid);

	if (of)
		of->missed = true;
	mark_stale(p, tgid);
}

static void mark_wanted(struct paths *p, uint32_t tgid)
{
	struct process *of = spaces_process_get(p->spaces, tgid);

	if (!of || of->wanted)
		return;
	of->wanted = true;
	tgids_add(p, &p->wanted, tgid);
}

/* A mapping was made, by any process of the machine: ours are those that we have met. */
static void on_mapping(void *ctx, uint32_t tgid)
{
	struct paths *p = ctx;

	if (spaces_process(p->spaces, tgid))
		mark_stale(p, tgid);
}

/* Of one that a stack has missed: that one is among the broken stacks, and no other will be. */
static void mark_noted(struct paths *p, uint32_t tgid)
{
	struct process *of = spaces_process_get(p->spaces, tgid);

	if (of)
		of->noted = true;
}

static int on_sample(struct paths *p, const struct wg_sample_event *e)
{
	struct raw_sample s = {.stack = e->stack,
			       .leaf = e->leaf,
			       .tgid = e->tgid,
			       .state = e->state,
			       .lane = e->lane,
			       .task = e->task,
			       .cnt = 1};

	if ((int64_t)e->leaf > 0 && e->leaf >> WG_MODULE_SHIFT)
		mark_noted(p, e->tgid);
	return e->window == p->window ? profile_add_sample(&p->profile, &s) : 0;
}

static int on_wake(struct paths *p, const struct wg_wake_event *e)
{
	struct raw_wake w = {.stack = e->stack,
			     .object = e->object,
			     .waker = e->waker,
			     .waker_tgid = e->waker_tgid,
			     .tgid = e->tgid,
			     .flags = e->flags,
			     .lane = e->lane,
			     .cnt = e->weight,
			     .waited_ns = e->waited_ns * e->weight};

	return e->window == p->window ? profile_add_wake(&p->profile, &w) : 0;
}

#define SETTLED_NS (100 * NSEC_PER_MSEC)

/* The mappings of a process are known and have not changed of late. */
static bool is_settled(const struct paths *p, uint32_t tgid)
{
	const struct process *of = spaces_process(p->spaces, tgid);

	return of && of->map_cnt && !of->stale && now_ns() - of->changed_ns > SETTLED_NS;
}

/* The event may be as old as DRAIN_MS; many processes do not live that long. */
static bool is_gone(uint32_t tgid)
{
	return kill((pid_t)tgid, 0) && errno == ESRCH;
}

static int on_process(struct paths *p, const struct wg_process_event *e)
{
	if (p->maps.notes && is_gone(e->tgid))
		return 0;
	if (e->type == WG_EVENT_FORK) {
		/* what the parent had then is what we know now, unless it has just moved */
		if (!is_settled(p, e->parent))
			mark_stale(p, e->tgid);
		return spaces_inherit(p->spaces, e->parent, e->tgid);
	}
	mark_stale(p, e->tgid);
	return 0;
}

/* It can be answered once the process has been read. */
static int on_file(struct paths *p, const struct wg_file_event *e)
{
	if (array_grow((void **)&p->questions, &p->question_cap, p->question_cnt,
		       sizeof(*p->questions)))
		return -ENOMEM;
	p->questions[p->question_cnt++] = (struct question){e->tgid, e->start, e->key};
	/* no loss by itself if the process goes first: a stack that wants the answer says so */
	mark_stale(p, e->tgid);
	return 0;
}

/* Whose process is gone is not answered: the next one that runs the file will ask again. */
static void answer(struct paths *p)
{
	const struct process *of;
	size_t i, left = 0;

	for (i = 0; i < p->question_cnt; i++) {
		const struct question *q = &p->questions[i];

		of = spaces_process(p->spaces, q->tgid);
		if (of && of->stale)
			p->questions[left++] = *q;
		else
			spaces_answer(p->spaces, q->tgid, q->start, &q->key);
	}
	p->question_cnt = left;
}

/* A frame in no file. */
static bool has_jit(const struct wg_stack_event *e)
{
	int i;

	for (i = e->kernel_cnt; i < e->kernel_cnt + e->user_cnt; i++)
		if (e->frame[i] && !(e->frame[i] >> WG_MODULE_SHIFT))
			return true;
	return false;
}

static int on_stack(struct paths *p, const struct wg_stack_event *e, size_t sz)
{
	/* where a lock lies is asked of locks; looking takes a lock of the process itself */
	if (e->state == WG_FUTEX) {
		mark_wanted(p, e->tgid);
		want_locks(p, e);
	}
	if (has_jit(e))
		spaces_identify(p->spaces, e->tgid); /* its perf map will be asked for */
	if (e->end == WG_END_UNMAPPED) {
		mark_missed(p, e->tgid);
		if (e->state && !tgids_have(&p->half, e->tgid))
			tgids_add(p, &p->half, e->tgid);
	}
	return stacks_add(&p->stacks, e, sz);
}

static void want_turn(struct paths *p)
{
	p->sites_asked = true;
	pthread_cond_signal(&p->sites_wanted);
}

static int on_event(void *ctx, void *data, size_t sz)
{
	struct paths *p = ctx;
	uint32_t type = *(uint32_t *)data;
	int err = 0;

	if (type == WG_EVENT_STACK && sz >= offsetof(struct wg_stack_event, frame))
		err = on_stack(p, data, sz);
	else if (type == WG_EVENT_SAMPLE && sz >= sizeof(struct wg_sample_event))
		err = on_sample(p, data);
	else if (type == WG_EVENT_WAKE && sz >= sizeof(struct wg_wake_event))
		err = on_wake(p, data);
	else if (type == WG_EVENT_FILE && sz >= sizeof(struct wg_file_event))
		err = on_file(p, data);
	else if (type == WG_EVENT_SITES)
		want_turn(p);
	else if (sz >= sizeof(struct wg_process_event))
		err = on_process(p, data);
	p->memory_lost += err == -ENOMEM;
	return 0;
}

/* News of processes first: a mapping of a child that we have not met is not ours. */
static void take_news(struct paths *p)
{
	ring_buffer__consume(p->ring);
	mapwatch_drain(p->mapwatch, on_mapping, p);
}

#define NEWS_EVERY 16 /* processes read: the rings fill meanwhile */

/* A process that maps code all the time is read again after so long, not at once. */
#define HASTY_MAX 8 /* a program that starts maps its libraries one by one */
#define REREAD_NS (2 * NSEC_PER_MSEC)

static void mark_one_stale(void *ctx, struct process *of)
{
	struct paths *p = ctx;

	if (of->stale || !of->map_cnt)
		return;
	of->stale = true;
	tgids_add(p, &p->stale, of->tgid);
}

/* Those that are marked now; what becomes stale meanwhile has its turn in the next round. */
static void read_stale(struct paths *p)
{
	struct process *of;
	size_t i, cnt = p->stale.cnt, left = 0;

	for (i = 0; i < cnt; i++) {
		if (i % NEWS_EVERY == NEWS_EVERY - 1)
			take_news(p);
		of = spaces_process_get(p->spaces, p->stale.tgid[i]);
		if (!of)
			continue;
		if (of->hasty_cnt > HASTY_MAX && now_ns() - of->read_ns < REREAD_NS) {
			p->stale.tgid[left++] = of->tgid;
			continue;
		}
		of->stale = false;
		if (now_ns() - of->read_ns < REREAD_NS)
			of->hasty_cnt++;
		else if (of->hasty_cnt)
			of->hasty_cnt--;
		spaces_refresh(p->spaces, of->tgid);
	}
	if (left < cnt)
		items_move(&p->stale.tgid[left], &p->stale.tgid[cnt], p->stale.cnt - cnt,
			   sizeof(*p->stale.tgid));
	p->stale.cnt -= cnt - left;
	if (mapwatch_lost(p->mapwatch) != p->news_lost) {
		p->news_lost = mapwatch_lost(p->mapwatch);
		spaces_each(p->spaces, mark_one_stale, p);
	}
}

static void look_at_wanted(struct paths *p)
{
	struct process *of;
	size_t i, left = 0;

	for (i = 0; i < p->wanted.cnt; i++) {
		of = spaces_process_get(p->spaces, p->wanted.tgid[i]);
		if (!spaces_note_regions(p->spaces, p->wanted.tgid[i], 0))
			p->wanted.tgid[left++] = p->wanted.tgid[i];
		else if (of)
			of->wanted = false;
	}
	p->wanted.cnt = left;
}

/* With the lock held. */
static void take_in(struct paths *p)
{
	take_news(p);
	read_stale(p);
	answer(p);
	look_at_wanted(p);
}

#define SAVED_MAX_NS (200 * NSEC_PER_MSEC)

struct pace {
	int64_t saved_ns; /* of the time that is ours */
	uint64_t at_ns;
};

/*
 * However much there is to do, half the time is the others': but a program that starts maps its
 * libraries once, and must not wait until the half of that has passed.
 */
static void rest(struct pace *pace, uint64_t began_ns, struct pollfd *stop)
{
	uint64_t now = now_ns();

	pace->saved_ns += (int64_t)((now - pace->at_ns) / 2) - (int64_t)(now - began_ns);
	pace->at_ns = now;
	if (pace->saved_ns > (int64_t)SAVED_MAX_NS)
		pace->saved_ns = SAVED_MAX_NS;
	if (pace->saved_ns < 0)
		poll(stop, 1, (int)(-2 * pace->saved_ns / (int64_t)NSEC_PER_MSEC) + 1);
}

static void *run(void *arg)
{
	struct paths *p = arg;
	struct pollfd fds[] = {{.fd = ring_buffer__epoll_fd(p->ring), .events = POLLIN},
			       {.fd = mapwatch_fd(p->mapwatch), .events = POLLIN},
			       {.fd = p->stop_fd, .events = POLLIN}};
	struct tgids half;
	struct pace pace = {.saved_ns = SAVED_MAX_NS, .at_ns = now_ns()};
	uint64_t begin;
	size_t i;

	hurry();
	confine(CONFINE_PARSES);
	while (!(fds[2].revents & POLLIN)) {
		poll(fds, ARRAY_SIZE(fds), p->stale.cnt ? RETRY_MS : DRAIN_MS);
		begin = now_ns();
		pthread_mutex_lock(&p->lock);
		take_in(p);
		half = p->half;
		p->half = (struct tgids){0};
		pthread_mutex_unlock(&p->lock);
		for (i = 0; i < half.cnt; i++)
			p->half_walked(p->ctx, half.tgid[i]);
		free(half.tgid);
		rest(&pace, begin, &fds[2]);
	}
	return NULL;
}

/* --- sites, before the kernel's maps of them are full */

static void turn_sites(struct paths *p)
{
	struct profile part = {0};
	uint16_t window;

	pthread_mutex_lock(&p->turn_lock);
	pthread_mutex_lock(&p->lock);
	window = p->window;
	pthread_mutex_unlock(&p->lock);
	if (window && sitemaps_turn(&p->maps.sites, window, &part))
		p->memory_lost++;
	pthread_mutex_lock(&p->lock);
	if (profile_join(&p->profile, &part))
		p->memory_lost++;
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_unlock(&p->turn_lock);
	profile_clear(&part);
}

/* A thread of its own, since it waits for the kernel: the other one must not be late. */
static void *run_sites(void *arg)
{
	struct paths *p = arg;

	hurry();
	confine(CONFINE_PARSES);
	pthread_mutex_lock(&p->lock);
	while (!p->sites_stop) {
		if (!p->sites_asked) {
			pthread_cond_wait(&p->sites_wanted, &p->lock);
			continue;
		}
		p->sites_asked = false;
		pthread_mutex_unlock(&p->lock);
		turn_sites(p);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- */

static int start_threads(struct paths *p)
{
	int err = start_helper(&p->thread, NULL, run, p);

	p->running = !err;
	if (!err) {
		err = start_helper(&p->sites_thread, NULL, run_sites, p);
		p->sites_running = !err;
	}
	if (!err && p->locks.class_of) {
		err = start_helper(&p->locks_thread, NULL, run_locks, p);
		p->locks_running = !err;
	}
	return err;
}

int paths_open(struct paths **out, const struct paths_maps *maps, const char *cache,
	       lock_class_fn *class_of, void (*half_walked)(void *ctx, uint32_t tgid), void *ctx,
	       struct err *e)
{
	struct paths *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return err_sys(e, -ENOMEM, "call paths");
	p->maps = *maps;
	p->half_walked = half_walked;
	p->locks = (struct lockcode){maps->lock_modules, maps->lock_codes, class_of, 0};
	p->ctx = ctx;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->turn_lock, NULL);
	pthread_cond_init(&p->locks_wanted, NULL);
	pthread_cond_init(&p->sites_wanted, NULL);
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	err = p->stop_fd < 0 ? -errno : pool_new(&p->pool, maps->pool, maps->rules, maps->modules);
	if (!err)
		err = spaces_new(&p->spaces, p->pool, maps->layouts, maps->notes ? maps->files : -1,
				 cache);
	if (!err)
		err = mapwatch_open(&p->mapwatch, maps->notes);
	if (!err) {
		p->ring = ring_buffer__new(maps->stream, on_event, p, NULL);
		err = p->ring ? 0 : -errno;
	}
	/* what we have mapped ourselves, libc above all, most others will map too */
	if (!err)
		err = spaces_refresh(p->spaces, (uint32_t)getpid());
	if (!err)
		tell_own_locks(p);
	if (!err)
		err = start_threads(p);
	if (err) {
		paths_close(p);
		return err_sys(e, err, "cannot set up the unwinding of stacks%s",
			       err == -EAGAIN ? " (no memory for a thread, or no process more is "
						"allowed; see ulimit -v and -u)"
					      : "");
	}
	*out = p;
	return 0;
}

void paths_close(struct paths *p)
{
	const uint64_t one = 1;

	if (!p)
		return;
	if (p->running && write(p->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(p->thread, NULL);
	if (p->sites_running) {
		pthread_mutex_lock(&p->lock);
		p->sites_stop = true;
		pthread_cond_signal(&p->sites_wanted);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->sites_thread, NULL);
	}
	if (p->locks_running) {
		pthread_mutex_lock(&p->lock);
		p->locks_stop = true;
		pthread_cond_signal(&p->locks_wanted);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->locks_thread, NULL);
	}
	pthread_cond_destroy(&p->locks_wanted);
	pthread_cond_destroy(&p->sites_wanted);
	ring_buffer__free(p->ring);
	mapwatch_close(p->mapwatch);
	spaces_free(p->spaces);
	pool_free(p->pool);
	stacks_clear(&p->stacks);
	profile_clear(&p->profile);
	free(p->stale.tgid);
	free(p->wanted.tgid);
	free(p->questions);
	free(p->half.tgid);
	if (p->stop_fd >= 0)
		close(p->stop_fd);
	pthread_mutex_destroy(&p->turn_lock);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void paths_track(struct paths *p, uint32_t tgid)
{
	pthread_mutex_lock(&p->lock);
	spaces_refresh(p->spaces, tgid);
	pthread_mutex_unlock(&p->lock);
}

/* --- threads that slept before we came --- */

struct sleeper_ctx {
	const struct spaces *spaces;
	const struct process *process;
};

static bool sleeper_locate(void *arg, uint64_t addr, struct walk_place *out)
{
	static const struct unwind_table cut = {.cut = true};
	const struct sleeper_ctx *ctx = arg;
	const struct process *p = ctx->process;
	const struct module *m;
	size_t i;

	for (i = 0; i < p->map_cnt; i++) {
		if (addr < p->map[i].start || addr >= p->map[i].end)
			continue;
		m = spaces_module(ctx->spaces, p->map[i].module);
		*out = (struct walk_place){p->map[i].module, p->map[i].bias,
					   p->map[i].cut ? &cut
					   : m		 ? &m->table
							 : NULL};
		return true;
	}
	return false;
}

static bool sleeper_read(void *arg, uint64_t addr, void *to, size_t sz)
{
	const struct sleeper_ctx *ctx = arg;
	struct iovec local = {to, sz}, remote = {(void *)addr, sz}; /* NOLINT: their address */

	return process_vm_readv((pid_t)ctx->process->tgid, &local, 1, &remote, 1, 0) == (ssize_t)sz;
}

/* A number for the stack like those that the kernel side gives, of the same width. */
static uint64_t stack_hash(const struct wg_stack_event *e)
{
	uint64_t h = e->tgid;
	int i;

	for (i = 0; i < e->user_cnt; i++) {
		h = (h ^ e->frame[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h ? h : 1;
}

static void sleeper_object(const struct sleeper_ctx *ctx, const struct wg_sleeper *s,
			   struct wg_adopt *out)
{
	struct wg_futex_waitv first = {0};
	uint64_t flags = s->nr == WG_NR_FUTEX_WAIT ? s->arg3 : s->arg1;

	if (s->state != WG_FUTEX)
		return;
	out->object = s->arg0;
	if (s->nr == WG_NR_FUTEX_WAITV &&
	    sleeper_read((void *)ctx, s->arg0, &first, sizeof(first))) {
		out->object = first.uaddr;
		flags = first.flags;
	}
	if (flags & WG_FUTEX_PRIVATE)
		out->flags = WG_SITE_PRIVATE;
}

int paths_adopt(struct paths *p, const struct wg_sleeper *s, struct wg_adopt *out)
{
	struct walk_regs regs = {s->ip, s->sp, s->bp, s->bx};
	struct sleeper_ctx ctx;
	const struct walk_ops ops = {sleeper_locate, sleeper_read};
	struct wg_stack_event e = {
		.type = WG_EVENT_STACK, .tgid = s->tgid, .state = (uint8_t)s->state};
	uint64_t frame[WG_FRAMES_MAX];
	enum wg_stack_end end;
	int err = -ESRCH;

	*out = (struct wg_adopt){.since_ns = s->since_ns};
	pthread_mutex_lock(&p->lock);
	ctx.spaces = p->spaces;
	ctx.process = spaces_process(p->spaces, s->tgid);
	if (ctx.process && ctx.process->map_cnt) {
		e.user_cnt = (uint8_t)walk_stack(&ops, &ctx, &regs, frame, &end);
		memcpy(e.frame, frame, e.user_cnt * sizeof(*frame));
		e.end = (uint8_t)end;
		e.hash = out->stack = stack_hash(&e);
		sleeper_object(&ctx, s, out);
		err = on_stack(p, &e, sizeof(e));
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

void paths_preload(struct paths *p, const char *path)
{
	pthread_mutex_lock(&p->lock);
	spaces_preload(p->spaces, path);
	pthread_mutex_unlock(&p->lock);
}

void paths_window_begin(struct paths *p, uint16_t window)
{
	pthread_mutex_lock(&p->lock);
	take_in(p);
	profile_clear(&p->profile);
	p->window = window;
	pthread_mutex_unlock(&p->lock);
	sitemaps_begin(&p->maps.sites, window);
}

/* Where the locks lie, of processes that are still there. */
static void note_regions(struct paths *p, const struct profile *out)
{
	uint64_t begin = now_ns();
	size_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < out->wait_cnt; i++)
		if (out->waits[i].key.state == WG_FUTEX)
			spaces_note_regions(p->spaces, out->waits[i].key.tgid, begin);
	pthread_mutex_unlock(&p->lock);
}

int paths_window_end(struct paths *p, struct profile *out)
{
	uint16_t window;
	int err;

	profile_clear(out);
	pthread_mutex_lock(&p->turn_lock);
	pthread_mutex_lock(&p->lock);
	take_in(p);
	*out = p->profile;
	p->profile = (struct profile){0};
	window = p->window;
	p->window = 0;
	pthread_mutex_unlock(&p->lock);
	err = sitemaps_end(&p->maps.sites, window, out);
	pthread_mutex_unlock(&p->turn_lock);
	if (!err)
		note_regions(p, out);
	return err;
}

const struct spaces *paths_lock(struct paths *p, struct stacks **stacks)
{
	pthread_mutex_lock(&p->lock);
	*stacks = &p->stacks;
	return p->spaces;
}

void paths_unlock(struct paths *p)
{
	pthread_mutex_unlock(&p->lock);
}

void paths_losses(struct paths *p, struct paths_losses *out, struct spaces_stats *stats)
{
	pthread_mutex_lock(&p->lock);
	out->memory = p->memory_lost;
	out->maps_lost = mapwatch_lost(p->mapwatch);
	spaces_stats(p->spaces, stats);
	pthread_mutex_unlock(&p->lock);
}
