// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * shortkids [FORM] [N] [MS]: N children, one after the other, each burns MS milliseconds of CPU
 * in kid_burn() and is gone.
 *
 *   FORM  fork; exec (of this program); deleted, replaced: exec of a copy that is removed, or whose
 *         name becomes another program's, as the child's first act; memfd: exec of a copy that
 *         never had a name; mountns: exec of a copy on a tmpfs that only the child's mount
 *         namespace has; pidns: exec in a PID namespace of its own
 *
 * Each copy has a build-id of its own, so that names cannot come from another file that is the
 * same.
 *
 * Truth: samples of children have the path kid_burn < kid_run < main (in all forms but fork, < the
 * process's entry). burnt_ns is the CPU clock of all children's kid_burn together.
 */
#include "planted.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ID_SZ 20

static const char *form;
static uint64_t rounds, ns;
static char folder[] = "/tmp/planted-XXXXXX";
static char copy_path[64], other_path[64];

OWN_FRAME static uint64_t kid_burn(uint64_t burn_ns)
{
	uint64_t begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), now_ns = begin_ns;
	volatile uint64_t x = 1;

	for (; now_ns - begin_ns < burn_ns; now_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID))
		for (int i = 0; i < 20000; i++)
			x = x * 3 + 1;
	return now_ns - begin_ns;
}

/* What it burnt goes back in 100 us as the exit status: at most 25 ms. */
OWN_FRAME static int kid_run(uint64_t burn_ns)
{
	uint64_t burnt_ns = kid_burn(burn_ns);

	return (int)(burnt_ns / (100 * NS_PER_US));
}

static int kid_main(char **argv)
{
	const char *how = argv[2], *self = argv[3];
	int status;

	if (!strcmp(how, "deleted") && unlink(self))
		return 255;
	if (!strcmp(how, "replaced") && rename(argv[4], self))
		return 255;
	status = kid_run(strtoull(argv[5], NULL, 10));
	KEEP_FRAME();
	return status;
}

/* The SHA-1 in the note of the linker becomes another one in this copy. */
static void renew_build_id(unsigned char *p, size_t sz, uint64_t i)
{
	static const unsigned char head[] = {4, 0, 0, 0, ID_SZ, 0,   0,	  0,
					     3, 0, 0, 0, 'G',	'N', 'U', 0};
	unsigned char *at = memmem(p, sz, head, sizeof(head));

	if (at)
		memcpy(at + sizeof(head), &i, sizeof(i));
}

static void copy_to(const char *from, int fd, uint64_t i)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;
	unsigned char *p;

	if (in < 0 || fstat(in, &st))
		die(from);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, in, 0);
	if (p == MAP_FAILED)
		die("mmap");
	if (i)
		renew_build_id(p, (size_t)st.st_size, i);
	if (write(fd, p, (size_t)st.st_size) != st.st_size || fchmod(fd, 0755))
		die("copy");
	munmap(p, (size_t)st.st_size);
	close(in);
}

static void copy_file(const char *from, const char *to, uint64_t i)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	if (fd < 0)
		die(to);
	copy_to(from, fd, i);
	close(fd);
}

static void enter_mount_namespace(uint64_t i)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", folder, "tmpfs", 0, NULL))
		skip("mount namespace");
	copy_file("/proc/self/exe", copy_path, i);
}

static int memory_copy(uint64_t i)
{
	int fd = memfd_create("kid", MFD_CLOEXEC);

	if (fd < 0)
		skip("memfd_create");
	copy_to("/proc/self/exe", fd, i);
	return fd;
}

__attribute__((noreturn)) static void become_kid(uint64_t i)
{
	char ns_text[32];
	char *argv[] = {"shortkids", "kid", (char *)(uintptr_t)form, copy_path, other_path,
			ns_text,     NULL};
	const char *path = "/proc/self/exe";
	pid_t child;

	snprintf(ns_text, sizeof(ns_text), "%llu", (unsigned long long)ns);
	if (!strcmp(form, "fork"))
		_exit(kid_run(ns));
	if (!strcmp(form, "memfd")) {
		fexecve(memory_copy(i), argv, environ);
		die("fexecve");
	}
	if (!strcmp(form, "pidns")) {
		int status;

		if (unshare(CLONE_NEWPID) || (child = fork()) < 0)
			skip("PID namespace");
		if (child) {
			waitpid(child, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
		}
	}
	if (!strcmp(form, "mountns"))
		enter_mount_namespace(i);
	if (strcmp(form, "exec") && strcmp(form, "pidns"))
		path = copy_path;
	execv(path, argv);
	die(path);
}

static uint64_t one_kid(uint64_t i)
{
	int status;
	pid_t child;

	snprintf(copy_path, sizeof(copy_path), "%s/kid", folder);
	snprintf(other_path, sizeof(other_path), "%s/other", folder);
	if (!strcmp(form, "deleted") || !strcmp(form, "replaced"))
		copy_file("/proc/self/exe", copy_path, i);
	if (!strcmp(form, "replaced"))
		copy_file("/bin/sh", other_path, 0);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		become_kid(i);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		die("child");
	if (WEXITSTATUS(status) == EXIT_SKIP && ns != EXIT_SKIP * 100 * NS_PER_US)
		exit(EXIT_SKIP); /* it said why */
	unlink(copy_path);
	unlink(other_path);
	return (uint64_t)WEXITSTATUS(status) * 100 * NS_PER_US;
}

int main(int argc, char **argv)
{
	uint64_t burnt_ns = 0;
	struct self self;
	FILE *f;

	if (argc > 5 && !strcmp(argv[1], "kid"))
		return kid_main(argv);
	form = arg_str(argc, argv, 1, "exec");
	rounds = arg_u64(argc, argv, 2, 97);
	ns = arg_u64(argc, argv, 3, 5) * NS_PER_MS;
	if (!mkdtemp(folder))
		die(folder);
	self_begin(&self, "parent");
	for (uint64_t i = 1; i <= rounds; i++)
		burnt_ns += one_kid(i);
	self_end(&self);
	rmdir(folder);
	f = truth_open("shortkids");
	truth_u64(f, "n", rounds);
	truth_u64(f, "burnt_ns", burnt_ns);
	truth_close(f, &self, 1);
	return 0;
}
