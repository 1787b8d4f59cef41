// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Pairs where the reason is what somebody else did (a child, asked over pipes or waited for), or time. */
#include "gaps.h"

#include <sys/wait.h>

/* --- pipe-peer: a child computes the answers, in b slowly. Truth: the child's CPU time. */

OWN_FRAME static void compute_answer(uint64_t us)
{
	burn(steps_of_us(us));
	KEEP_FRAME();
}

static void answer_all(int questions, int answers, uint64_t us)
{
	char c;

	while (read(questions, &c, 1) == 1) {
		compute_answer(us);
		if (write(answers, &c, 1) != 1)
			break;
	}
}

static void ask(int questions, int answers)
{
	char c = 'q';

	if (write(questions, &c, 1) != 1 || read(answers, &c, 1) != 1)
		die("pipe");
}

static uint64_t cpu_of(const struct rusage *ru)
{
	return (uint64_t)(ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * NS_PER_S +
	       (uint64_t)(ru->ru_utime.tv_usec + ru->ru_stime.tv_usec) * NS_PER_US;
}

static uint64_t reap(pid_t child)
{
	struct rusage ru;
	int status;

	if (wait4(child, &status, 0, &ru) != child || status)
		die("child");
	return cpu_of(&ru);
}

static void run_peer(struct side *s)
{
	int questions[2], answers[2];
	pid_t child;

	if (pipe(questions) || pipe(answers))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		pin(allowed_cpu(1));
		close(questions[1]);
		answer_all(questions[0], answers[1], s->b ? 2000 : 1000);
		_exit(0);
	}
	pin(allowed_cpu(0));
	for (uint64_t i = amount(s, 150); i; i--)
		ask(questions[1], answers[0]);
	close(questions[1]);
	s->cause_ns = reap(child);
}

/* --- child: another program is run, and in b sleeps longer. Truth: its time less its CPU time. */

static void run_child(struct side *s)
{
	char us[32];
	uint64_t begin_ns, cpu_ns;
	pid_t child;

	snprintf(us, sizeof(us), "0.%03d", s->b ? 400 : 200);
	begin_ns = mono_ns();
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		execlp("sleep", "sleep", us, NULL);
		_exit(127);
	}
	cpu_ns = reap(child);
	s->cause_ns = mono_ns() - begin_ns - cpu_ns;
}

/* --- nanosleep: 10 ms of sleep beside 10 ms of work. Truth: the clock around the sleeps. */

OWN_FRAME static void take_nap(struct side *s)
{
	uint64_t begin_ns = mono_ns();

	nap(10 * NS_PER_MS);
	s->cause_ns += mono_ns() - begin_ns;
}

static void run_nap(struct side *s)
{
	s->cause_ns = 0;
	for (uint64_t i = amount(s, 15); i; i--) {
		burn(steps_of_us(10000));
		if (s->b)
			take_nap(s);
	}
}

const struct pair peer_pairs[] = {
	{"pipe-peer", run_peer, NULL},
	{"child", run_child, NULL},
	{"nanosleep", run_nap, NULL},
	{NULL, NULL, NULL},
};
