/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address spaces: which files are mapped executable where, in each tracked process. From
 * /proc/PID/maps, read again whenever something tells that it changed; files are opened through
 * /proc/PID/map_files at first sight and stay open, so that their names can be read when the
 * process, or the file, is gone. Their unwind tables go into the pool.
 *
 *   spaces
 *     |- modules[]    one per file (device, inode, time), known by number from 1 on
 *     |- processes[]  by tgid: executable mappings now, where its root is
 */
#ifndef WG_COLLECT_SPACE_H
#define WG_COLLECT_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/module.h"
#include "collect/pool.h"
#include "collect/regions.h"

struct process {
	uint32_t tgid;
	uint32_t ns_tgid; /* its number in its own PID namespace, which names its perf map */
	uid_t uid;
	bool identified; /* the three above are its own, not its parent's */
	int root_fd;	 /* its root folder where that is not ours; else -1. Shared */
	char **jitdumps; /* paths of jitdump files that it maps */
	size_t jitdump_cnt, jitdump_cap;
	struct wg_mapping *map;
	size_t map_cnt, map_cap;
	uint64_t read_ns;	/* when they were last read */
	uint32_t hasty_cnt;	/* reads in a row that followed at once */
	uint64_t changed_ns;	/* when it was last found to have changed */
	struct regions regions; /* all of its memory, when last looked at */
	uint64_t regions_ns;	/* when that was; 0: never */
	uint64_t regions_took_ns;
	bool stale;  /* its mappings are to be read again */
	bool missed; /* a stack of its needed them */
	bool unread; /* it was gone before they could be read */
	bool noted;  /* the kernel side knew them by itself: a sample of its was found in a file */
	bool wanted; /* its memory is to be looked at */
};

struct spaces;

/*
 * cache: folder for unwind tables, or NULL. layouts_fd: the BPF map of layouts by tgid. files_fd: that
 * of files by what the kernel side knows them by, where that notes mappings itself; else -1.
 */
int spaces_new(struct spaces **out, struct pool *pool, int layouts_fd, int files_fd,
	       const char *cache);
void spaces_free(struct spaces *s); /* accepts NULL */

/*
 * Read the mappings of process tgid, load what is new, and put its layout where the walk finds it.
 * 0; -ESRCH: it is gone, what is known of it stays; other -errno: memory or room ran out.
 */
int spaces_refresh(struct spaces *s, uint32_t tgid);

/*
 * The kernel side has asked what the file `key` is, which process tgid has mapped at start. By what
 * was last read of it, if that has it.
 */
void spaces_answer(struct spaces *s, uint32_t tgid, uint64_t start, const struct wg_file_key *key);

/* Process child was forked by parent: until it is read itself it has the same mappings. */
int spaces_inherit(struct spaces *s, uint32_t parent, uint32_t child);

/*
 * Look at all of the process's memory, unless that was done after since_ns (if not 0), or so lately
 * that it would cost too much. False: not done.
 */
bool spaces_note_regions(struct spaces *s, uint32_t tgid, uint64_t since_ns);

/* Find out who the process is, if that is not known: its owner, its root, its own number. */
void spaces_identify(struct spaces *s, uint32_t tgid);

/* Call mark(ctx, process) for each. */
void spaces_each(struct spaces *s, void (*mark)(void *ctx, struct process *p), void *ctx);

/* Process tgid, met now if not before; NULL without memory. */
struct process *spaces_process_get(struct spaces *s, uint32_t tgid);

/* By number; NULL when there is none. The pointers hold until the next refresh. */
const struct module *spaces_module(const struct spaces *s, uint32_t number);
const struct process *spaces_process(const struct spaces *s, uint32_t tgid);

/* A program's table, and its libraries', ahead of their first mapping, so that they are ready when it begins. */
void spaces_preload(struct spaces *s, const char *path);

struct spaces_stats {
	uint64_t module_cnt, table_bytes;
	uint64_t build_ns; /* building and loading of tables */
	uint64_t
		unread_cnt; /* processes gone before their mappings, which were needed, could be read */
	uint64_t full_cnt;   /* layouts or tables that found no room */
	uint64_t closed_cnt; /* mappings whose file could not be kept open: too few descriptors */
	uint64_t fde_bad_cnt, row_unsupported_cnt;
};
void spaces_stats(const struct spaces *s, struct spaces_stats *out);

#endif
