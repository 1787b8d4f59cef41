// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Parsers of /proc, /sys and os-release text; see parse.h. No I/O. */
#include "host/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Copy the len bytes at from, blanks trimmed at both ends, cut to fit, made printable. */
static void copy_clean(char *out, size_t sz, const char *from, size_t len)
{
	size_t i;

	while (len && isspace((unsigned char)*from))
		from++, len--;
	while (len && isspace((unsigned char)from[len - 1]))
		len--;
	if (len > sz - 1)
		len = sz - 1;
	for (i = 0; i < len; i++)
		out[i] = iscntrl((unsigned char)from[i]) ? '?' : from[i];
	out[len] = '\0';
}

int parse_choice(const char *text, char open, char *out, size_t sz)
{
	const char *from = strchr(text, open), *to;

	out[0] = '\0';
	if (!from)
		return -ENOENT;
	to = strchr(++from, open == '(' ? ')' : ']');
	if (!to || memchr(from, '\n', (size_t)(to - from)))
		return -EINVAL;
	copy_clean(out, sz, from, (size_t)(to - from));
	return out[0] ? 0 : -EINVAL;
}

/* The value part of the first line whose key is key; NULL if there is none. Ends at *end. */
static const char *find_value(const char *text, const char *key, char sep, const char **end)
{
	size_t key_len = strlen(key);
	const char *line, *next, *p;

	for (line = text; *line; line = *next ? next + 1 : next) {
		next = line + strcspn(line, "\n");
		if (strncmp(line, key, key_len))
			continue;
		for (p = line + key_len; *p == ' ' || *p == '\t'; p++)
			;
		if (*p != sep)
			continue;
		*end = next;
		return p + 1;
	}
	return NULL;
}

int parse_field(const char *text, const char *key, char sep, char *out, size_t sz)
{
	const char *end, *value = find_value(text, key, sep, &end);

	out[0] = '\0';
	if (!value)
		return -ENOENT;
	copy_clean(out, sz, value, (size_t)(end - value));
	return out[0] ? 0 : -ENOENT;
}

int parse_os_release(const char *text, const char *key, char *out, size_t sz)
{
	char raw[512], quote;
	size_t i, n = 0;
	int ret;

	out[0] = '\0';
	ret = parse_field(text, key, '=', raw, sizeof(raw));
	if (ret)
		return ret;
	quote = raw[0] == '"' || raw[0] == '\'' ? raw[0] : '\0';
	for (i = quote ? 1 : 0; raw[i] && raw[i] != quote && n < sz - 1; i++) {
		if (raw[i] == '\\' && quote != '\'' && !raw[++i])
			break;
		out[n++] = raw[i];
	}
	out[n] = '\0';
	return n ? 0 : -ENOENT;
}

/* A plain decimal number at *p, blanks before it skipped; moves *p behind it. */
static int take_u64(const char **p, uint64_t *value)
{
	unsigned long long v;
	char *end;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	errno = 0;
	v = strtoull(*p, &end, 10);
	if (errno)
		return -EINVAL;
	*p = end;
	*value = v;
	return 0;
}

int parse_kb(const char *text, const char *key, uint64_t *bytes)
{
	const char *end, *p = find_value(text, key, ':', &end);
	uint64_t kb;

	if (!p)
		return -ENOENT;
	if (take_u64(&p, &kb) || kb > UINT64_MAX / 1024)
		return -EINVAL;
	while (*p == ' ')
		p++;
	if (strncmp(p, "kB", 2))
		return -EINVAL;
	*bytes = kb * 1024;
	return 0;
}

int parse_cpu_times(const char *text, uint64_t hz, uint64_t *busy_ns, uint64_t *idle_ns,
		    uint64_t *steal_ns)
{
	/* In the order of the line; guest time after these is part of user and nice. */
	enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELD_CNT };
	uint64_t ns[FIELD_CNT], ticks;
	const char *p = text + 4;
	int i;

	if (strncmp(text, "cpu ", 4))
		return -ENOENT;
	if (!hz || hz > NSEC_PER_SEC)
		return -EINVAL;
	for (i = 0; i < FIELD_CNT; i++) {
		if (take_u64(&p, &ticks) || ticks > UINT64_MAX / FIELD_CNT / (NSEC_PER_SEC / hz))
			return -EINVAL;
		ns[i] = ticks * (NSEC_PER_SEC / hz);
	}
	*busy_ns = ns[USER] + ns[NICE] + ns[SYSTEM] + ns[IRQ] + ns[SOFTIRQ];
	*idle_ns = ns[IDLE] + ns[IOWAIT];
	*steal_ns = ns[STEAL];
	return 0;
}

int parse_statm(const char *text, uint64_t page_sz, uint64_t *rss_bytes)
{
	uint64_t size, resident;
	const char *p = text;

	if (take_u64(&p, &size) || take_u64(&p, &resident))
		return -EINVAL;
	if (!size)
		return -ENOENT;
	if (resident > UINT64_MAX / page_sz)
		return -EINVAL;
	*rss_bytes = resident * page_sz;
	return 0;
}

int parse_load(const char *text, double *load1)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	v = strtod(text, &end);
	if ((*end != ' ' && *end != '\n' && *end) || v > 1e9)
		return -EINVAL;
	*load1 = v;
	return 0;
}

const char *parse_preempt_cmdline(const char *text)
{
	static const char *const models[] = {"none", "voluntary", "full", "lazy"};
	const char *p, *found = NULL;
	size_t i, len;

	for (p = text; *p; p += len) {
		p += strspn(p, " \t\n");
		len = strcspn(p, " \t\n");
		for (i = 0; i < ARRAY_SIZE(models); i++)
			if (len == 8 + strlen(models[i]) && !strncmp(p, "preempt=", 8) &&
			    !strncmp(p + 8, models[i], len - 8))
				found = models[i]; /* the last one counts */
	}
	return found;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *p;

	for (p = strstr(text, line); p; p = strstr(p + 1, line))
		if ((p == text || p[-1] == '\n') && (p[len] == '\n' || !p[len]))
			return true;
	return false;
}

const char *parse_preempt_config(const char *text)
{
	static const struct {
		const char *line, *model;
	} choices[] = {
		{"CONFIG_PREEMPT_RT=y", "full"},
		{"CONFIG_PREEMPT_NONE=y", "none"},
		{"CONFIG_PREEMPT_VOLUNTARY=y", "voluntary"},
		{"CONFIG_PREEMPT_LAZY=y", "lazy"},
		{"CONFIG_PREEMPT=y", "full"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(choices); i++)
		if (has_line(text, choices[i].line))
			return choices[i].model;
	return NULL;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = strstr(text, word); p; p = strstr(p + 1, word))
		if ((p == text || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

/* Without a word here the kernel is "none" or "voluntary", and with PREEMPT_DYNAMIC anything. */
const char *parse_preempt_version(const char *text)
{
	if (has_word(text, "PREEMPT") || has_word(text, "PREEMPT_RT"))
		return "full";
	if (has_word(text, "PREEMPT_LAZY"))
		return "lazy";
	return NULL;
}

int parse_hypervisor(const char sig[12], char *out, size_t sz)
{
	static const struct {
		char sig[13];
		const char *name;
	} known[] = {
		{"KVMKVMKVM\0\0\0", "KVM"},	  {"Microsoft Hv", "Hyper-V"},
		{"VMwareVMware", "VMware"},	  {"XenVMMXenVMM", "Xen"},
		{"TCGTCGTCGTCG", "QEMU"},	  {"prl hyperv\0\0", "Parallels"},
		{" lrpepyh vr\0", "Parallels"},	  {"VBoxVBoxVBox", "VirtualBox"},
		{"bhyve bhyve ", "bhyve"},	  {"ACRNACRNACRN", "ACRN"},
		{"Jailhouse\0\0\0", "Jailhouse"}, {"QNXQVMBSQG\0\0", "QNX"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (memcmp(sig, known[i].sig, 12))
			continue;
		snprintf(out, sz, "%s", known[i].name);
		return 0;
	}
	copy_clean(out, sz, sig, strnlen(sig, 12));
	return out[0] ? 0 : -ENOENT;
}
