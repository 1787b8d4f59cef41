// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Probes of what this kernel allows; see caps.h. One table, one function a row. */
#include "collect/caps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <cpuid.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/util.h"
#include "collect/privs.h"

#define KERNEL_MIN_MAJOR 5
#define KERNEL_MIN_MINOR 15

struct probe_ctx {
	struct btf *btf; /* the kernel's, or NULL */
};

static int probe_rights(struct probe_ctx *p, char *why, size_t sz)
{
	char missing[64];

	(void)p;
	if (!privs_missing(missing, sizeof(missing)))
		return 0;
	snprintf(why, sz, "%swithout %s: run it with sudo", geteuid() ? "not root, and " : "",
		 missing);
	return -EPERM;
}

static int probe_kernel(struct probe_ctx *p, char *why, size_t sz)
{
	struct utsname u;
	int major = 0, minor = 0;

	(void)p;
	uname(&u);
	if (sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    (major > KERNEL_MIN_MAJOR || (major == KERNEL_MIN_MAJOR && minor >= KERNEL_MIN_MINOR)))
		return 0;
	snprintf(why, sz, "kernel %.40s is too old: wallgap needs Linux %d.%d or newer", u.release,
		 KERNEL_MIN_MAJOR, KERNEL_MIN_MINOR);
	return -EOPNOTSUPP;
}

static int probe_btf(struct probe_ctx *p, char *why, size_t sz)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";

	/* by its path first: btf__load_vmlinux_btf tries other places, and forgets why this one failed */
	p->btf = btf__parse(path, NULL);
	if (!p->btf && (errno == ENOMEM || errno == EMFILE || errno == ENFILE))
		return -errno;
	if (!p->btf)
		p->btf = btf__load_vmlinux_btf();
	if (p->btf)
		return 0;
	snprintf(why, sz,
		 "no kernel BTF at /sys/kernel/btf/vmlinux: needs a kernel with "
		 "CONFIG_DEBUG_INFO_BTF, and /sys mounted");
	return -EOPNOTSUPP;
}

/* Load a program that returns 0, hooked on a BTF id of the kernel. Returns its fd or -errno. */
static int load_empty(const struct btf *btf, const char *name, int kind, int attach_type)
{
	struct bpf_insn insns[] = {
		{.code = 0xb7}, /* r0 = 0 */
		{.code = 0x95}, /* exit */
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = attach_type);
	int id = btf__find_by_name_kind(btf, name, kind), fd;

	if (id < 0)
		return -ENOENT;
	o.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "wallgap_probe", "GPL", insns, ARRAY_SIZE(insns),
			   &o);
	return fd < 0 ? -errno : fd;
}

static int probe_bpf(struct probe_ctx *p, char *why, size_t sz)
{
	int fd = load_empty(p->btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (fd == -ENOSYS)
		snprintf(why, sz, "this kernel has no bpf system call (CONFIG_BPF_SYSCALL)");
	else
		snprintf(why, sz,
			 "cannot load a tracing program: %s (a container without CAP_BPF and "
			 "CAP_PERFMON, or lockdown=confidentiality?)",
			 strerror(-fd));
	return fd;
}

static int probe_storage(struct probe_ctx *p, char *why, size_t sz)
{
	(void)p;
	/* creating one needs BTF for its value: what the kernel knows of the helper will do */
	if (btf__find_by_name_kind(p->btf, "bpf_local_storage", BTF_KIND_STRUCT) > 0)
		return 0;
	snprintf(why, sz, "this kernel has no BPF task storage");
	return -EOPNOTSUPP;
}

static int probe_perf(struct probe_ctx *p, char *why, size_t sz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = NSEC_PER_SEC,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), err = errno;

	(void)p;
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	snprintf(why, sz, "perf_event_open on CPU 0: %s", strerror(err));
	return -err;
}

static int probe_fexit(struct probe_ctx *p, char *why, size_t sz)
{
	int fd = load_empty(p->btf, "handle_mm_fault", BTF_KIND_FUNC, BPF_TRACE_FEXIT), link;

	if (fd < 0) {
		snprintf(why, sz, "%s%s", strerror(-fd),
			 fd == -EPERM ? " (kernel lockdown forbids BPF trampolines)" : "");
		return fd;
	}
	link = bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0) {
		link = -errno;
		snprintf(why, sz, "loads but does not attach: %s", strerror(-link));
	} else {
		close(link);
		link = 0;
	}
	close(fd);
	return link;
}

static bool has_tracepoint(const struct probe_ctx *p, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(p->btf, type, BTF_KIND_TYPEDEF) > 0;
}

static int probe_contention(struct probe_ctx *p, char *why, size_t sz)
{
	if (has_tracepoint(p, "contention_begin"))
		return 0;
	snprintf(why, sz, "this kernel has no lock:contention_begin tracepoint");
	return -ENOENT;
}

/* The hypervisor of this name speaks at this CPUID leaf. */
static bool speaks(unsigned int leaf, const char *name)
{
	unsigned int a, sig[3];

	__cpuid(leaf, a, sig[0], sig[1], sig[2]);
	return !strncmp((const char *)sig, name, sizeof(sig));
}

/* TLFS, Implementation Recommendations: "hypercall for remote TLB flushes", which Linux follows. */
#define HYPERV_ADVICE 0x40000004
#define HYPERV_FLUSHES (1u << 2)

/* KVM and Xen, when they mimic Hyper-V, speak as themselves in the second place, and are heard. */
static bool hyperv_flushes(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 31)) ||
	    !speaks(0x40000000, "Microsoft Hv") || speaks(0x40000100, "KVMKVMKVM") ||
	    speaks(0x40000100, "XenVMMXenVMM"))
		return false;
	__cpuid(HYPERV_ADVICE, a, b, c, d);
	return a & HYPERV_FLUSHES;
}

static bool is_xen_pv(void)
{
	scoped_file FILE *f = fopen("/sys/hypervisor/guest_type", "re");
	char type[8] = "";

	return f && fgets(type, sizeof(type), f) && !strcmp(type, "PV\n");
}

static bool has_member(const struct btf *btf, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF), i;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_member *m;

	if (t)
		t = btf__type_by_id(btf, t->type);
	if (!t || !btf_is_struct(t))
		return false;
	m = btf_members(t);
	for (i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), member))
			return true;
	return false;
}

/*
 * INVLPGB (CPUID 0x80000008, EBX 3; not in /proc/cpuinfo) flushes all CPUs, and a kernel that has
 * global address space numbers (6.15) uses it for processes on more than three.
 */
static bool cpu_flushes(const struct probe_ctx *p)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000008, &a, &b, &c, &d) && b & (1u << 3) &&
	       has_member(p->btf, "mm_context_t", "global_asid");
}

/*
 * KVM's own way (kvm_flush_tlb_multi) is the native one, with its event, for all CPUs that run; the
 * others have nothing to interrupt.
 */
static int probe_tlb(struct probe_ctx *p, char *why, size_t sz)
{
	if (!has_tracepoint(p, "tlb_flush"))
		snprintf(why, sz, "this kernel has no tlb:tlb_flush tracepoint");
	else if (hyperv_flushes() || is_xen_pv())
		snprintf(why, sz, "the hypervisor flushes them, and the kernel tells nobody");
	else if (cpu_flushes(p))
		snprintf(why, sz,
			 "this CPU flushes all by one instruction (INVLPGB), which no "
			 "tracepoint tells of");
	else
		return 0;
	return -ENOENT;
}

static int probe_ipi(struct probe_ctx *p, char *why, size_t sz)
{
	if (has_tracepoint(p, "ipi_send_cpu") && has_tracepoint(p, "ipi_send_cpumask"))
		return 0;
	snprintf(why, sz, "this kernel has no ipi:ipi_send_cpu tracepoint (Linux 6.4)");
	return -ENOENT;
}

/* (void *data, bool preempt, prev, next[, unsigned int prev_state]) */
static int probe_switch_state(struct probe_ctx *p, char *why, size_t sz)
{
	int id = btf__find_by_name_kind(p->btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(p->btf, id) : NULL;

	if (t)
		t = btf__type_by_id(p->btf, t->type); /* the pointer */
	if (t)
		t = btf__type_by_id(p->btf, t->type); /* the prototype */
	if (t && btf_is_func_proto(t) && btf_vlen(t) >= 5)
		return 0;
	snprintf(why, sz, "sched_switch does not pass the previous state");
	return -ENOENT;
}

/* The helper's number is in an enum that BTF has. */
static int probe_find_vma(struct probe_ctx *p, char *why, size_t sz)
{
	int id = btf__find_by_name_kind(p->btf, "bpf_func_id", BTF_KIND_ENUM), i;
	const struct btf_type *t = id > 0 ? btf__type_by_id(p->btf, id) : NULL;

	for (i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(p->btf, btf_enum(t)[i].name_off),
			    "BPF_FUNC_find_vma"))
			return 0;
	snprintf(why, sz, "this kernel has no bpf_find_vma (Linux 5.17)");
	return -ENOENT;
}

static const struct {
	const char *name, *without;
	bool needed;
	enum feature needs; /* an earlier one, or itself */
	int (*probe)(struct probe_ctx *p, char *why, size_t sz);
} cap_table[FEAT_CNT] = {
	[FEAT_RIGHTS] = {"root, or CAP_BPF and CAP_PERFMON", "nothing can be traced", true,
			 FEAT_RIGHTS, probe_rights},
	[FEAT_KERNEL] = {"kernel 5.15 or newer", "nothing can be traced", true, FEAT_KERNEL,
			 probe_kernel},
	[FEAT_BTF] = {"kernel BTF", "nothing can be traced", true, FEAT_BTF, probe_btf},
	[FEAT_BPF] = {"bpf system call, tp_btf programs", "nothing can be traced", true, FEAT_BTF,
		      probe_bpf},
	[FEAT_STORAGE] = {"task storage", "nothing can be traced", true, FEAT_BTF, probe_storage},
	[FEAT_PERF] = {"software perf events", "no user/kernel split; no fault ends without fexit",
		       true, FEAT_RIGHTS, probe_perf},
	[FEAT_FEXIT] = {"fexit on handle_mm_fault",
			"fault ends come from perf software events; faults without a trap from the "
			"kernel's counters",
			false, FEAT_BPF, probe_fexit},
	[FEAT_CONTENTION] = {"lock contention tracepoints",
			     "waits for kernel locks are counted as \"other\"", false, FEAT_BTF,
			     probe_contention},
	[FEAT_TLB] = {"TLB flush tracepoint", "their number is unknown", false, FEAT_BTF,
		      probe_tlb},
	[FEAT_IPI] = {"tracepoints of interrupts between CPUs", "their number is unknown", false,
		      FEAT_BTF, probe_ipi},
	[FEAT_SWITCH_STATE] = {"previous state in sched_switch",
			       "it is read from the task, where a waker may have changed it", false,
			       FEAT_BTF, probe_switch_state},
	[FEAT_FIND_VMA] = {"mappings found in the kernel",
			   "they are read from /proc whenever one is made, which slows what starts "
			   "processes, and the first stacks of each are cut short",
			   false, FEAT_BTF, probe_find_vma},
};

/* What fails for want of memory or descriptors says nothing of the kernel. */
static bool is_our_limit(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static const char *our_limit(int err)
{
	return err == -ENOMEM ? "more memory is needed; see ulimit -v and the cgroup's limit"
			      : "more open files are needed; see ulimit -Hn";
}

static int untried(struct cap_result *r, const struct cap_result *needed)
{
	snprintf(r->why, sizeof(r->why), "not tried: needs %s", needed->name);
	return -EOPNOTSUPP;
}

void caps_probe(struct cap_result out[FEAT_CNT])
{
	struct probe_ctx ctx = {0};
	int i;

	memset(out, 0, sizeof(*out) * FEAT_CNT);
	for (i = 0; i < FEAT_CNT; i++) {
		out[i].name = cap_table[i].name;
		out[i].without = cap_table[i].without;
		out[i].needed = cap_table[i].needed;
		if ((int)cap_table[i].needs != i && !out[cap_table[i].needs].have)
			out[i].err = untried(&out[i], &out[cap_table[i].needs]);
		else
			out[i].err = cap_table[i].probe(&ctx, out[i].why, sizeof(out[i].why));
		if (is_our_limit(out[i].err))
			snprintf(out[i].why, sizeof(out[i].why), "%s (%s): %s", cap_table[i].name,
				 strerror(-out[i].err), our_limit(out[i].err));
		out[i].have = !out[i].err;
	}
	btf__free(ctx.btf);
}

int caps_check(const struct cap_result caps[FEAT_CNT], struct err *e)
{
	int i;

	for (i = 0; i < FEAT_CNT; i++)
		if (caps[i].needed && !caps[i].have)
			return err_set(e, is_our_limit(caps[i].err) ? caps[i].err : -EOPNOTSUPP,
				       "cannot %s: %s",
				       is_our_limit(caps[i].err) ? "start" : "run here",
				       caps[i].why);
	return 0;
}
