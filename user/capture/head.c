// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What a recording says of itself; see head.h. */
#include "capture/head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "host/host.h"

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

static int add_own_libs(struct recording *r)
{
	int err = recording_add_lib(r, "wallgap", WALLGAP_VERSION);

	return err ? err : recording_add_lib(r, "libbpf", collector_library_version());
}

int head_begin(struct recording *r, const char *command, int argc, char **argv,
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

int head_end(struct recording *r, const struct collector *c, int stopped)
{
	int err;

	r->interrupted = stopped != 0;
	r->repair_cnt = collector_repairs(c);
	r->wallgap_rss_peak_bytes = rss_peak();
	r->wallgap_cpu_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	err = conditions_read(&r->conditions[1], true);
	return err ? err : collector_losses(c, r);
}
