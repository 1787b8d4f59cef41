// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wallgap doctor: what this kernel and our capabilities allow, what is lost without it, and whether
 * `record` would do: its programs are loaded and attached here as well.
 */
#include "cmd/common.h"
#include "collect/caps.h"
#include "collect/privs.h"
#include "host/host.h"
#include "model/lock_rules.h"

static void print_row(bool have, bool needed, const char *name, const char *why,
		      const char *without)
{
	say_line("%-4s %s", have ? "yes" : needed ? "NO" : "no", name);
	if (have)
		return;
	if (*why)
		say_line("     why: %s", why);
	say_line("     without it: %s", without);
}

static void print_caps(const struct cap_result *caps)
{
	int i;

	for (i = 0; i < FEAT_CNT; i++)
		print_row(caps[i].have, caps[i].needed, caps[i].name, caps[i].why, caps[i].without);
}

static void print_privs(void)
{
	struct priv privs[PRIV_MAX];
	size_t i, cnt = privs_read(privs, true);

	for (i = 0; i < cnt; i++)
		print_row(privs[i].have, privs[i].needed, privs[i].name, "", privs[i].without);
}

/* What `record` does before its command starts. */
static int try_all(struct err *e)
{
	const struct collector_opts o = {.freq_hz = 997,
					 .preemptible = host_preemptible(),
					 .stacks = true,
					 .path = true,
					 .lock_class = lock_class_of,
					 .cache = UNWIND_CACHE};
	struct collector *c;
	int err = collector_open(&c, &o, e);

	if (!err)
		collector_close(c);
	return err;
}

int cmd_doctor(int argc, char **argv)
{
	const struct opt opts[] = {{0}};
	const struct usage u = {"doctor", "",
				"Try what wallgap needs of this kernel, load and attach its "
				"programs, and say what is\nlost without what is missing.\nExits "
				"with 77 when nothing can be measured here.",
				NULL, opts};
	struct cap_result caps[FEAT_CNT];
	struct recording r;
	struct err e = {""};
	int status, err;

	if (parse_or_end(&u, argc, argv, &status) < 0)
		return status;
	recording_init(&r);
	if (!host_read(&r.host))
		say_line("linux %s %s, %d CPUs (%s), lockdown %s", r.host.kernel, r.host.machine,
			 r.host.cpus, r.host.cpu_model, r.host.lockdown);
	recording_clear(&r);
	caps_probe(caps);
	print_caps(caps);
	print_privs();
	err = try_all(&e);
	if (err)
		return say_error("doctor", status_of_open(err), &e);
	say_line("all programs load and attach");
	say_line("page-fault ends come from %s", caps[FEAT_FEXIT].have && !host_preemptible()
							 ? "fexit on handle_mm_fault"
							 : "the fault software events");
	return EXIT_DONE;
}
