// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * jit [MAP] [MS] [UID]: writes functions with frame pointers into memory that it maps for them, as
 * a JIT compiler does: outer calls inner, which calls back into this program, which burns CPU for
 * MS milliseconds and waits for as long; a third, spin, burns it in itself. With UID it begins anew
 * as that user (and the map is that user's).
 *
 *   MAP  what /tmp/perf-PID.map becomes: good; none; link (to a good one at another place); owner
 *        (a good one of user UID + 1); huge (good, with a line of 1 MiB among the rest); junk
 *        (good, with binary junk and lines that make no sense among the rest); fifo; dir;
 *        device (a link to /dev/zero); late (good, but written only at the end)
 *
 * Truth: paths (jit_wait or jit_burn) < callback < jit_inner < jit_outer < call_jit < jit_thread <
 * the thread's entry, and jit_spin < call_spin < jit_thread; the names jit_* are those of the map,
 * if it is to be believed. ns is the time of each of the three parts; burnt_ns and spun_ns what
 * jit_burn and call_spin had of the CPU. What is left in /tmp is the test's to remove.
 */
#include "planted.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SLOT 64 /* bytes of code that a function has */
#define HUGE_LINE (1 << 20)

typedef void (*callee)(void *a, void *b);

static const char *map;
static char path[64];
static unsigned char *code;
static uint64_t ns, burnt_ns, spun_ns;
static long uid;
static struct self self;

/* call(f, a, b): f(a, b), with a frame of its own. */
static const unsigned char call_code[] = {
	0x55,		  /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
	0x48, 0x89, 0xf8, /* mov %rdi, %rax */
	0x48, 0x89, 0xf7, /* mov %rsi, %rdi */
	0x48, 0x89, 0xd6, /* mov %rdx, %rsi */
	0xff, 0xd0,	  /* call *%rax */
	0x5d,		  /* pop %rbp */
	0xc3,		  /* ret */
};

/* spin(n): n rounds of nothing, in a frame of its own. */
static const unsigned char spin_code[] = {
	0x55,		  /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
	0x48, 0xff, 0xcf, /* dec %rdi */
	0x75, 0xfb,	  /* jne: back to dec */
	0x5d,		  /* pop %rbp */
	0xc3,		  /* ret */
};

OWN_FRAME static void jit_wait(void)
{
	static atomic_uint word;
	struct timespec ts = timespec_of(ns);

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

OWN_FRAME static void jit_burn(void)
{
	uint64_t end_ns = mono_ns() + ns, begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	volatile uint64_t x = 1;

	while (mono_ns() < end_ns)
		for (int i = 0; i < 100000; i++)
			x = x * 3 + 1;
	burnt_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
}

OWN_FRAME static void callback(void *a, void *b)
{
	(void)a;
	(void)b;
	jit_burn();
	jit_wait();
	KEEP_FRAME();
}

/* outer(inner, callback, ...): the same code twice, at two addresses. */
OWN_FRAME static void call_jit(void)
{
	void (*outer)(callee, callee, void *) = (void (*)(callee, callee, void *))(uintptr_t)code;

	outer((callee)(uintptr_t)(code + SLOT), callback, NULL);
	KEEP_FRAME();
}

OWN_FRAME static void call_spin(void)
{
	void (*spin_fn)(uint64_t) = (void (*)(uint64_t))(uintptr_t)(code + 2 * SLOT);
	uint64_t end_ns = mono_ns() + ns, begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	while (mono_ns() < end_ns)
		spin_fn(100000);
	spun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
}

static void write_code(void)
{
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		die("mmap");
	memcpy(code, call_code, sizeof(call_code));
	memcpy(code + SLOT, call_code, sizeof(call_code));
	memcpy(code + 2 * SLOT, spin_code, sizeof(spin_code));
	if (mprotect(code, PAGE, PROT_READ | PROT_EXEC))
		skip("executable memory");
}

static void write_name(FILE *f, int slot, const char *name)
{
	fprintf(f, "%lx %x %s\n", (unsigned long)(uintptr_t)(code + slot * SLOT), SLOT, name);
}

static void write_junk(FILE *f)
{
	for (int i = 0; i < 5003; i++)
		fputc(i * 7919 % 256, f);
	fprintf(f, "\nzzzz 40 bad_start\n-1 40 minus\n10 -40 minus_size\n%lx\n%lx 40\n",
		(unsigned long)(uintptr_t)code, (unsigned long)(uintptr_t)code);
	fprintf(f, "ffffffffffffffffff 40 beyond_64_bits\nfffffffffffffff0 ffff wraps\n\n\n");
}

static void write_huge(FILE *f)
{
	fprintf(f, "%lx 40 ", (unsigned long)(uintptr_t)(code + PAGE));
	for (int i = 0; i < HUGE_LINE; i++)
		fputc('h', f);
	fputc('\n', f);
}

static void write_map(const char *to)
{
	FILE *f = fopen(to, "wxe");

	if (!f)
		die(to);
	if (!strcmp(map, "junk"))
		write_junk(f);
	write_name(f, 2, "jit_spin");
	if (!strcmp(map, "huge"))
		write_huge(f);
	write_name(f, 0, "jit_outer");
	if (!strcmp(map, "junk"))
		write_junk(f);
	write_name(f, 1, "jit_inner");
	fclose(f);
	if (!strcmp(map, "owner") && chown(to, (uid_t)uid + 1, (gid_t)-1))
		skip("chown");
}

static void make_map(void)
{
	char other[sizeof(path) + 8];
	int bad = 0;

	snprintf(other, sizeof(other), "%s.real", path);
	if (!strcmp(map, "link")) {
		write_map(other);
		bad = symlink(other, path);
	} else if (!strcmp(map, "fifo")) {
		bad = mkfifo(path, 0600);
	} else if (!strcmp(map, "dir")) {
		bad = mkdir(path, 0700);
	} else if (!strcmp(map, "device")) {
		bad = symlink("/dev/zero", path);
	} else if (strcmp(map, "none")) {
		write_map(path);
	}
	if (bad)
		die(path);
}

static void *jit_thread(void *arg)
{
	(void)arg;
	name_thread("jit");
	self_begin(&self, "jit");
	call_jit();
	call_spin();
	self_end(&self);
	return NULL;
}

/* exec as another user, who must be able to write the truth. */
static void become_user(char **argv)
{
	int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	const char *truth = getenv("WALLGAP_TRUTH");
	int fd = truth ? open(truth, O_WRONLY | O_CREAT, 0600) : -1;
	char again[64];

	if (exe < 0 || (truth && (fd < 0 || fchown(fd, (uid_t)uid, (gid_t)-1))))
		die("truth file");
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	if (truth)
		setenv("WALLGAP_TRUTH", again, 1);
	if (setuid((uid_t)uid))
		skip("setuid");
	fexecve(exe, argv, environ);
	skip("exec as another user");
}

int main(int argc, char **argv)
{
	bool late;
	FILE *f;

	map = arg_str(argc, argv, 1, "good");
	ns = arg_u64(argc, argv, 2, 401) * NS_PER_MS;
	uid = (long)arg_u64(argc, argv, 3, 0);
	if (strcmp(map, "owner") && uid != (long)getuid())
		become_user(argv);
	late = !strcmp(map, "late");
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	write_code();
	f = truth_open("jit");
	if (!late)
		make_map();
	pthread_join(start_thread(jit_thread, NULL), NULL);
	if (late)
		make_map();
	truth_u64(f, "ns", ns);
	truth_u64(f, "burnt_ns", burnt_ns);
	truth_u64(f, "spun_ns", spun_ns);
	truth_close(f, &self, 1);
	return 0;
}
