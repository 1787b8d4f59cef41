// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Facts of the machine that do not change while we measure; see host.h. Each fact has one
 * function that writes it to a buffer, or leaves the buffer at its "not had".
 */
#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/util.h"
#include "host/file.h"
#include "host/parse.h"

#define FACT_SZ 256
#define CONFIG_LIMIT (4u << 20) /* a kernel's .config is about 250 KB */

static void read_distro(char *out)
{
	char text[4096];

	if (file_read("/etc/os-release", text, sizeof(text)) < 0 &&
	    file_read("/usr/lib/os-release", text, sizeof(text)) < 0)
		return;
	parse_os_release(text, "PRETTY_NAME", out, FACT_SZ);
}

static void read_cpu_model(char *out)
{
	static const char *const keys[] = {"model name", "Model", "cpu model",
					   "uarch",	 "cpu",	  "CPU part"};
	char text[8192]; /* the first CPU is enough */
	size_t i;

	if (file_read("/proc/cpuinfo", text, sizeof(text)) < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!parse_field(text, keys[i], ':', out, FACT_SZ))
			return;
}

static void read_lockdown(char *out)
{
	char text[256];

	snprintf(out, FACT_SZ, "unknown");
	if (file_read_pseudo("securityfs", "/sys/kernel/security", "lockdown", text, sizeof(text)) <
	    0)
		return;
	if (parse_choice(text, '[', out, FACT_SZ))
		snprintf(out, FACT_SZ, "unknown");
}

/* Under lockdown debugfs may be closed to us: then the .config, as shown or as installed. */
static const char *preempt_from_config(const char *release)
{
	scoped_free char *running = file_read_gz("/proc/config.gz", CONFIG_LIMIT);
	scoped_free char *installed = NULL;
	char path[FACT_SZ];

	if (running)
		return parse_preempt_config(running);
	snprintf(path, sizeof(path), "/boot/config-%s", release);
	installed = file_read_gz(path, CONFIG_LIMIT);
	return installed ? parse_preempt_config(installed) : NULL;
}

static void read_preemption(char *out, const struct utsname *un)
{
	const char *model = NULL;
	char text[4096];

	if (file_read_pseudo("debugfs", "/sys/kernel/debug", "sched/preempt", text, sizeof(text)) >
		    0 &&
	    !parse_choice(text, '(', out, FACT_SZ))
		return;
	if (strstr(un->version, "PREEMPT_DYNAMIC") &&
	    file_read("/proc/cmdline", text, sizeof(text)) > 0)
		model = parse_preempt_cmdline(text);
	if (!model)
		model = preempt_from_config(un->release);
	if (!model)
		model = parse_preempt_version(un->version);
	snprintf(out, FACT_SZ, "%s", model ? model : "unknown");
}

bool host_preemptible(void)
{
	char model[FACT_SZ] = "";
	struct utsname un;

	uname(&un);
	read_preemption(model, &un);
	return strcmp(model, "none") != 0 && strcmp(model, "voluntary") != 0;
}

#if defined(__x86_64__) || defined(__i386__)
/* The CPU says that it is virtual, and by whom. */
static void read_virt_cpu(char *out)
{
	unsigned int a, b, c, d, sig[3];

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 31)))
		return;
	__cpuid(0x40000000, a, sig[0], sig[1], sig[2]);
	parse_hypervisor((const char *)sig, out, FACT_SZ);
}
#else
/* No such instruction here: the firmware's maker, if it makes firmware for virtual machines. */
static void read_virt_cpu(char *out)
{
	static const char *const makers[] = {"QEMU", "VMware", "Xen", "Parallels", "Amazon EC2"};
	char text[FACT_SZ];
	size_t i;

	if (file_read("/sys/class/dmi/id/sys_vendor", text, sizeof(text)) <= 0)
		return;
	for (i = 0; i < ARRAY_SIZE(makers); i++)
		if (!strncmp(text, makers[i], strlen(makers[i])))
			snprintf(out, FACT_SZ, "%s", makers[i]);
}
#endif

static void read_virt(char *out)
{
	char text[FACT_SZ];

	read_virt_cpu(out);
	if (out[0] || file_read("/sys/hypervisor/type", text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	memcpy(out, text, sizeof(text));
}

static uint64_t read_mem_bytes(void)
{
	uint64_t bytes = UNKNOWN;
	char text[4096];

	if (file_read("/proc/meminfo", text, sizeof(text)) > 0)
		parse_kb(text, "MemTotal", &bytes);
	return bytes;
}

static int keep(char **field, const char *fact)
{
	*field = strdup(fact);
	return *field ? 0 : -ENOMEM;
}

int host_read(struct host *h)
{
	char distro[FACT_SZ] = "", cpu[FACT_SZ] = "", lockdown[FACT_SZ] = "";
	char preemption[FACT_SZ] = "", virt[FACT_SZ] = "";
	struct utsname un;

	if (uname(&un))
		memset(&un, 0, sizeof(un));
	read_distro(distro);
	read_cpu_model(cpu);
	read_lockdown(lockdown);
	read_preemption(preemption, &un);
	read_virt(virt);
	h->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	h->mem_bytes = read_mem_bytes();
	if (keep(&h->kernel, un.release) || keep(&h->machine, un.machine) ||
	    keep(&h->distro, distro) || keep(&h->cpu_model, cpu[0] ? cpu : un.machine) ||
	    keep(&h->lockdown, lockdown) || keep(&h->preemption, preemption) ||
	    keep(&h->virt, virt))
		return -ENOMEM;
	return 0;
}
