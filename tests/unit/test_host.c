// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The parsers of /proc and /sys text on good, empty, junk and huge input; then the live readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>

#include "base/util.h"
#include "host/file.h"
#include "host/host.h"
#include "host/parse.h"
#include "host/timing.h"

/* Text that no parser may take for what it looks for, run past the end of, or fall over. */
static const char *const junk[] = {
	"",
	"\n",
	" ",
	"\n\n\n",
	"cpu",
	"cpu ",
	"cpu  ",
	"cpu  1",
	"[",
	"(",
	"[]",
	"]",
	"[\n]",
	":",
	"=",
	"kB",
	"VmPTE",
	"VmPTE:",
	"VmPTE: ",
	"VmPTE: kB",
	"VmPTE:\t-1 kB",
	"VmPTE: 99999999999999999999999 kB",
	"VmPTE: 12",
	"VmPTE: 12 MB",
	"VmPTE: 0x10 kB",
	"VmPTE: 18446744073709551615 kB",
	"PRETTY_NAME=",
	"PRETTY_NAME=\"",
	"PRETTY_NAME=\"\"",
	"PRETTY_NAME=\\",
	"CONFIG_PREEMPT",
	"CONFIG_PREEMPT=m",
	"preempt=",
	"preempt=fulll",
	"preempt",
	"\x7f\x80\xff\x01",
	"1",
	"-1 -1",
	"99999999999999999999 1",
	"nan",
	"inf",
	".",
	"1e999",
	"1x",
};

static char *huge(char c)
{
	size_t sz = 1 << 20;
	char *text = malloc(sz + 1);

	assert_non_null(text);
	memset(text, c, sz);
	text[sz] = '\0';
	return text;
}

static void expect_nothing(const char *text)
{
	uint64_t a = 7, b = 7, c = 7;
	double load = 7;
	char out[16];

	assert_int_not_equal(parse_choice(text, '[', out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_not_equal(parse_field(text, "model name", ':', out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_not_equal(parse_os_release(text, "PRETTY_NAME", out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_not_equal(parse_kb(text, "VmPTE", &a), 0);
	assert_int_not_equal(parse_cpu_times(text, 100, &a, &b, &c), 0);
	assert_null(parse_preempt_cmdline(text));
	assert_null(parse_preempt_config(text));
	assert_null(parse_preempt_version(text));
	assert_int_equal(a, 7);
	assert_int_equal(b, 7);
	assert_int_equal(c, 7);
	parse_load(text, &load);
	assert_true(load >= 0 && load <= 1e9);
}

static void test_junk(void **state)
{
	static const char fill[] = {'[', '(', ' ', '\n', ':', '=', '9', 'c', '"', '\\', '\t'};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(junk); i++)
		expect_nothing(junk[i]);
	for (i = 0; i < ARRAY_SIZE(fill); i++) {
		scoped_free char *text = huge(fill[i]);

		expect_nothing(text);
	}
}

static void test_choice(void **state)
{
	char out[64], tiny[4];

	(void)state;
	assert_int_equal(parse_choice("always [madvise] never\n", '[', out, sizeof(out)), 0);
	assert_string_equal(out, "madvise");
	assert_int_equal(parse_choice("none voluntary (full) lazy\n", '(', out, sizeof(out)), 0);
	assert_string_equal(out, "full");
	assert_int_equal(parse_choice("none [integrity] confidentiality", '[', tiny, sizeof(tiny)),
			 0);
	assert_string_equal(tiny, "int");
}

static void test_field(void **state)
{
	const char *cpuinfo = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC \nflags : a\n";
	char out[64];

	(void)state;
	assert_int_equal(parse_field(cpuinfo, "model name", ':', out, sizeof(out)), 0);
	assert_string_equal(out, "AMD EPYC");
	assert_int_equal(parse_field(cpuinfo, "model", ':', out, sizeof(out)), 0);
	assert_string_equal(out, "17");
	assert_int_equal(parse_field("key: a\tb\x1b[31m", "key", ':', out, sizeof(out)), 0);
	assert_string_equal(out, "a?b?[31m");
	assert_int_equal(parse_field("key:\nnext: 1\n", "key", ':', out, sizeof(out)), -ENOENT);
}

static void test_os_release(void **state)
{
	char out[64], tiny[5];

	(void)state;
	assert_int_equal(parse_os_release("ID=x\nPRETTY_NAME=\"A \\\"B\\\" C\"\n", "PRETTY_NAME",
					  out, sizeof(out)),
			 0);
	assert_string_equal(out, "A \"B\" C");
	assert_int_equal(parse_os_release("PRETTY_NAME='It\\s'", "PRETTY_NAME", out, sizeof(out)),
			 0);
	assert_string_equal(out, "It\\s");
	assert_int_equal(parse_os_release("PRETTY_NAME=Arch\n", "PRETTY_NAME", tiny, sizeof(tiny)),
			 0);
	assert_string_equal(tiny, "Arch");
	assert_int_equal(
		parse_os_release("PRETTY_NAME=\"Debian\"", "PRETTY_NAME", tiny, sizeof(tiny)), 0);
	assert_string_equal(tiny, "Debi");
}

static void test_kb(void **state)
{
	const char *text = "VmPTEX:\t 1 kB\nXVmPTE:\t 2 kB\nVmPTE:\t      52 kB\nVmSwap:\t 0 kB\n";
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(parse_kb(text, "VmPTE", &bytes), 0);
	assert_int_equal(bytes, 52 * 1024);
	assert_int_equal(parse_kb(text, "VmSwap", &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(parse_kb(text, "Pss", &bytes), -ENOENT);
	assert_int_equal(parse_kb("Pss: 99999999999999999999 kB", "Pss", &bytes), -EINVAL);
	assert_int_equal(bytes, 0);
}

static void test_cpu_times(void **state)
{
	const char *text = "cpu  2358 7 1810 198305 509 3 32 15 11 13\ncpu0 823 0 632\n";
	uint64_t busy, idle, steal;

	(void)state;
	assert_int_equal(parse_cpu_times(text, 100, &busy, &idle, &steal), 0);
	assert_int_equal(busy, (2358 + 7 + 1810 + 3 + 32) * 10000000ull);
	assert_int_equal(idle, (198305 + 509) * 10000000ull);
	assert_int_equal(steal, 15 * 10000000ull);
	assert_int_equal(parse_cpu_times(text, 0, &busy, &idle, &steal), -EINVAL);
	assert_int_equal(parse_cpu_times(text, UINT64_MAX, &busy, &idle, &steal), -EINVAL);
	assert_int_equal(parse_cpu_times("cpu0 1 2 3 4 5 6 7 8\n", 100, &busy, &idle, &steal),
			 -ENOENT);
	assert_int_equal(parse_cpu_times("cpu  1 2 3 18446744073709551615 5 6 7 8\n", 100, &busy,
					 &idle, &steal),
			 -EINVAL);
}

static void test_statm(void **state)
{
	uint64_t rss = 7;

	(void)state;
	assert_int_equal(parse_statm("765 445 416 5 0 123 0\n", 4096, &rss), 0);
	assert_int_equal(rss, 445 * 4096);
	assert_int_equal(parse_statm("0 0 0 0 0 0 0\n", 4096, &rss), -ENOENT);
	assert_int_equal(parse_statm("", 4096, &rss), -EINVAL);
	assert_int_equal(parse_statm("765", 4096, &rss), -EINVAL);
	assert_int_equal(parse_statm("1 18446744073709551615", 4096, &rss), -EINVAL);
	assert_int_equal(rss, 445 * 4096);
}

static void test_load(void **state)
{
	double load = 7;

	(void)state;
	assert_int_equal(parse_load("0.62 0.31 0.10 1/98 4769\n", &load), 0);
	assert_true(load > 0.619 && load < 0.621);
	assert_int_equal(parse_load("", &load), -EINVAL);
	assert_int_equal(parse_load("1e999 0 0", &load), -EINVAL);
	assert_true(load < 1);
}

static void test_preempt(void **state)
{
	(void)state;
	assert_string_equal(parse_preempt_cmdline("quiet preempt=full panic=-1\n"), "full");
	assert_string_equal(parse_preempt_cmdline("preempt=none preempt=lazy"), "lazy");
	assert_null(parse_preempt_cmdline("xpreempt=full preempt=fullx rcu.preempt=none"));

	assert_string_equal(
		parse_preempt_config("# CONFIG_PREEMPT is not set\nCONFIG_PREEMPT_NONE=y\n"),
		"none");
	assert_string_equal(parse_preempt_config("CONFIG_PREEMPT_VOLUNTARY=y"), "voluntary");
	assert_string_equal(parse_preempt_config("CONFIG_PREEMPT_LAZY=y\nCONFIG_PREEMPTION=y\n"),
			    "lazy");
	assert_string_equal(parse_preempt_config("CONFIG_PREEMPT=y\nCONFIG_PREEMPT_COUNT=y\n"),
			    "full");
	assert_string_equal(parse_preempt_config("CONFIG_PREEMPT=y\nCONFIG_PREEMPT_RT=y\n"),
			    "full");
	assert_null(parse_preempt_config("CONFIG_PREEMPT_NONE=yes\nXCONFIG_PREEMPT=y\n"));

	assert_string_equal(parse_preempt_version("#1 SMP PREEMPT @0"), "full");
	assert_string_equal(parse_preempt_version("#1 SMP PREEMPT_RT Debian"), "full");
	assert_null(parse_preempt_version("#1 SMP PREEMPT_DYNAMIC @0"));
	assert_null(parse_preempt_version("#1 SMP Debian 6.1"));
}

static void test_hypervisor(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(parse_hypervisor("KVMKVMKVM\0\0\0", out, sizeof(out)), 0);
	assert_string_equal(out, "KVM");
	assert_int_equal(parse_hypervisor("TCGTCGTCGTCG", out, sizeof(out)), 0);
	assert_string_equal(out, "QEMU");
	assert_int_equal(parse_hypervisor("SomethingNew", out, sizeof(out)), 0);
	assert_string_equal(out, "SomethingNew");
	assert_int_equal(parse_hypervisor("\0\0\0\0\0\0\0\0\0\0\0\0", out, sizeof(out)), -ENOENT);
}

static void test_median(void **state)
{
	uint64_t v[] = {9, 1, 5, 3};

	(void)state;
	assert_int_equal(timing_median(v, 0), UNKNOWN);
	assert_int_equal(timing_median(v, 1), 9);
	assert_int_equal(timing_median(v, 3), 5);
	assert_int_equal(timing_median(v, 4), 3);
}

static void test_file(void **state)
{
	char tiny[5], text[256];

	(void)state;
	assert_int_equal(file_read("/proc/version", tiny, sizeof(tiny)), 4);
	assert_string_equal(tiny, "Linu");
	assert_int_equal(file_read("/nonexistent/x", text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
	assert_int_equal(file_read("/proc", text, sizeof(text)), -EISDIR);
	/* Not mounted at this place: through a mount of its own, or refused without root. */
	if (!geteuid()) {
		assert_true(file_read_pseudo("proc", "/nonexistent", "version", text,
					     sizeof(text)) > 0);
		assert_memory_equal(text, "Linux", 5);
	}
	assert_true(file_read_pseudo("nosuchfs", "/nonexistent", "x", text, sizeof(text)) < 0);
	assert_int_equal(file_read_pseudo("proc", "/proc", "version", tiny, sizeof(tiny)), 4);
}

static void test_file_gz(void **state)
{
	char path[] = "/tmp/wallgap-test-XXXXXX";
	int fd = mkstemp(path);
	gzFile f;
	char *text;

	(void)state;
	assert_true(fd >= 0);
	assert_null(file_read_gz(path, 100)); /* empty */
	f = gzdopen(fd, "wb");
	assert_non_null(f);
	assert_int_equal(gzputs(f, "CONFIG_PREEMPT=y\n"), 17);
	gzclose(f);
	text = file_read_gz(path, 100);
	assert_non_null(text);
	assert_string_equal(text, "CONFIG_PREEMPT=y\n");
	free(text);
	text = file_read_gz(path, 6);
	assert_string_equal(text, "CONFIG");
	free(text);
	assert_int_equal(truncate(path, 12), 0);
	free(file_read_gz(path, 100)); /* cut short: whatever came out, or nothing */
	unlink(path);
	assert_null(file_read_gz(path, 100));
}

static void test_host(void **state)
{
	struct host h = {0};

	(void)state;
	assert_int_equal(host_read(&h), 0);
	assert_true(h.kernel[0] && h.machine[0] && h.cpu_model[0]);
	assert_non_null(h.distro);
	assert_non_null(h.virt);
	assert_true(!strcmp(h.lockdown, "none") || !strcmp(h.lockdown, "integrity") ||
		    !strcmp(h.lockdown, "confidentiality") || !strcmp(h.lockdown, "unknown"));
	assert_true(!strcmp(h.preemption, "none") || !strcmp(h.preemption, "voluntary") ||
		    !strcmp(h.preemption, "full") || !strcmp(h.preemption, "lazy") ||
		    !strcmp(h.preemption, "unknown"));
	assert_true(h.cpus > 0);
	assert_true(h.mem_bytes > 1 << 20 && h.mem_bytes != UNKNOWN);
	print_message("%s, %s, %s, %s, lockdown %s, preemption %s, virt '%s', %d CPUs\n", h.kernel,
		      h.machine, h.distro, h.cpu_model, h.lockdown, h.preemption, h.virt, h.cpus);
	free(h.kernel);
	free(h.machine);
	free(h.distro);
	free(h.cpu_model);
	free(h.lockdown);
	free(h.preemption);
	free(h.virt);
}

static void check_conditions(bool measure)
{
	struct conditions c = {0};

	assert_int_equal(conditions_read(&c, measure), 0);
	assert_true(c.at_ns > 0 && c.at_ns <= now_ns());
	assert_true(c.busy_ns != UNKNOWN && c.idle_ns != UNKNOWN && c.steal_ns != UNKNOWN);
	assert_true(c.mem_available_bytes != UNKNOWN && c.mem_available_bytes > 0);
	assert_non_null(c.thp);
	assert_non_null(c.clocksource);
	assert_non_null(c.governor);
	if (measure) {
		assert_true(c.spin_ns > 0 && c.spin_ns < NSEC_PER_SEC);
		assert_true(c.cacheline_ns == UNKNOWN ||
			    (c.cacheline_ns > 0 && c.cacheline_ns < NSEC_PER_SEC));
		print_message("cache line %lld ns, spin %llu ns, thp %s, clock %s\n",
			      (long long)c.cacheline_ns, (unsigned long long)c.spin_ns, c.thp,
			      c.clocksource);
	} else {
		assert_int_equal(c.spin_ns, UNKNOWN);
		assert_int_equal(c.cacheline_ns, UNKNOWN);
	}
	free(c.thp);
	free(c.clocksource);
	free(c.governor);
}

static void test_conditions(void **state)
{
	(void)state;
	check_conditions(false);
	check_conditions(true);
}

/* With one CPU allowed there is no other to pass a line to, and no fact to give. */
static void test_one_cpu(void **state)
{
	uint64_t spin_ns, cacheline_ns;
	pid_t child = fork();
	int status;

	(void)state;
	if (!child) {
		cpu_set_t all, one;
		int cpu = 0;

		sched_getaffinity(0, sizeof(all), &all);
		while (!CPU_ISSET(cpu, &all))
			cpu++;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		timing_quick(&spin_ns, &cacheline_ns);
		_exit(timing_cacheline() != UNKNOWN || cacheline_ns != UNKNOWN ||
		      spin_ns == UNKNOWN);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Of our own memory what is of files, in bytes: resident, and our share of it. */
struct of_files {
	uint64_t rss, pss;
};

static struct of_files read_of_files(void)
{
	struct of_files f = {0};
	unsigned long long n;
	char line[256];
	FILE *in = fopen("/proc/self/statm", "re");

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%*u %*u %llu", &n), 1);
	f.rss = n * (uint64_t)sysconf(_SC_PAGESIZE);
	fclose(in);
	in = fopen("/proc/self/smaps_rollup", "re");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		if (sscanf(line, "Pss_File: %llu", &n) == 1 ||
		    sscanf(line, "Pss_Shmem: %llu", &n) == 1)
			f.pss += n << 10;
	fclose(in);
	return f;
}

/*
 * Less what is of files: our share of the libraries moves when another program that has them too starts
 * or ends, and the kernel takes their pages away where it is short of memory.
 */
static void read_private(uint64_t *rss, uint64_t *pss)
{
	struct of_files before, after = read_of_files();

	do {
		before = after;
		assert_int_equal(host_rss((uint32_t)getpid(), rss), 0);
		assert_int_equal(host_pss((uint32_t)getpid(), pss), 0);
		after = read_of_files();
	} while (before.rss != after.rss || before.pss != after.pss);
	*rss -= after.rss;
	*pss -= after.pss;
}

/* Our own process: 16 MiB touched show in the resident set, the share and the page tables. */
static void test_memory(void **state)
{
	uint64_t rss[2], pss[2], tables[2], sz = 16 << 20;
	uint32_t self = (uint32_t)getpid();
	char *p;

	(void)state;
	read_private(&rss[0], &pss[0]);
	assert_int_equal(host_pgtables(self, &tables[0]), 0);
	p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, sz, MADV_NOHUGEPAGE);
	memset(p, 1, sz);
	read_private(&rss[1], &pss[1]);
	assert_int_equal(host_pgtables(self, &tables[1]), 0);
	munmap(p, sz);
	assert_in_range(rss[1] - rss[0], sz - (1 << 20), sz + (1 << 20));
	assert_in_range(pss[1] - pss[0], sz - (1 << 20), sz + (1 << 20));
	assert_in_range(tables[1] - tables[0], 8 * 4096, 12 * 4096);
}

static void test_gone(void **state)
{
	uint64_t bytes = 7;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
	assert_int_equal(host_rss((uint32_t)child, &bytes), -ESRCH); /* a zombie */
	assert_int_equal(host_pgtables((uint32_t)child, &bytes), -ESRCH);
	assert_int_equal(host_pss((uint32_t)child, &bytes), -ESRCH);
	waitpid(child, NULL, 0);
	assert_int_equal(host_rss((uint32_t)child, &bytes), -ESRCH); /* gone */
	assert_int_equal(host_pgtables((uint32_t)child, &bytes), -ESRCH);
	assert_int_equal(host_pss((uint32_t)child, &bytes), -ESRCH);
	assert_int_equal(host_rss(UINT32_MAX, &bytes), -ESRCH);
	assert_int_equal(bytes, 7);
}

static void test_cpu_time_moves(void **state)
{
	uint64_t busy[2], idle[2], steal[2], end_ns = now_ns() + 60 * NSEC_PER_MSEC;

	(void)state;
	assert_int_equal(host_cpu_times(&busy[0], &idle[0], &steal[0]), 0);
	while (now_ns() < end_ns)
		;
	assert_int_equal(host_cpu_times(&busy[1], &idle[1], &steal[1]), 0);
	assert_true(busy[1] + steal[1] > busy[0] + steal[0]);
	assert_true(idle[1] >= idle[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_os_release),
		cmocka_unit_test(test_kb),
		cmocka_unit_test(test_cpu_times),
		cmocka_unit_test(test_statm),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_preempt),
		cmocka_unit_test(test_hypervisor),
		cmocka_unit_test(test_median),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_gz),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_cpu_time_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
