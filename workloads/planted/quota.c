// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * quota [THREADS] [QUOTA_US] [PERIOD_US] [MS] [one|each] [spin|wake]: a cgroup of its own with a CPU
 * quota, in it THREADS threads for MS milliseconds, all on one CPU or each on one of its own; they
 * spin, or (wake) the first spins and the others nap for 3 ms and spin for 0.5 ms in turn, so that
 * their naps end while the quota is used up.
 *
 * Truth: "throttled_ns", what the kernel counts of the cgroup: for each CPU, how long threads were
 * kept from it. Of threads that spin on a CPU of their own, the time without quota sums to that.
 * Exits 77 where there is no cgroup with the cpu controller to be had.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "planted.h"

#define THREADS_MAX 64

static struct self selves[THREADS_MAX + 1];
static uint64_t thread_cnt, quota_us, period_us, length_ms, end_ns;
static bool each, wake;
static char base[64], group[128];
static bool v2;

static int write_text(const char *dir, const char *name, const char *text)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static void must_write(const char *name, uint64_t a, int64_t b)
{
	char text[64];

	if (b >= 0)
		snprintf(text, sizeof(text), "%llu %lld", (unsigned long long)a, (long long)b);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)a);
	if (write_text(group, name, text))
		skip(name);
}

/* The mount with the cpu controller, version 1 or 2, and a group made below it. */
static void make_group(void)
{
	static const char *const v1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(v1) && !*base; i++) {
		snprintf(path, sizeof(path), "%s/cpu.shares", v1[i]);
		if (!access(path, F_OK))
			snprintf(base, sizeof(base), "%s", v1[i]);
	}
	if (!*base && !access("/sys/fs/cgroup/cgroup.controllers", F_OK)) {
		v2 = true;
		snprintf(base, sizeof(base), "/sys/fs/cgroup");
		if (write_text(base, "cgroup.subtree_control", "+cpu"))
			skip("cgroup.subtree_control");
	}
	if (!*base)
		skip("no cpu controller");
	snprintf(group, sizeof(group), "%s/planted-quota-%d", base, getpid());
	if (mkdir(group, 0755))
		skip(group);
	if (v2) {
		if (write_text(group, "cgroup.type", "threaded"))
			skip("cgroup.type");
		must_write("cpu.max", quota_us, (int64_t)period_us);
	} else {
		must_write("cpu.cfs_period_us", period_us, -1);
		must_write("cpu.cfs_quota_us", quota_us, -1);
	}
}

/* The calling thread alone: who waits for it is not to wait for quota. */
static void move_to(const char *dir)
{
	if (write_text(dir, v2 ? "cgroup.threads" : "tasks", "0"))
		skip("moving a thread");
}

/* A figure of cpu.stat, or 0. */
static uint64_t stat_of(const char *key)
{
	unsigned long long value, found = 0;
	char path[256], word[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpu.stat", group);
	f = fopen(path, "re");
	while (f && fscanf(f, "%63s %llu", word, &value) == 2)
		if (!strcmp(word, key))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static uint64_t throttled_ns(void)
{
	return v2 ? stat_of("throttled_usec") * NS_PER_US : stat_of("throttled_time");
}

static void *work(void *arg)
{
	struct self *self = arg;
	uint64_t i = (uint64_t)(self - selves);
	int cpu = allowed_cpu(each ? (int)i : 0);

	pin(cpu);
	name_thread(i ? "other" : "first");
	self_begin(self, i ? "other" : "first");
	move_to(group);
	while (mono_ns() < end_ns) {
		spin(NS_PER_MS / 2);
		if (wake && i)
			nap(3 * NS_PER_MS);
	}
	move_to(base);
	self_end(self);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	uint64_t throttled, periods;
	FILE *f;

	thread_cnt = arg_u64(argc, argv, 1, 1);
	quota_us = arg_u64(argc, argv, 2, 20000);
	period_us = arg_u64(argc, argv, 3, 100000);
	length_ms = arg_u64(argc, argv, 4, 1009);
	each = !strcmp(arg_str(argc, argv, 5, "each"), "each");
	wake = !strcmp(arg_str(argc, argv, 6, "spin"), "wake");
	if (!thread_cnt || thread_cnt > THREADS_MAX)
		skip("THREADS");
	make_group();
	end_ns = mono_ns() + length_ms * NS_PER_MS;
	for (uint64_t i = 0; i < thread_cnt; i++)
		threads[i] = start_thread(work, &selves[i]);
	for (uint64_t i = 0; i < thread_cnt; i++)
		pthread_join(threads[i], NULL);
	throttled = throttled_ns();
	periods = stat_of("nr_throttled");
	rmdir(group);
	f = truth_open("quota");
	truth_u64(f, "throttled_ns", throttled);
	truth_u64(f, "nr_throttled", periods);
	truth_close(f, selves, thread_cnt);
	return 0;
}
