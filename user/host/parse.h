/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Parsers of what the kernel and the distribution write in text files. Pure: text in, figures
 * out. Text is NUL-terminated, of any length, and may be junk; each returns 0, -ENOENT when what
 * was asked for is not there, or -EINVAL when it is there and makes no sense. On error the
 * outputs are not touched, except that strings become "".
 */
#ifndef WG_HOST_PARSE_H
#define WG_HOST_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* The word in brackets of "always [madvise] never": open is '[' or '('. Cut to sz - 1. */
int parse_choice(const char *text, char open, char *out, size_t sz);

/* The value of the first line "key <sep> value", blanks trimmed, control characters as '?'. */
int parse_field(const char *text, const char *key, char sep, char *out, size_t sz);

/* The same, with the quotes and backslashes of os-release(5) taken off. */
int parse_os_release(const char *text, const char *key, char *out, size_t sz);

/* Bytes of "key:   123 kB" (/proc/meminfo, status, smaps_rollup). */
int parse_kb(const char *text, const char *key, uint64_t *bytes);

/*
 * The sums of the first line of /proc/stat, in ns; hz is USER_HZ. idle is idle and iowait, busy
 * all but those and steal.
 */
int parse_cpu_times(const char *text, uint64_t hz, uint64_t *busy_ns, uint64_t *idle_ns,
		    uint64_t *steal_ns);

/* Resident bytes of /proc/PID/statm. -ENOENT without memory: a zombie, a kernel thread. */
int parse_statm(const char *text, uint64_t page_sz, uint64_t *rss_bytes);

/* First figure of /proc/loadavg. */
int parse_load(const char *text, double *load1);

/*
 * The preemption model from three places, each "none", "voluntary", "full" or "lazy", or NULL
 * when the text does not say: preempt= of the kernel's command line, its .config, uname -v.
 * With PREEMPT_DYNAMIC the .config has the default, which the command line may override.
 */
const char *parse_preempt_cmdline(const char *text);
const char *parse_preempt_config(const char *text);
const char *parse_preempt_version(const char *text);

/* Name of the hypervisor with these 12 bytes in cpuid leaf 0x40000000; if unknown, the bytes. */
int parse_hypervisor(const char sig[12], char *out, size_t sz);

#endif
