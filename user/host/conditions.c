// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What can move while we measure; see host.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "host/file.h"
#include "host/host.h"
#include "host/parse.h"
#include "host/timing.h"

#define WORD_SZ 64

/* The first line of a file, or fallback. To be freed; NULL without memory. */
static char *word_of(const char *path, const char *fallback)
{
	char text[WORD_SZ];

	if (file_read(path, text, sizeof(text)) <= 0)
		return strdup(fallback);
	text[strcspn(text, "\n")] = '\0';
	return strdup(text[0] ? text : fallback);
}

static char *thp_mode(void)
{
	char text[256], mode[WORD_SZ];

	if (file_read("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text)) <= 0 ||
	    parse_choice(text, '[', mode, sizeof(mode)))
		return strdup("unknown");
	return strdup(mode);
}

int conditions_read(struct conditions *c, bool measure)
{
	char text[4096];

	c->at_ns = now_ns();
	c->steal_ns = c->idle_ns = c->busy_ns = UNKNOWN;
	c->mem_available_bytes = UNKNOWN;
	c->load1 = 0;
	host_cpu_times(&c->busy_ns, &c->idle_ns, &c->steal_ns);
	if (file_read("/proc/meminfo", text, sizeof(text)) > 0)
		parse_kb(text, "MemAvailable", &c->mem_available_bytes);
	if (file_read("/proc/loadavg", text, sizeof(text)) > 0)
		parse_load(text, &c->load1);
	c->cacheline_ns = measure ? timing_cacheline() : UNKNOWN;
	c->spin_ns = measure ? timing_spin() : UNKNOWN;
	c->thp = thp_mode();
	c->clocksource = word_of("/sys/devices/system/clocksource/clocksource0/current_clocksource",
				 "unknown");
	c->governor = word_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "");
	return c->thp && c->clocksource && c->governor ? 0 : -ENOMEM;
}
