// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What the measuring commands share; see common.h. */
#include "cmd/common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/plain.h"
#include "base/util.h"
#include "collect/privs.h"
#include "host/host.h"
#include "report/report.h"
#include "store/store.h"

volatile sig_atomic_t interrupted;
static volatile uint64_t interrupted_ns;
static void (*volatile at_once)(void);

/* The only way of single lines out: names of files, labels and what libraries say are anybody's. */
static void say(FILE *to, const char *fmt, va_list ap)
{
	char *text;

	fflush(stdout);
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	plain_line(text, strlen(text) + 1, text);
	fprintf(to, "%s\n", text);
	free(text);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stderr, fmt, ap);
	va_end(ap);
}

void say_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, fmt, ap);
	va_end(ap);
}

int say_error(const char *command, int status, const struct err *e)
{
	say_note("wallgap %s: %s", command, e->msg);
	return status;
}

int parse_or_end(const struct usage *u, int argc, char **argv, int *status)
{
	struct err e = {""};
	int first = options_parse(u, argc, argv, &e);

	if (first >= 0)
		return first;
	*status = first == -ECANCELED ? EXIT_DONE : say_error(u->name, EXIT_USAGE, &e);
	return -1;
}

int status_of_open(int err)
{
	return err == -EOPNOTSUPP || err == -EPERM || err == -ENOSYS ? EXIT_CANNOT_RUN_HERE
								     : EXIT_FAILED;
}

/* A second signal so soon is the same: timeout(1) sends its own twice, a terminal may too. */
#define SAME_SIGNAL_NS (150 * NSEC_PER_MSEC)

/*
 * The first stops the measurement. A second one of those that somebody types or sends on purpose ends
 * us at once; the others come again by themselves: SIGXCPU every second, SIGHUP from kernel and shell.
 */
static void on_signal(int sig)
{
	int saved = errno;

	if (!interrupted) {
		interrupted_ns = now_ns();
		interrupted = sig;
	} else if ((sig == SIGINT || sig == SIGTERM || sig == SIGQUIT) &&
		   now_ns() - interrupted_ns > SAME_SIGNAL_NS) {
		if (at_once)
			at_once();
		_exit(128 + sig);
	}
	errno = saved;
}

/* What is lost for want of capabilities: once, before we give up some ourselves. */
static void note_privs(void)
{
	struct priv privs[PRIV_MAX];
	size_t i, cnt = privs_read(privs);

	for (i = 0; i < cnt; i++)
		if (!privs[i].have)
			say_note("wallgap: without %s: %s", privs[i].name, privs[i].without);
}

void confine_or_note(enum confine how)
{
	int err;

	if (how == CONFINE_STARTS)
		note_privs();
	err = confine(how);
	if (err)
		say_note("wallgap: cannot give up %s: %s; going on with them",
			 how == CONFINE_STARTS ? "capabilities" : "capabilities or system calls",
			 strerror(-err));
}

/* All that would end us and that is neither a fault of ours nor a failed write. */
static const int caught[] = {SIGINT,  SIGTERM, SIGHUP,	SIGQUIT,   SIGXCPU, SIGUSR1,
			     SIGUSR2, SIGALRM, SIGPROF, SIGVTALRM, SIGPOLL, SIGPWR};
/* These say that a write cannot go on: it fails instead, and what is open is closed and said. */
static const int ignored[] = {SIGPIPE, SIGXFSZ};
static struct sigaction found[ARRAY_SIZE(caught)], found_ignored[ARRAY_SIZE(ignored)];

void interrupt_catch(void)
{
	struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART: waits must end */
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	size_t i;

	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(caught); i++) {
		sigaction(caught[i], NULL, &found[i]);
		if (caught[i] != SIGHUP || found[i].sa_handler != SIG_IGN) /* nohup */
			sigaction(caught[i], &sa, NULL);
	}
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, &found_ignored[i]);
}

void interrupt_at_once(void (*fn)(void))
{
	at_once = fn;
}

int interrupt_status(int status)
{
	return interrupted && status == EXIT_DONE ? 128 + interrupted : status;
}

void interrupt_say(const char *command, struct recording *r)
{
	char reason[32];

	if (!interrupted)
		return;
	snprintf(reason, sizeof(reason), "SIG%s", sigabbrev_np(interrupted));
	say_note("wallgap %s: stopped by %s: what was seen until then is kept", command, reason);
	free(r->stopped_by);
	r->stopped_by = strdup(reason);
}

void interrupt_restore(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], &found[i], NULL);
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &found_ignored[i], NULL);
}

int choose_user(const char *command, struct runas *as, const char *name)
{
	struct err e = {""};
	int err = runas_choose(as, name, &e);

	if (!err)
		return -1;
	runas_clear(as);
	return say_error(command, err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, &e);
}

int output_path(char *buf, size_t sz, const char *wanted, struct err *e)
{
	time_t now = time(NULL);
	struct tm tm;
	int len, err;

	if (wanted) {
		len = snprintf(buf, sz, "%s", wanted);
		if (len < 0 || (size_t)len >= sz || !len)
			return err_set(e, -ENAMETOOLONG, "-o: no usable file name");
	} else {
		localtime_r(&now, &tm);
		strftime(buf, sz, "wallgap-%Y%m%d-%H%M%S.wg", &tm);
	}
	err = store_check_writable(buf, e);
	/* a name that nobody asked for: what is there stays, store_save() takes another */
	if (wanted || (err != -EEXIST && err != -EISDIR))
		return err;
	*e = (struct err){""};
	return 0;
}

int measuring_open(struct collector **c, const struct collector_opts *o, char *path, size_t sz,
		   const char *wanted, struct err *e)
{
	int err = collector_open(c, o, e);

	if (err)
		return status_of_open(err);
	if (!output_path(path, sz, wanted, e))
		return EXIT_DONE;
	collector_close(*c);
	*c = NULL;
	return EXIT_FAILED;
}

static char *join(int argc, char **argv)
{
	size_t len = 1;
	char *s, *p;
	int i;

	for (i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	s = p = malloc(len);
	if (!s)
		return NULL;
	*s = '\0';
	for (i = 0; i < argc; i++)
		p += sprintf(p, "%s%s", i ? " " : "", argv[i]);
	return s;
}

uint64_t program_start_ns(void)
{
	scoped_file FILE *f = fopen("/proc/self/stat", "re");
	struct timespec mono, boot;
	unsigned long long ticks;
	char line[1024], *p;
	int64_t asleep;

	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	p = strrchr(line, ')');
	/* starttime: field 22, the 20th after the name */
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %llu",
			 &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	asleep = (boot.tv_sec - mono.tv_sec) * (int64_t)NSEC_PER_SEC + boot.tv_nsec - mono.tv_nsec;
	return ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)) - (uint64_t)asleep;
}

static int add_own_libs(struct recording *r)
{
	int err = recording_add_lib(r, "wallgap", WALLGAP_VERSION);

	return err ? err : recording_add_lib(r, "libbpf", collector_library_version());
}

int recording_begin(struct recording *r, const char *command, int argc, char **argv,
		    const struct runas *as, const struct collector *c)
{
	int err;

	recording_init(r);
	r->schema = RECORDING_SCHEMA;
	r->version = strdup(WALLGAP_VERSION);
	r->command = strdup(command);
	r->argv = join(argc, argv);
	r->user = strdup(as ? as->name : "");
	r->created_s = (uint64_t)time(NULL);
	collector_dispatch(c, &r->dispatch_ns, &r->fault_event_ns);
	if (!r->version || !r->command || !r->argv || !r->user)
		return -ENOMEM;
	err = host_read(&r->host);
	if (err)
		return err;
	free(r->host.fault_end);
	r->host.fault_end = strdup(collector_fault_end(c));
	err = add_own_libs(r);
	return err ? err : conditions_read(&r->conditions[0], true);
}

/* Not getrusage's: that remembers the memory of what we were before our exec. */
static uint64_t rss_peak(void)
{
	uint64_t bytes;

	return host_own_rss_peak(&bytes) ? UNKNOWN : bytes;
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts)
		       ? UNKNOWN
		       : (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

int recording_end(struct recording *r, const struct collector *c)
{
	int err;

	r->interrupted = interrupted;
	r->repair_cnt = collector_repairs(c);
	r->wallgap_rss_peak_bytes = rss_peak();
	r->wallgap_cpu_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	err = conditions_read(&r->conditions[1], true);
	return err ? err : collector_losses(c, r);
}

static int terminal_columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) || ws.ws_col < 60)
		return 0;
	return ws.ws_col < 100 ? ws.ws_col : 100;
}

int recording_finish(const char *command, const struct recording *r, char *path, size_t sz,
		     bool verbose)
{
	const char *no_color = getenv("NO_COLOR");
	struct report_opts o = {.verbose = verbose,
				.color = isatty(STDOUT_FILENO) && !(no_color && *no_color),
				.columns = terminal_columns(),
				.saved_as = path};
	struct err e = {""};
	int status = EXIT_DONE;

	if (store_save(path, sz, r, &e)) {
		/* what was measured is still worth reading */
		o.saved_as = NULL;
		status = EXIT_FAILED;
		say_error(command, status, &e);
	}
	if (report_text(stdout, r, &o) || fflush(stdout)) {
		err_set(&e, -EIO, "cannot write the report; the recording is %s", path);
		return say_error(command, EXIT_FAILED, &e);
	}
	return status;
}
