// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the filter refuses, call by call, each in a child of its own: the same call without the filter must
 * have had another answer, else nothing is shown. And what goes on as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/util.h"

/* Arguments by which a call fails, or does no harm, where it is let through. */
static const struct {
	const char *name;
	long nr, a[5];
} calls[] = {
	{"execve", SYS_execve, {0}},
	{"execveat", SYS_execveat, {-1}},
	{"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, 1}},
	{"process_vm_writev", SYS_process_vm_writev, {0, 0, 1, 0, 1}},
	{"pidfd_getfd", SYS_pidfd_getfd, {-1, -1}},
	{"setns", SYS_setns, {-1}},
	{"unshare", SYS_unshare, {0}},
	{"setuid", SYS_setuid, {-1}},
	{"setgid", SYS_setgid, {-1}},
	{"setresuid", SYS_setresuid, {-1, -1, -1}},
	{"setresgid", SYS_setresgid, {-1, -1, -1}},
	{"setgroups", SYS_setgroups, {1, 1}},
	{"capset", SYS_capset, {0}},
	{"mount", SYS_mount, {0}},
	{"umount2", SYS_umount2, {0}},
	{"move_mount", SYS_move_mount, {-1, 0, -1}},
	{"fsopen", SYS_fsopen, {0}},
	{"pivot_root", SYS_pivot_root, {0}},
	{"chroot", SYS_chroot, {0}},
	{"open_by_handle_at", SYS_open_by_handle_at, {-1}},
	{"mknod", SYS_mknod, {0}},
	{"setxattr", SYS_setxattr, {0}},
	{"init_module", SYS_init_module, {0}},
	{"finit_module", SYS_finit_module, {-1}},
	{"delete_module", SYS_delete_module, {0}},
	{"kexec_load", SYS_kexec_load, {0, 99}},
	{"perf_event_open", SYS_perf_event_open, {0}},
	{"userfaultfd", SYS_userfaultfd, {-1}},
	{"socket", SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC}},
	{"socket of the network", SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC}},
	{"connect", SYS_connect, {-1}},
	{"io_uring_setup", SYS_io_uring_setup, {0}},
	{"prlimit of another", SYS_prlimit64, {1, 999}},
	{"typing into a terminal", SYS_ioctl, {-1, TIOCSTI}},
	{"chmod to set-user-id", SYS_chmod, {0, S_ISUID | 0755}},
	{"fchmod to set-group-id", SYS_fchmod, {-1, S_ISGID | 0755}},
	{"fchmodat2 to set-user-id", 452, {-1, 0, S_ISUID | 0755, 0}},
	{"BPF_PROG_LOAD", SYS_bpf, {BPF_PROG_LOAD, 0, 0}},
	{"BPF_RAW_TRACEPOINT_OPEN", SYS_bpf, {BPF_RAW_TRACEPOINT_OPEN, 0, 0}},
	{"BPF_LINK_CREATE", SYS_bpf, {BPF_LINK_CREATE, 0, 0}},
	{"BPF_OBJ_GET", SYS_bpf, {BPF_OBJ_GET, 0, 0}},
	{"BPF_MAP_GET_FD_BY_ID", SYS_bpf, {BPF_MAP_GET_FD_BY_ID, 0, 0}},
	{"a command of bpf() to come", SYS_bpf, {77, 0, 0}},
	{"the same with junk above", SYS_bpf, {(long)(0x5500000000 | BPF_PROG_LOAD), 0, 0}},
};

/* errno of a call in a child; 0: it went through. Ends without the leak check, which needs ptrace. */
static int answer(size_t i, bool filter)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		const long *a = calls[i].a;

		if (filter && confine_filter(0))
			_exit(200);
		_exit(syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4]) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void refuses_what_gives_power(void **state)
{
	int wrong = 0, unsaid = 0;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		int before = answer(i, false), after = answer(i, true);

		if (before == EPERM)
			unsaid++;
		if (after != EPERM && ++wrong)
			print_error("%s: %s\n", calls[i].name, strerror(after));
	}
	assert_int_equal(wrong, 0);
	/* where root is not all-powerful a few say EPERM anyway */
	assert_in_range(unsaid, 0, geteuid() ? (int)ARRAY_SIZE(calls) : 12);
	if (unsaid)
		print_message("%d calls are refused here without a filter, too\n", unsaid);
}

static void *no_work(void *arg)
{
	return arg;
}

/* What is not one call with harmless arguments. Returns 0, or a number that says which went wrong. */
static int use_all_else(void)
{
	char buf[8];
	pthread_t thread;
	int pipes[2], fd;
	pid_t pid;

	if (confine_filter(0))
		return 1;
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid > 0 || errno != EPERM)
		return 2;
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		_exit(0);
	if (pid > 0 || errno != EPERM)
		return 3;
	/* a filter cannot see the flags of clone3: no such call, and libc takes the other */
	if (syscall(SYS_clone3, 0, 0) >= 0 || errno != ENOSYS)
		return 4;
	if (pthread_create(&thread, NULL, no_work, NULL) || pthread_join(thread, NULL))
		return 5;
	if (pipe2(pipes, O_CLOEXEC) || write(pipes[1], "x", 1) != 1 || read(pipes[0], buf, 1) != 1)
		return 6;
	fd = memfd_create("confine", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) || fcntl(fd, F_GETFD) < 0)
		return 7;
	if (kill(getpid(), 0) || access("/", R_OK) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 8;
	/* maps go on being made: for the tables of a library that is loaded late */
	if (syscall(SYS_bpf, BPF_MAP_CREATE, 0, 0) >= 0 || errno == EPERM)
		return geteuid() ? 0 : 9;
	return 0;
}

static void leaves_all_else(void **state)
{
	pid_t pid = fork();
	int st;

	(void)state;
	if (!pid)
		_exit(use_all_else());
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
}

static uint64_t permitted(void)
{
	uint64_t set = 0;
	int cap;

	capng_get_caps_process();
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_PERMITTED, (unsigned int)cap) ||
		    capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)cap))
			set |= 1ull << cap;
	return set;
}

/* Each stage in turn; none gives back what the one before has taken. */
static int drop_in_turn(void)
{
	static const enum confine stages[] = {CONFINE_STARTS, CONFINE_READS};
	const uint64_t never = 1ull << CAP_SYS_MODULE | 1ull << CAP_SYS_RAWIO |
			       1ull << CAP_NET_ADMIN | 1ull << CAP_PERFMON | 1ull << CAP_SYS_BOOT |
			       1ull << CAP_MKNOD;
	const uint64_t starts = 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SYS_ADMIN;
	uint64_t before = permitted(), now;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		if (confine(stages[i]))
			return 1;
		now = permitted();
		if (now & ~before || now & never)
			return 2;
		if ((now & starts) != (stages[i] == CONFINE_STARTS ? before & starts : 0))
			return 3;
		if (~now & before & (1ull << CAP_SYS_PTRACE | 1ull << CAP_BPF))
			return 4;
		before = now;
	}
	return 0;
}

static void drops_capabilities(void **state)
{
	uint64_t needed = 1ull << CAP_BPF | 1ull << CAP_CHECKPOINT_RESTORE;
	pid_t pid;
	int st;

	(void)state;
	/* one who has CAP_SYS_ADMIN instead of these keeps it */
	if (geteuid() == 0 && (permitted() & needed) != needed)
		skip();
	pid = fork();
	if (!pid)
		_exit(drop_in_turn());
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_gives_power),
		cmocka_unit_test(leaves_all_else),
		cmocka_unit_test(drops_capabilities),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
