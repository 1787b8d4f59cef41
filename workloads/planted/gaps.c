// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * gaps NAME a|b|can [SCALE]: one side of a planted pair. Both sides do the same; b takes 1.5 to 4
 * times as long, for one reason and for nothing else. gaps/README.md says how they are made and how
 * to add one, gaps/truths.json what each of them is. "can" makes ready what both sides need, or
 * exits 77 where this machine cannot have that reason. "gaps list" prints the names.
 *
 * With PLANTED_TRUTH=PATH in the environment each run adds one line to that file:
 *   {"name": "nanosleep", "side": "b", "wall_ns": 301234567, "cause_ns": 151234567}
 * without cause_ns where the pair cannot measure its reason.
 */
#include "gaps/gaps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void *lane_main(void *arg)
{
	struct lane *l = arg;

	pin(l->cpu);
	name_thread("lane");
	self_begin(&l->self, "lane");
	if (l->gate) {
		pthread_barrier_wait(l->gate);
		reading_take(&l->self.begin);
	}
	l->body(l);
	self_end(&l->self);
	return NULL;
}

static void init_lanes(struct lane *lanes, int cnt, const struct side *s,
		       void (*body)(struct lane *))
{
	for (int i = 0; i < cnt; i++)
		lanes[i] =
			(struct lane){.side = s, .body = body, .index = i, .cpu = allowed_cpu(i)};
}

static struct lane *last_of(struct lane *lanes, int cnt)
{
	struct lane *last = lanes;

	for (int i = 0; i < cnt; i++)
		if (lanes[i].self.end.at_ns > last->self.end.at_ns)
			last = &lanes[i];
	return last;
}

struct lane *run_lanes(struct lane *lanes, int cnt, const struct side *s,
		       void (*body)(struct lane *))
{
	pthread_t threads[LANES_MAX];
	pthread_barrier_t gate;

	init_lanes(lanes, cnt, s, body);
	pthread_barrier_init(&gate, NULL, (unsigned)cnt);
	for (int i = 0; i < cnt; i++) {
		lanes[i].gate = &gate;
		threads[i] = start_thread(lane_main, &lanes[i]);
	}
	for (int i = 0; i < cnt; i++)
		pthread_join(threads[i], NULL);
	return last_of(lanes, cnt);
}

struct lane *run_processes(struct lane *lanes, int cnt, const struct side *s,
			   void (*body)(struct lane *))
{
	size_t sz = (size_t)cnt * sizeof(*lanes);
	struct lane *shared =
		mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		die("mmap");
	init_lanes(shared, cnt, s, body);
	for (int i = 0; i < cnt; i++) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (!child) {
			lane_main(&shared[i]);
			_exit(0);
		}
	}
	for (int i = 0; i < cnt; i++)
		wait(NULL);
	memcpy(lanes, shared, sz);
	munmap(shared, sz);
	return last_of(lanes, cnt);
}

uint64_t delayed_ns(const struct self *self)
{
	return self->end.run_delay_ns - self->begin.run_delay_ns;
}

uint64_t slept_ns(const struct self *self)
{
	uint64_t awake_ns = self->end.cpu_ns - self->begin.cpu_ns + delayed_ns(self);
	uint64_t wall_ns = self->end.at_ns - self->begin.at_ns;

	return wall_ns > awake_ns ? wall_ns - awake_ns : 0;
}

static const struct pair *const groups[] = {lock_pairs, cpu_pairs,   memory_pairs,
					    disk_pairs, queue_pairs, peer_pairs};

static void list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		for (const struct pair *p = groups[i]; p->name; p++)
			puts(p->name);
}

static const struct pair *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		for (const struct pair *p = groups[i]; p->name; p++)
			if (!strcmp(p->name, name))
				return p;
	errno = EINVAL;
	die(name);
}

/* One line, in one write: runs may follow each other into the same file. */
static void tell(const struct pair *p, const struct side *s, uint64_t wall_ns)
{
	const char *path = getenv("PLANTED_TRUTH");
	char line[256];
	int len, fd;

	if (!path)
		return;
	len = snprintf(line, sizeof(line), "{\"name\": \"%s\", \"side\": \"%s\", \"wall_ns\": %llu",
		       p->name, s->b ? "b" : "a", (unsigned long long)wall_ns);
	if (s->cause_ns != UNMEASURED)
		len += snprintf(line + len, sizeof(line) - (size_t)len, ", \"cause_ns\": %llu",
				(unsigned long long)s->cause_ns);
	len += snprintf(line + len, sizeof(line) - (size_t)len, "}\n");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		die(path);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "nanosleep");
	const char *which = arg_str(argc, argv, 2, "a");
	struct side s = {.b = !strcmp(which, "b"),
			 .scale = atof(arg_str(argc, argv, 3, "1")),
			 .cause_ns = UNMEASURED};
	const struct pair *p;
	uint64_t begin_ns;

	if (!strcmp(name, "list")) {
		list();
		return 0;
	}
	p = find(name);
	if (!strcmp(which, "can")) {
		if (p->can)
			p->can();
		return 0;
	}
	errno = EINVAL;
	if ((!s.b && strcmp(which, "a")) || s.scale <= 0)
		die(which);
	begin_ns = mono_ns();
	p->run(&s);
	tell(p, &s, mono_ns() - begin_ns);
	return 0;
}
