// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A gated child; see child.h. */
#include "capture/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/say.h"
#include "base/util.h"

#define STOP_WAIT_MS 10000 /* for a command that cleans up when it is asked to end */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Tell why there is no exec: an errno, below 0 when the child could not become the user. */
static void fail_child(int exec_fd, int code)
{
	if (write(exec_fd, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

/* The gate's end of file is wallgap's end: then the command must not run unwatched. */
static void run_child(int gate_fd, int exec_fd, char **argv, const struct runas *as, bool quiet)
{
	ssize_t n;
	char c;
	int err;

	if (quiet) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			dup2(null, STDOUT_FILENO);
	}
	interrupt_restore();
	files_restore();
	while ((n = read(gate_fd, &c, 1)) < 0 && errno == EINTR)
		;
	if (n != 1)
		_exit(127);
	err = runas_become(as);
	if (err)
		fail_child(exec_fd, err);
	environ = runas_env(as);
	execvp(argv[0], argv);
	fail_child(exec_fd, errno);
}

int child_fork(struct child *c, char **argv, const struct runas *as, bool quiet, struct err *e)
{
	int gate[2], done[2];

	*c = (struct child){.pid = -1, .gate_fd = -1, .exec_fd = -1, .pid_fd = -1, .as = as};
	if (pipe2(gate, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	if (pipe2(done, O_CLOEXEC)) {
		int err = -errno;

		close(gate[0]);
		close(gate[1]);
		return err_sys(e, err, "pipe");
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(gate[1]);
		close(done[0]);
		run_child(gate[0], done[1], argv, as, quiet);
	}
	close(gate[0]);
	close(done[1]);
	c->gate_fd = gate[1];
	c->exec_fd = done[0];
	if (c->pid < 0)
		return err_sys(e, -errno, "cannot fork");
	c->pid_fd = syscall(SYS_pidfd_open, c->pid, 0);
	return c->pid_fd < 0 ? err_sys(e, -errno, "pidfd_open") : 0;
}

bool shell_knows(const char *text)
{
	static const char *const words[] = {
		".",	 "alias", "bg",	    "break",	"cd",	  "command", "continue", "eval",
		"exec",	 "exit",  "export", "fc",	"fg",	  "getopts", "hash",	 "jobs",
		"let",	 "local", "read",   "readonly", "return", "set",     "shift",	 "source",
		"times", "trap",  "type",   "ulimit",	"umask",  "unalias", "unset",	 "wait",
		":",	 "if",	  "while",  "for",	"until",  "case"};
	size_t len = strcspn(text, " \t");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == len && !strncmp(words[i], text, len))
			return true;
	}
	return false;
}

/* Who quotes one word for a shell, or names a built-in, has forgotten that there is no shell between. */
static int say_shell(struct err *e, int err, char **argv)
{
	if (err == ENOENT && !argv[1] && strpbrk(argv[0], " \t\n|&;<>()$`*?="))
		return err_set(e, -err,
			       "cannot run '%.150s': there is no such program; for what only a "
			       "shell understands, "
			       "try: wallgap record -- sh -c '%.150s'",
			       argv[0], argv[0]);
	if (err == ENOENT && shell_knows(argv[0]))
		return err_set(e, -err,
			       "cannot run %s: it is no program, but a word of the shell; try: "
			       "wallgap record -- sh "
			       "-c '%s ...'",
			       argv[0], argv[0]);
	return err_sys(e, -err, "cannot run %s", argv[0]);
}

/* What the user may not do, root perhaps could: say who it was. */
static int exec_error(const struct child *c, char **argv, int code, struct err *e)
{
	if (code < 0)
		return err_set(e, code,
			       "cannot run %s as user %s: %s; to become another takes "
			       "root with CAP_SETUID and CAP_SETGID: start wallgap by sudo",
			       argv[0], c->as->name, strerror(-code));
	if (c->as && c->as->change && (code == EACCES || code == EPERM))
		return err_set(e, -code, "cannot run %s as user %s: %s; try: --user root", argv[0],
			       c->as->name, strerror(code));
	return say_shell(e, code, argv);
}

int child_exec(struct child *c, char **argv, struct err *e)
{
	ssize_t n;
	int err = 0;

	if (write(c->gate_fd, "", 1) != 1)
		return err_sys(e, -errno, "cannot start %s", argv[0]);
	close_fd(&c->gate_fd);
	do {
		n = read(c->exec_fd, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	close_fd(&c->exec_fd);
	if (n != sizeof(err))
		return 0;
	waitpid(c->pid, NULL, 0);
	c->reaped = c->exec_failed = true;
	return exec_error(c, argv, err, e);
}

bool child_poll(struct child *c)
{
	int st;

	if (!c->reaped && c->pid > 0 && waitpid(c->pid, &st, WNOHANG) == c->pid) {
		c->reaped = true;
		c->status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	}
	return c->reaped;
}

void child_ask(struct child *c)
{
	if (c->pid <= 0 || child_poll(c))
		return;
	kill(c->pid, SIGTERM);
	kill(c->pid, SIGCONT);
}

void child_stop(struct child *c)
{
	struct pollfd p = {.fd = c->pid_fd, .events = POLLIN};

	close_fd(&c->gate_fd); /* still there: it ends by itself */
	child_ask(c);
	if (c->pid <= 0 || c->reaped)
		return;
	poll(&p, 1, STOP_WAIT_MS);
	if (child_poll(c))
		return;
	say_note("wallgap: the command did not end within %d s of SIGTERM: killed",
		 STOP_WAIT_MS / 1000);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	c->reaped = true;
	c->status = 128 + SIGKILL;
}

void child_clear(struct child *c)
{
	child_stop(c);
	close_fd(&c->gate_fd);
	close_fd(&c->exec_fd);
	close_fd(&c->pid_fd);
}
