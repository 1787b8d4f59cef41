// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wallgap doctor: what this kernel allows, and what is lost without it. */
#include <stdio.h>

#include "cmd/common.h"
#include "collect/caps.h"
#include "host/host.h"

static void print_caps(const struct cap_result *caps)
{
	int i;

	for (i = 0; i < CAP_CNT; i++) {
		printf("%-4s %s\n",
		       caps[i].have	? "yes"
		       : caps[i].needed ? "NO"
					: "no",
		       caps[i].name);
		if (!caps[i].have)
			printf("     why: %s\n     without it: %s\n", caps[i].why, caps[i].without);
	}
}

int cmd_doctor(int argc, char **argv)
{
	const struct opt opts[] = {{0}};
	const struct usage u = {"doctor", "",
				"Try what wallgap needs of this kernel and say what is lost "
				"without it.\nExits with 77 when nothing can be measured here.",
				NULL, opts};
	struct cap_result caps[CAP_CNT];
	struct recording r;
	struct err e = {""};
	int status, err;

	if (parse_or_end(&u, argc, argv, &status) < 0)
		return status;
	recording_init(&r);
	if (!host_read(&r.host))
		printf("linux %s %s, %d CPUs (%s), lockdown %s\n", r.host.kernel, r.host.machine,
		       r.host.cpus, r.host.cpu_model, r.host.lockdown);
	recording_clear(&r);
	caps_probe(caps);
	print_caps(caps);
	err = caps_check(caps, &e);
	if (err)
		return say_error("doctor", EXIT_CANNOT_RUN_HERE, &e);
	printf("page-fault ends come from %s\n", caps[CAP_FEXIT].have && !host_preemptible()
							 ? "fexit on handle_mm_fault"
							 : "the fault software events");
	return EXIT_DONE;
}
