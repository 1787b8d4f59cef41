// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Starts, watches and ends a child program; see process.h. */
#include "runner/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/files.h"
#include "base/util.h"
#include "runner/guard.h"

#define TERM_GRACE_NS (500 * NSEC_PER_MSEC)
#define STOP_CHECK_MS 100 /* a stop flag set between our look at it and poll() waits this long */

static const struct process no_process = {
	.pid_fd = -1, .gate_fd = -1, .exec_fd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1};

/* --- start --- */

/* Everything the child uses, made before the fork: after it only system calls are safe. */
struct birth {
	int gate[2], exec[2], in[2], out[2], err[2];
	char in_var[32], out_var[32];
	char **argv, **env; /* the strings are not ours */
	const struct process_spec *spec;
};

static void close_pair(int fds[2])
{
	cleanup_fd(&fds[0]);
	cleanup_fd(&fds[1]);
}

static void birth_clear(struct birth *b)
{
	close_pair(b->gate);
	close_pair(b->exec);
	close_pair(b->in);
	close_pair(b->out);
	close_pair(b->err);
	free(b->argv);
	free(b->env);
}

static size_t count(const char *const *list)
{
	size_t cnt = 0;

	while (list && list[cnt])
		cnt++;
	return cnt;
}

/* Does one of vars set what var sets? */
static bool is_set_by(char *const *vars, size_t cnt, const char *var)
{
	size_t len = strcspn(var, "=");

	for (size_t i = 0; i < cnt; i++)
		if (!strncmp(vars[i], var, len) && vars[i][len] == '=')
			return true;
	return false;
}

/* Ours first, then what is asked for, then what we inherited. */
static int birth_env(struct birth *b, const char *const *extra, char **inherited)
{
	size_t cnt = count(extra), to = 0, set;

	b->env = calloc(count((const char *const *)inherited) + cnt + 3, sizeof(*b->env));
	if (!b->env)
		return -ENOMEM;
	snprintf(b->in_var, sizeof(b->in_var), "WALLGAP_IN_FD=%d", b->in[0]);
	snprintf(b->out_var, sizeof(b->out_var), "WALLGAP_OUT_FD=%d", b->out[1]);
	b->env[to++] = b->in_var;
	b->env[to++] = b->out_var;
	for (size_t i = 0; i < cnt; i++)
		b->env[to++] = (char *)extra[i];
	set = to;
	for (size_t i = 0; inherited[i]; i++)
		if (!is_set_by(b->env, set, inherited[i]))
			b->env[to++] = inherited[i];
	return 0;
}

static int birth_argv(struct birth *b, const char *path, const char *const *args)
{
	size_t cnt = count(args);

	b->argv = calloc(cnt + 2, sizeof(*b->argv));
	if (!b->argv)
		return -ENOMEM;
	b->argv[0] = (char *)path;
	for (size_t i = 0; i < cnt; i++)
		b->argv[i + 1] = (char *)args[i];
	return 0;
}

static int birth_init(struct birth *b, const struct process_spec *spec)
{
	int err;

	*b = (struct birth){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1},
			    "",	      "",	NULL,	  NULL,	    spec};
	if (pipe2(b->gate, O_CLOEXEC) || pipe2(b->exec, O_CLOEXEC) || pipe2(b->in, O_CLOEXEC) ||
	    pipe2(b->out, O_CLOEXEC) || pipe2(b->err, O_CLOEXEC))
		return -errno;
	err = birth_argv(b, spec->path, spec->args);
	return err ? err : birth_env(b, spec->env, runas_env(spec->as));
}

/*
 * At an exec root gains what wallgap gave up, and the kernel forgets the death signal of who gains: so
 * that it gains nothing. Where that cannot be had, a runner still ends when its pipe does.
 */
static void gain_nothing(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, had))
		return;
	for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(had[CAP_TO_INDEX(cap)].permitted & CAP_TO_MASK(cap)))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(had); i++)
		had[i].inheritable &= had[i].permitted;
	syscall(SYS_capset, &head, had);
}

/* What root must do, then the user: the last thing before the exec. Returns 0 or -errno. */
static int become(const struct process_spec *spec, pid_t loader)
{
	int err = spec->tmp ? privatetmp_enter(spec->tmp) : 0;

	gain_nothing();
	if (!err)
		err = runas_become(spec->as);
	/* forgotten when the ids change */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != loader)
		_exit(127);
	return err;
}

static void exec_child(struct birth *b, pid_t loader) __attribute__((noreturn));
static void exec_child(struct birth *b, pid_t loader)
{
	sigset_t none;
	int null, code = 0;
	ssize_t got;
	char go;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != loader)
		_exit(127);
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Our copy of the other end would keep the gate from ever reading as closed. */
	close(b->gate[1]);
	do
		got = read(b->gate[0], &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(127);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(b->err[1], STDOUT_FILENO);
	dup2(b->err[1], STDERR_FILENO);
	if (b->spec->no_huge_pages && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		goto fail;
	/* What we inherited ourselves, and what a library opened, is none of its business. */
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	fcntl(b->in[0], F_SETFD, 0);
	fcntl(b->out[1], F_SETFD, 0);
	files_restore();
	code = become(b->spec, loader);
	if (!code) {
		execve(b->argv[0], b->argv, b->env);
		code = errno;
	}
fail:
	code = code ? code : errno;
	if (write(b->exec[1], &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void adopt(struct process *p, struct birth *b)
{
	p->gate_fd = take(&b->gate[1]);
	p->exec_fd = take(&b->exec[0]);
	p->in_fd = take(&b->in[1]);
	p->out_fd = take(&b->out[0]);
	p->err_fd = take(&b->err[0]);
	set_nonblocking(p->in_fd);
	set_nonblocking(p->out_fd);
	set_nonblocking(p->err_fd);
}

int process_open(struct process *p, const struct process_spec *spec, struct err *e)
{
	const char *path = spec->path;
	pid_t loader = getpid();
	struct birth b;
	int err;

	*p = no_process;
	err = birth_init(&b, spec);
	if (err) {
		birth_clear(&b);
		return err_sys(e, err, "runner %.200s: making its pipes", path);
	}
	p->tgid = fork();
	if (!p->tgid)
		exec_child(&b, loader);
	if (p->tgid < 0) {
		err = -errno;
		p->tgid = 0;
		birth_clear(&b);
		return err_sys(e, err, "runner %.200s: fork", path);
	}
	setpgid(p->tgid, p->tgid); /* the child does so too: whoever is first */
	guard_add(p->tgid);
	adopt(p, &b);
	birth_clear(&b);
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->tgid, 0);
	if (p->pid_fd >= 0)
		return 0;
	err = -errno;
	process_close(p, 0);
	return err_sys(e, err, "runner %.200s: pidfd_open", path);
}

/* --- waiting --- */

/* Milliseconds for poll(), rounded up, in slices when there is a flag to look at. */
static int poll_ms(uint64_t deadline_ns, bool in_slices)
{
	uint64_t now = now_ns();
	uint64_t left = now < deadline_ns ? (deadline_ns - now) / NSEC_PER_MSEC + 1 : 0;

	if (in_slices && left > STOP_CHECK_MS)
		return STOP_CHECK_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

int process_exec(struct process *p, const char *path, uint64_t deadline_ns, struct err *e)
{
	struct pollfd in = {.fd = p->exec_fd, .events = POLLIN};
	int code = 0, ready;
	ssize_t got;

	if (write(p->gate_fd, "g", 1) != 1)
		return err_set(e, -EPIPE, "runner %.200s: was killed before it began", path);
	close(take(&p->gate_fd));
	do
		ready = poll(&in, 1, poll_ms(deadline_ns, false));
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return err_set(e, -ETIMEDOUT, "runner %.200s: its exec hangs", path);
	got = read(p->exec_fd, &code, sizeof(code));
	close(take(&p->exec_fd));
	if (got == sizeof(code) && code < 0)
		return err_sys(e, code, "runner %.200s: cannot have a user and a /tmp of its own",
			       path);
	if (got == sizeof(code))
		return err_sys(e, -code, "runner %.200s: cannot be run", path);
	return 0;
}

/* --- what it prints --- */

static void keep_tail(struct process *p, const char *text, size_t len)
{
	size_t room = sizeof(p->tail);

	if (len > room) {
		text += len - room;
		len = room;
	}
	if (p->tail_len + len > room) {
		size_t drop = p->tail_len + len - room;

		memmove(p->tail, p->tail + drop, p->tail_len - drop);
		p->tail_len -= drop;
	}
	memcpy(p->tail + p->tail_len, text, len);
	p->tail_len += len;
}

static void drain_err(struct process *p)
{
	char text[4096];
	ssize_t got;

	/* Not for ever: it may print faster than we read. */
	for (int i = 0; i < 64 && p->err_fd >= 0; i++) {
		got = read(p->err_fd, text, sizeof(text));
		if (got < 0)
			return; /* nothing now */
		if (got == 0)
			close(take(&p->err_fd));
		else
			keep_tail(p, text, (size_t)got);
	}
}

void process_last_words(struct process *p, char *buf, size_t sz)
{
	size_t end, begin, o = 0;

	drain_err(p);
	end = p->tail_len;
	while (end && isspace((unsigned char)p->tail[end - 1]))
		end--;
	begin = end;
	while (begin && p->tail[begin - 1] != '\n')
		begin--;
	for (size_t i = begin; i < end && o + 1 < sz; i++)
		buf[o++] = iscntrl((unsigned char)p->tail[i]) ? ' ' : p->tail[i];
	buf[o] = '\0';
}

/* --- messages --- */

/* write(), with a reader that is gone as -EPIPE and no signal, whatever other threads do. */
static ssize_t write_quietly(int fd, const char *text, size_t len)
{
	const struct timespec at_once = {0};
	sigset_t sigpipe, saved, pending;
	ssize_t put;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &saved);
	put = write(fd, text, len);
	if (put < 0)
		put = -errno;
	if (put == -EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&sigpipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return put;
}

int process_write(struct process *p, const char *line, size_t len, uint64_t deadline_ns)
{
	struct pollfd out = {.fd = p->in_fd, .events = POLLOUT};
	ssize_t put;

	for (;;) {
		put = write_quietly(p->in_fd, line, len);
		if (put < 0 && put != -EAGAIN && put != -EINTR)
			return (int)put;
		if (put > 0) {
			line += put;
			len -= (size_t)put;
		}
		if (!len)
			return 0;
		if (now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		poll(&out, 1, poll_ms(deadline_ns, true));
		drain_err(p);
	}
}

static int make_room(struct process *p)
{
	size_t want = p->cap ? 2 * p->cap : 4096;
	char *bigger;

	if (p->len < p->cap)
		return 0;
	if (p->len >= PROCESS_LINE_MAX)
		return -EMSGSIZE;
	bigger = realloc(p->buf, want);
	if (!bigger)
		return -ENOMEM;
	p->buf = bigger;
	p->cap = want;
	return 0;
}

/* Take in what is there. 1: something came, 0: nothing now, or -errno (-EPIPE: its end). */
static int take_in(struct process *p)
{
	int err = make_room(p);
	ssize_t got;

	if (err)
		return err;
	got = read(p->out_fd, p->buf + p->len, p->cap - p->len);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (got == 0)
		return -EPIPE;
	p->len += (size_t)got;
	return 1;
}

static bool cut_line(struct process *p, char **line, size_t *len)
{
	char *end = NULL;

	if (p->len > p->searched_sz)
		end = memchr(p->buf + p->searched_sz, '\n', p->len - p->searched_sz);
	if (!end) {
		p->searched_sz = p->len;
		return false;
	}
	*end = '\0';
	*line = p->buf;
	*len = (size_t)(end - p->buf);
	p->line_sz = *len + 1;
	return true;
}

static void drop_line(struct process *p)
{
	if (!p->line_sz)
		return;
	p->len -= p->line_sz;
	memmove(p->buf, p->buf + p->line_sz, p->len);
	p->line_sz = 0;
	p->searched_sz = 0;
}

/* Sleep until something happens. 0 or -errno. */
static int wait_for_any(struct process *p, uint64_t deadline_ns, bool in_slices)
{
	struct pollfd fds[] = {
		{.fd = p->out_fd, .events = POLLIN},
		{.fd = p->pid_fd, .events = POLLIN},
		{.fd = p->err_fd, .events = POLLIN},
	};

	if (poll(fds, ARRAY_SIZE(fds), poll_ms(deadline_ns, in_slices)) < 0 && errno != EINTR)
		return -errno;
	if (fds[2].revents)
		drain_err(p);
	/* What it wrote last may have come after poll() looked there: look again. */
	if (fds[1].revents && poll(fds, 1, 0) == 0)
		return -EPIPE;
	return 0;
}

int process_read_line(struct process *p, uint64_t deadline_ns, const volatile sig_atomic_t *stop,
		      char **line, size_t *len)
{
	int code;

	drop_line(p);
	for (;;) {
		if (cut_line(p, line, len))
			return 0;
		code = take_in(p);
		if (code > 0)
			continue;
		if (code < 0)
			return code;
		if (stop && *stop)
			return -EINTR;
		if (now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		code = wait_for_any(p, deadline_ns, stop != NULL);
		if (code)
			return code;
	}
}

/* --- the end --- */

/* True when it ended before the deadline. It is not reaped: its number stays its own. */
static bool wait_for_end(struct process *p, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = p->pid_fd, .events = POLLIN},
			{.fd = p->err_fd, .events = POLLIN},
		};

		if (poll(fds, ARRAY_SIZE(fds), poll_ms(deadline_ns, false)) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			return true;
		if (fds[1].revents)
			drain_err(p);
		if (now_ns() >= deadline_ns)
			return false;
	}
}

void process_fate(struct process *p, char *buf, size_t sz)
{
	siginfo_t si = {0};

	/* A program that dies closes its pipes a moment before it can be waited for. */
	wait_for_end(p, now_ns() + TERM_GRACE_NS);
	if (waitid(P_PID, (id_t)p->tgid, &si, WEXITED | WNOHANG | WNOWAIT) || !si.si_pid)
		snprintf(buf, sz, "closed its side and did not end");
	else if (si.si_code == CLD_EXITED)
		snprintf(buf, sz, "ended with exit status %d", si.si_status);
	else
		snprintf(buf, sz, "was killed by signal %d (%s)", si.si_status,
			 strsignal(si.si_status));
}

static void end_process(struct process *p, uint64_t grace_ns)
{
	bool ended = false;

	if (p->pid_fd >= 0) {
		ended = grace_ns && wait_for_end(p, now_ns() + grace_ns);
		if (!ended) {
			kill(-p->tgid, SIGTERM);
			wait_for_end(p, now_ns() + TERM_GRACE_NS);
		}
	}
	/* In any case: others of its group may have outlived it. */
	kill(-p->tgid, SIGKILL);
	kill(p->tgid, SIGKILL);
	guard_remove(p->tgid);
	while (waitpid(p->tgid, NULL, 0) < 0 && errno == EINTR)
		;
	p->tgid = 0;
}

void process_close(struct process *p, uint64_t grace_ns)
{
	int *const fds[] = {&p->gate_fd, &p->exec_fd, &p->in_fd, &p->out_fd, &p->err_fd};

	/* At the gate it ends by itself when the gate closes. */
	cleanup_fd(&p->gate_fd);
	p->gate_fd = -1;
	if (p->tgid > 0)
		end_process(p, grace_ns);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		cleanup_fd(fds[i]);
	cleanup_fd(&p->pid_fd);
	free(p->buf);
	*p = no_process;
}
