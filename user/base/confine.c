// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See confine.h. */
#include "base/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

#ifdef __SANITIZE_ADDRESS__
#define LEAK_CHECKER 1
#else
#define LEAK_CHECKER 0
#endif

/* --- capabilities */

/* From which stage on a capability is gone. What is not listed goes at once. */
static const struct {
	int cap;
	enum confine last;
} kept[] = {
	{CAP_BPF, CONFINE_PARSES}, /* before Linux 5.19 every use of a map may need it */
	{CAP_CHECKPOINT_RESTORE, CONFINE_PARSES}, /* /proc/PID/map_files */
	{CAP_SYS_PTRACE, CONFINE_PARSES},	  /* /proc/PID/maps, the stacks of sleepers */
	{CAP_DAC_READ_SEARCH, CONFINE_PARSES},	  /* files of others */
	{CAP_SYSLOG, CONFINE_READS},		  /* /proc/kallsyms */
	{CAP_KILL, CONFINE_READS},		  /* the command, when it is to end */
	{CAP_DAC_OVERRIDE, CONFINE_READS},	  /* the recording, in a folder of others */
	{CAP_CHOWN, CONFINE_READS},		  /* the recording, to the user who called sudo */
	{CAP_FOWNER, CONFINE_READS},		  /* its mode, and its name in a sticky folder */
	{CAP_SYS_NICE, CONFINE_STARTS},		  /* pinning workers */
	{CAP_SETUID, CONFINE_STARTS},		  /* a command as another user */
	{CAP_SETGID, CONFINE_STARTS},
	{CAP_SETPCAP, CONFINE_STARTS},
	{CAP_SYS_ADMIN, CONFINE_STARTS}, /* a mount namespace of its own for a command */
	{CAP_SYS_RESOURCE, CONFINE_STARTS},
};

static bool has(int cap)
{
	return capng_have_capability(CAPNG_PERMITTED, (unsigned int)cap);
}

/* Some have one that includes theirs instead, which then stays. */
static bool instead(int cap)
{
	if (cap == CAP_SYS_ADMIN)
		return !has(CAP_BPF) || !has(CAP_CHECKPOINT_RESTORE);
	return cap == CAP_DAC_OVERRIDE && !has(CAP_DAC_READ_SEARCH);
}

static bool keeps(int cap, enum confine how)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i].cap == cap && how <= kept[i].last)
			return true;
	return instead(cap);
}

static int drop_capabilities(enum confine how)
{
	bool drop[CAP_LAST_CAP + 1];
	int cap;

	if (capng_get_caps_process())
		return -EIO;
	/* first all, then all: what is had instead is told by what is had */
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		drop[cap] = has(cap) && !keeps(cap, how);
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (drop[cap])
			capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				     (unsigned int)cap);
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/* --- system calls */

static const int refused[] = {
	/* programs */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	/* other processes */
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(move_pages),
	SCMP_SYS(migrate_pages),
	/* who we are */
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
	SCMP_SYS(personality),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	/* file systems, and ways around their permissions */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(fanotify_init),
	/* the kernel and the machine */
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(syslog),
	SCMP_SYS(acct),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(vhangup),
	/* the network, and calls that are made by others for us, past any filter */
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

/* What is done with the maps, links and iterators that are there; all other uses of bpf() are refused. */
static const int bpf_used[] = {
	BPF_MAP_CREATE,
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_MAP_FREEZE,
	BPF_MAP_LOOKUP_BATCH,
	BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	BPF_ITER_CREATE,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_MAP_UPDATE_BATCH,
	BPF_MAP_DELETE_BATCH,
	BPF_LINK_DETACH,
};
#define BPF_COMMANDS 64 /* more than there are: what comes later is refused, too */

static bool is_bpf_used(unsigned int command)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bpf_used); i++)
		if ((unsigned int)bpf_used[i] == command)
			return true;
	return false;
}

static int refuse_bpf(scmp_filter_ctx f)
{
	unsigned int command;
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 1,
				   SCMP_A0_32(SCMP_CMP_GE, BPF_COMMANDS, 0));

	for (command = 0; command < BPF_COMMANDS && !err; command++)
		if (!is_bpf_used(command))
			err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 1,
					       SCMP_A0_32(SCMP_CMP_EQ, command, 0));
	return err;
}

/* Linux 6.6: newer than the headers may be, and of this number on all machines. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

/* Making a program that runs as its owner. */
static int refuse_set_id(scmp_filter_ctx f)
{
	static const struct {
		int call;
		unsigned int mode; /* which argument it is */
	} calls[] = {{SCMP_SYS(chmod), 1},
		     {SCMP_SYS(fchmod), 1},
		     {SCMP_SYS(fchmodat), 2},
		     {__NR_fchmodat2, 2}};
	static const unsigned int bits[] = {S_ISUID, S_ISGID};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (size_t j = 0; j < ARRAY_SIZE(bits) && !err; j++)
			err = seccomp_rule_add(
				f, SCMP_ACT_ERRNO(EPERM), calls[i].call, 1,
				SCMP_CMP32(calls[i].mode, SCMP_CMP_MASKED_EQ, bits[j], bits[j]));
	return err;
}

/* Calls that are refused with some arguments only. */
static int refuse_some(scmp_filter_ctx f)
{
	static const unsigned int ioctls[] = {TIOCSTI, TIOCLINUX}; /* typing into a terminal */
	size_t i;
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
				   SCMP_A0_32(SCMP_CMP_NE, 0, 0));

	for (i = 0; i < ARRAY_SIZE(ioctls) && !err; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, ioctls[i], 0));
	return err ? err : refuse_set_id(f);
}

/* Threads are started by clone(); clone3() hides its flags from a filter, and libc does without it. */
static int refuse_processes(scmp_filter_ctx f)
{
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);

	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	return err;
}

/* All that is refused, into f. */
static int refuse_all(scmp_filter_ctx f, int tracer)
{
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < ARRAY_SIZE(refused) && !err; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (!err)
		err = refuse_bpf(f);
	if (!err)
		err = refuse_some(f);
	if (!err && !tracer)
		err = refuse_processes(f);
	return err;
}

/* f as the kernel takes it; the instructions are the caller's. */
static int export(scmp_filter_ctx f, struct sock_fprog *to)
{
	scoped_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : seccomp_export_bpf(f, fd);
	off_t sz = err ? 0 : lseek(fd, 0, SEEK_END);
	size_t cnt = sz > 0 ? (size_t)sz / sizeof(*to->filter) : 0;

	if (err)
		return err;
	if (!cnt || cnt > USHRT_MAX)
		return -E2BIG;
	to->filter = malloc(cnt * sizeof(*to->filter));
	if (!to->filter)
		return -ENOMEM;
	to->len = (unsigned short)cnt;
	if (pread_all(fd, to->filter, (size_t)sz, 0) == (size_t)sz)
		return 0;
	free(to->filter);
	*to = (struct sock_fprog){0};
	return -EIO;
}

/*
 * libseccomp 2.5 dies where it gets no memory: with so much it gets what it needs, if no other thread
 * takes it meanwhile.
 */
#define ROOM_SZ (4 << 20)

static int build(int tracer, struct sock_fprog *to)
{
	void *volatile room = malloc(ROOM_SZ);
	scmp_filter_ctx f;
	int err;

	free(room);
	f = room ? seccomp_init(SCMP_ACT_ALLOW) : NULL;
	if (!f)
		return -ENOMEM;
	err = refuse_all(f, tracer);
	if (!err)
		err = export(f, to);
	seccomp_release(f);
	return err;
}

/* The filter, built by who comes first: it takes longer than all else that a thread of ours begins with. */
static int get_filter(int tracer, struct sock_fprog **out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct {
		struct sock_fprog prog;
		int err; /* not tried again: the second time there may be less memory, and other threads */
	} filter[2];
	int i = tracer != 0, err;

	pthread_mutex_lock(&lock);
	if (!filter[i].prog.len && !filter[i].err)
		filter[i].err = build(tracer, &filter[i].prog);
	err = filter[i].err;
	pthread_mutex_unlock(&lock);
	*out = &filter[i].prog;
	return err;
}

int confine_prepare(void)
{
	struct sock_fprog *prog;

	return get_filter(LEAK_CHECKER, &prog);
}

int confine_filter(int tracer)
{
	struct sock_fprog *prog;
	int err = get_filter(tracer, &prog);

	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, prog))
		err = -errno;
	return err;
}

int confine(enum confine how)
{
	/* in this order: the filter refuses the other */
	int caps = drop_capabilities(how);
	int filter = how == CONFINE_STARTS ? 0 : confine_filter(LEAK_CHECKER);

	return caps ? caps : filter;
}
