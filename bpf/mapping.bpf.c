// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Mappings noted where they are used first: a process that fetches an instruction from a page which
 * is not there yet faults, and at the end of that fault the kernel tells which file it is in. So a
 * program that is executed again, and its libraries, cost user space nothing, and its stacks can be
 * walked from its first instruction on. Who runs a file that nobody has run before asks user space
 * for it, once.
 *
 * What is not noted (code that was written here, say) user space reads from /proc/PID/maps, some
 * time later, or at once when a stack cannot be walked without.
 */
#include "walk.bpf.h"

#define FILE_MAX 16384

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FILE_MAX);
	__type(key, struct wg_file_key);
	__type(value, struct wg_file);
} files SEC(".maps");

/* A mapping that was looked for. */
struct found {
	struct wg_file_key key;
	u64 start, end; /* 0: it is of no file */
};

static __always_inline void file_time(struct wg_file_key *k, struct inode *inode)
{
	struct inode___before_6_11 *mid = (void *)inode;
	struct inode___before_6_7 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_mtime_sec)) {
		k->mtime_sec = BPF_CORE_READ(inode, i_mtime_sec);
		k->mtime_nsec = BPF_CORE_READ(inode, i_mtime_nsec);
	} else if (bpf_core_field_exists(mid->__i_mtime)) {
		k->mtime_sec = BPF_CORE_READ(mid, __i_mtime.tv_sec);
		k->mtime_nsec = BPF_CORE_READ(mid, __i_mtime.tv_nsec);
	} else {
		k->mtime_sec = BPF_CORE_READ(old, i_mtime.tv_sec);
		k->mtime_nsec = BPF_CORE_READ(old, i_mtime.tv_nsec);
	}
}

static long on_vma(struct task_struct *t, struct vm_area_struct *vma, struct found *f)
{
	struct file *file = vma->vm_file;
	struct inode *inode;

	if (file) {
		inode = file->f_inode;
		f->key.dev = inode->i_sb->s_dev;
		f->key.ino = inode->i_ino;
		f->key.size = inode->i_size;
		f->key.pgoff = vma->vm_pgoff;
		file_time(&f->key, inode);
	} else if (vma->vm_start != (u64)t->mm->context.vdso) {
		return 0;
	}
	f->start = vma->vm_start;
	f->end = vma->vm_end;
	return 0;
}

static __always_inline void ask(u32 tgid, const struct found *f)
{
	struct wg_file_event e = {.type = WG_EVENT_FILE, .tgid = tgid};

	e.start = f->start;
	e.key = f->key;
	if (bpf_ringbuf_output(&stream, &e, sizeof(e), BPF_RB_FORCE_WAKEUP))
		loss(WG_LOSS_STREAM);
}

/* The notes of process tgid, emptied when its layout has what they said. */
static __always_inline struct wg_noted *notes_of(u32 tgid)
{
	static const struct wg_noted none;
	struct wg_layout *l = bpf_map_lookup_elem(&layouts, &tgid), first = {.noted = 1};
	struct wg_noted *n = bpf_map_lookup_elem(&noted, &tgid);

	if (!n || !l || !l->noted) {
		if (bpf_map_update_elem(&noted, &tgid, &none, BPF_ANY))
			return NULL;
		n = bpf_map_lookup_elem(&noted, &tgid);
	}
	if (!l)
		bpf_map_update_elem(&layouts, &tgid, &first, BPF_ANY);
	else
		l->noted = 1;
	return n;
}

/* end last: a slot without one holds nothing. */
static __always_inline void slot_set(struct wg_mapping *m, const struct wg_mapping *to)
{
	*(volatile u64 *)&m->end = 0;
	barrier();
	m->start = to->start;
	m->bias = to->bias;
	m->module = to->module;
	barrier();
	*(volatile u64 *)&m->end = to->end;
}

/* Only the first of those that m overlaps is replaced: the others are emptied. */
static __always_inline void note(struct wg_noted *n, const struct wg_mapping *m)
{
	bool done = false;
	u32 i;

	for (i = 0; i < WG_NOTED_MAX; i++) {
		struct wg_mapping *at = &n->map[i];

		if (at->start >= m->end || at->end <= m->start)
			continue;
		if (done)
			*(volatile u64 *)&at->end = 0;
		else if (at->start != m->start || at->end != m->end || at->bias != m->bias ||
			 at->module != m->module)
			slot_set(at, m);
		done = true;
	}
	if (done)
		return;
	i = __sync_fetch_and_add(&n->cnt, 1);
	if (i < WG_NOTED_MAX)
		slot_set(&n->map[i & (WG_NOTED_MAX - 1)], m);
}

int wg_mapping_note(u64 addr)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct found f = {};
	struct wg_mapping m = {};
	struct wg_noted *n;
	struct wg_file *file;
	u32 tgid = t->tgid;

	/*
	 * What is known may be a file that another has replaced there since: until user space has
	 * heard of it, some 50 ms. To look again at each fault would cost more than the fault.
	 */
	if (!wg_notes || wg_mapping_known(tgid, addr))
		return 0;
	/* its lock is being waited for by one who will change mappings: then the next fault may do it */
	if (bpf_find_vma(t, addr, on_vma, &f, 0) || !f.end)
		return 0;
	file = bpf_map_lookup_elem(&files, &f.key);
	if (!file) {
		ask(tgid, &f);
		return 0;
	}
	if (!file->module)
		return 0; /* nothing that we could read */
	m.start = f.start;
	m.end = f.end;
	m.bias = f.start - file->addr;
	m.module = file->module;
	n = notes_of(tgid);
	if (n)
		note(n, &m);
	return 0;
}
