// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of addresses in an ELF file; see symtab.h. This file chooses where symbols come from and
 * which of them count; symset.c sorts them and looks them up. Names stay where they are in the
 * string tables until they are asked for.
 */
#include "symbol/symtab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <lzma.h>

#include "base/budget.h"
#include "base/files.h"
#include "base/strtab.h"
#include "base/util.h"
#include "symbol/debugfile.h"
#include "base/elffile.h"
#include "symbol/symset.h"

#define MAX_SEARCHED 256 /* sections, for each symbol with a stale index */
#define MAX_NAME (64u << 10)
#define NAME_USUAL 1024		  /* bytes that names are shorter than, mostly */
#define MAX_DEBUGDATA (64u << 20) /* compressed */
#define MAX_DEBUGDATA_OUT (128u << 20)
#define MAX_XZ_MEMORY (128u << 20) /* xz -9 takes 65 MiB to undo */
/* How far a symbol without a size may reach: assembly with its static functions named, or not. */
#define REACH_FUNCTION 4096
#define REACH_OBJECT 256

struct symtab {
	struct budget budget;
	struct elf_file file, debug; /* debug: another file, or the image, that has its .symtab */
	uint8_t *mini;		     /* that image */
	char *path, *root;
	bool is_read;
	const char *source;
	struct strtab strings[TABLE_CNT];
	struct symset function, object;
	char **ready; /* names that were asked for */
	size_t ready_cnt, ready_cap;
};

/* --- collecting --- */

/* Assembler's labels and the marks for code and data that some toolchains leave. */
static bool is_local_label(const char *name)
{
	return strncmp(name, ".L", 2) == 0 ||
	       (name[0] == '$' && name[1] && (!name[2] || name[2] == '.'));
}

static bool lies_in(const Elf64_Sym *in, const Elf64_Shdr *s)
{
	return (s->sh_flags & SHF_ALLOC) && !(s->sh_flags & SHF_TLS) &&
	       in->st_value >= s->sh_addr && in->st_value - s->sh_addr < s->sh_size;
}

/*
 * The section that the symbol lies in, or NULL. Tools that take sections out of a file (objcopy -R)
 * leave stale indexes in .dynsym; then the address tells, if the symbol is more than a mark.
 */
static const Elf64_Shdr *section_of(const struct elf_file *f, const Elf64_Sym *in)
{
	bool reserved = in->st_shndx >= SHN_LORESERVE && in->st_shndx != SHN_XINDEX;

	if (in->st_shndx == SHN_UNDEF || reserved)
		return NULL;
	if (in->st_shndx < f->section_cnt && lies_in(in, &f->section[in->st_shndx]))
		return &f->section[in->st_shndx];
	if (!in->st_size || ELF64_ST_TYPE(in->st_info) == STT_NOTYPE)
		return NULL;
	for (uint32_t i = 0; i < f->section_cnt && i < MAX_SEARCHED; i++) {
		if (lies_in(in, &f->section[i]))
			return &f->section[i];
	}
	return NULL;
}

static struct symset *set_of(struct symtab *s, const Elf64_Sym *in, const Elf64_Shdr *section)
{
	switch (ELF64_ST_TYPE(in->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return &s->function;
	case STT_OBJECT:
	case STT_COMMON:
		return &s->object;
	case STT_NOTYPE: /* assembly without .type; hidden ones are marks of tools and linkers */
		if (ELF64_ST_VISIBILITY(in->st_other) != STV_DEFAULT)
			return NULL;
		if (section->sh_flags & SHF_EXECINSTR)
			return &s->function;
		return in->st_size ? &s->object : NULL;
	default:
		return NULL;
	}
}

static enum rank rank_of(const Elf64_Sym *in, enum table table)
{
	if (ELF64_ST_TYPE(in->st_info) == STT_NOTYPE)
		return RANK_LABEL;
	if (table == TABLE_DYNAMIC)
		return RANK_EXPORTED;
	return ELF64_ST_BIND(in->st_info) == STB_LOCAL ? RANK_LOCAL : RANK_GLOBAL;
}

static int add_symbol(struct symtab *s, const struct elf_file *f, const Elf64_Sym *in,
		      enum table table)
{
	const Elf64_Shdr *section = section_of(f, in);
	struct symset *set = section ? set_of(s, in, section) : NULL;
	char name[4]; /* as much as tells a label */
	uint64_t room, end;

	if (!set || !strtab_get(&s->strings[table], in->st_name, name, sizeof(name)) ||
	    is_local_label(name))
		return 0;
	room = section->sh_size - (in->st_value - section->sh_addr);
	if (room > UINT64_MAX - in->st_value)
		return 0;
	end = in->st_value + (in->st_size && in->st_size < room ? in->st_size : room);
	return symset_add(set,
			  &(struct sym){
				  .start = in->st_value,
				  .end = end,
				  .name = in->st_name,
				  .table = (uint8_t)table,
				  .rank = (uint8_t)rank_of(in, table),
				  .exported = table == TABLE_DYNAMIC,
				  .sized = in->st_size != 0,
			  },
			  &s->budget);
}

/* All symbols of the section, which is copied in blocks; its strings stay with s, and so must f. */
static int add_table(struct symtab *s, const struct elf_file *f, const Elf64_Shdr *section,
		     enum table table)
{
	enum { BLOCK = 4096 };
	scoped_free Elf64_Sym *block = malloc(BLOCK * sizeof(*block));
	uint64_t left = section->sh_size / sizeof(*block), off = section->sh_offset;
	int err = block ? strtab_open(&s->strings[table], f, section) : -ENOMEM;

	while (left && !err && s->strings[table].sz) {
		size_t want = (left > BLOCK ? BLOCK : left) * sizeof(*block);
		size_t got = elf_file_read(f, off, block, want) / sizeof(*block);

		for (size_t i = 0; i < got && !err; i++)
			err = budget_step(&s->budget) ? add_symbol(s, f, &block[i], table)
						      : -EDQUOT;
		if (got * sizeof(*block) < want)
			break;
		left -= got;
		off += want;
	}
	return err;
}

/* Twice the room, or more; false: there is no more. */
static bool grow_image(struct symtab *s, lzma_stream *xz, size_t *cap)
{
	size_t more = *cap < MAX_DEBUGDATA_OUT - *cap ? *cap : MAX_DEBUGDATA_OUT - *cap;
	uint8_t *bigger;

	if (!more || !budget_take(&s->budget, 2 * more))
		return false;
	bigger = realloc(s->mini, *cap + more);
	if (!bigger) {
		budget_give(&s->budget, 2 * more);
		return false;
	}
	s->mini = bigger;
	xz->next_out = bigger + *cap;
	xz->avail_out = more;
	*cap += more;
	return true;
}

static void drop_image(struct symtab *s, size_t cap)
{
	budget_give(&s->budget, cap);
	free(s->mini);
	s->mini = NULL;
}

/*
 * The image in .gnu_debugdata to s->mini; 0: there is none that makes sense. It is taken from the budget
 * twice: the dictionary, whatever size it claims, is touched as far as there is output.
 */
static size_t unpack(struct symtab *s, const uint8_t *in, size_t in_sz)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	size_t cap = (64u << 10) + in_sz * 4; /* two doublings will do for most */
	lzma_ret ret = lzma_stream_decoder(&xz, MAX_XZ_MEMORY, 0);

	cap = cap < MAX_DEBUGDATA_OUT ? cap : MAX_DEBUGDATA_OUT;
	if (!budget_take(&s->budget, 2 * cap)) {
		lzma_end(&xz);
		return 0;
	}
	s->mini = malloc(cap);
	xz.next_in = in;
	xz.avail_in = in_sz;
	xz.next_out = s->mini;
	xz.avail_out = cap;
	while (s->mini && ret == LZMA_OK && budget_has_time(&s->budget)) {
		ret = lzma_code(&xz, LZMA_FINISH);
		if (ret == LZMA_OK && !xz.avail_out && !grow_image(s, &xz, &cap))
			break;
	}
	lzma_end(&xz);
	budget_give(&s->budget, cap);
	if (s->mini && ret == LZMA_STREAM_END)
		return xz.total_out;
	drop_image(s, cap);
	return 0;
}

/* Whether the .symtab of f names anything. */
static bool add_static(struct symtab *s, const struct elf_file *f, int *err)
{
	const Elf64_Shdr *section = elf_file_section(f, SHT_SYMTAB, NULL);

	if (!section)
		return false;
	strtab_close(&s->strings[TABLE_STATIC]);
	*err = add_table(s, f, section, TABLE_STATIC);
	return s->function.cnt || s->object.cnt;
}

static bool add_debug_file(struct symtab *s, int *err)
{
	if (s->file.image || debugfile_open(&s->debug, &s->file, s->path, s->root))
		return false;
	return add_static(s, &s->debug, err);
}

static bool add_debugdata(struct symtab *s, int *err)
{
	const Elf64_Shdr *section = elf_file_section(&s->file, SHT_NULL, ".gnu_debugdata");
	uint8_t *packed = section ? elf_file_load(&s->file, section, MAX_DEBUGDATA) : NULL;
	size_t sz = packed ? unpack(s, packed, section->sh_size) : 0;

	if (packed)
		elf_file_unload(&s->file, section, packed);
	elf_file_close(&s->debug);
	if (!sz || elf_file_open_image(&s->debug, s->mini, sz, &s->budget))
		return false;
	return add_static(s, &s->debug, err);
}

static void forget(struct symtab *s)
{
	symset_clear(&s->function, &s->budget);
	symset_clear(&s->object, &s->budget);
}

static int collect(struct symtab *s)
{
	const Elf64_Shdr *dynamic = elf_file_section(&s->file, SHT_DYNSYM, NULL);
	int err = 0;

	if (add_static(s, &s->file, &err))
		s->source = "symtab";
	else if (!err && add_debug_file(s, &err))
		s->source = "debug file";
	else if (!err && add_debugdata(s, &err))
		s->source = "gnu_debugdata";
	if (err == -EDQUOT) {
		forget(s);
		s->source = NULL;
		err = 0;
	}
	if (!err && dynamic)
		err = add_table(s, &s->file, dynamic, TABLE_DYNAMIC);
	if (!s->source)
		s->source = s->function.cnt || s->object.cnt ? "dynsym" : "none";
	return err;
}

static void read_once(struct symtab *s)
{
	int err;

	if (s->is_read)
		return;
	s->is_read = true;
	budget_begin(&s->budget);
	err = collect(s);
	if (!err)
		err = symset_flatten(&s->function, s->strings, REACH_FUNCTION, &s->budget);
	if (!err)
		err = symset_flatten(&s->object, s->strings, REACH_OBJECT, &s->budget);
	for (size_t i = 0; i < TABLE_CNT; i++)
		strtab_shrink(&s->strings[i]);
	budget_end(&s->budget);
	if (!err)
		return;
	/* out of memory or time: better without names than with half of them */
	forget(s);
	s->source = "none";
}

/* --- looking up --- */

/* Its readable name, made when first asked for; NULL without memory. */
static const char *ready_name(struct symtab *s, struct sym *sym)
{
	char raw[NAME_USUAL], *longer = NULL, *name;

	if (sym->table == TABLE_READY)
		return s->ready[sym->name];
	if (budget_grow(&s->budget, (void **)&s->ready, &s->ready_cap, s->ready_cnt,
			sizeof(*s->ready)))
		return NULL;
	if (strtab_get(&s->strings[sym->table], sym->name, raw, sizeof(raw)) == sizeof(raw) - 1) {
		longer = malloc(MAX_NAME);
		if (longer)
			strtab_get(&s->strings[sym->table], sym->name, longer, MAX_NAME);
	}
	name = demangle(longer ? longer : raw);
	free(longer);
	if (!name || !budget_take(&s->budget, strlen(name) + 1)) {
		free(name);
		return NULL;
	}
	sym->table = TABLE_READY;
	sym->name = (uint32_t)s->ready_cnt;
	s->ready[s->ready_cnt++] = name;
	return name;
}

static bool look_up(struct symtab *s, struct symset *set, uint64_t addr, struct symbol *out)
{
	const char *name;
	struct sym *sym;

	budget_begin(&s->budget);
	read_once(s);
	sym = symset_find(set, addr);
	name = sym ? ready_name(s, sym) : NULL;
	budget_end(&s->budget);
	if (!name) /* out stays as it was */
		return false;
	*out = (struct symbol){
		.name = name,
		.start = sym->start,
		.size = sym->sized ? sym->end - sym->start : 0,
		.exported = sym->exported,
	};
	return true;
}

bool symtab_function(struct symtab *s, uint64_t addr, struct symbol *out)
{
	return look_up(s, &s->function, addr, out);
}

bool symtab_object(struct symtab *s, uint64_t addr, struct symbol *out)
{
	return look_up(s, &s->object, addr, out);
}

/* How many symbols the file itself has, functions or not, by its headers: nothing is read. */
static size_t symbols_at_most(const struct symtab *s)
{
	const Elf64_Shdr *fixed = elf_file_section(&s->file, SHT_SYMTAB, NULL);
	const Elf64_Shdr *dynamic = elf_file_section(&s->file, SHT_DYNSYM, NULL);

	return (size_t)((fixed ? fixed->sh_size : 0) + (dynamic ? dynamic->sh_size : 0)) /
	       sizeof(Elf64_Sym);
}

int symtab_each_function(struct symtab *s, size_t max,
			 int (*take)(void *ctx, const struct symbol *f), void *ctx)
{
	const struct symset *set = &s->function;
	int err = 0;

	if (symbols_at_most(s) > max)
		return -E2BIG;
	budget_begin(&s->budget);
	read_once(s);
	for (size_t i = 0; i < set->seg_cnt && !err && budget_step(&s->budget); i++) {
		const struct segment *seg = &set->seg[i];
		struct sym *sym = seg->sym == UINT32_MAX ? NULL : &set->sym[seg->sym];
		uint64_t end = i + 1 < set->seg_cnt ? set->seg[i + 1].start : sym ? sym->end : 0;
		struct symbol f;

		if (!sym)
			continue;
		f = (struct symbol){.name = ready_name(s, sym),
				    .start = seg->start,
				    .size = end - seg->start,
				    .exported = sym->exported};
		err = f.name ? take(ctx, &f) : -ENOMEM;
	}
	budget_end(&s->budget);
	return err;
}

size_t symtab_bytes(struct symtab *s, uint64_t addr, void *buf, size_t len)
{
	for (uint32_t i = 0; i < s->file.segment_cnt; i++) {
		const Elf64_Phdr *p = &s->file.segment[i];
		uint64_t skip = addr - p->p_vaddr;

		if (p->p_type != PT_LOAD || addr < p->p_vaddr || skip >= p->p_filesz ||
		    p->p_offset > UINT64_MAX - skip)
			continue;
		if (len > p->p_filesz - skip)
			len = p->p_filesz - skip;
		return elf_file_read(&s->file, p->p_offset + skip, buf, len);
	}
	return 0;
}

const char *symtab_source(struct symtab *s)
{
	read_once(s);
	return s->source;
}

bool symtab_wants_room(struct symtab *s)
{
	read_once(s);
	return s->budget.reason == BUDGET_ALL_MEMORY;
}

void symtab_forget(struct symtab *s)
{
	budget_forgive(&s->budget);
	symtab_close(s);
}

/* --- opening --- */

int symtab_open(struct symtab **out, int fd, const char *path, const char *root, struct err *e)
{
	struct symtab *s = calloc(1, sizeof(*s));
	int err = -ENOMEM, own;

	*out = NULL;
	if (!s)
		return err_sys(e, err, "cannot read symbols of %s", path);
	s->file.fd = s->debug.fd = -1;
	s->budget.path = s->path = strdup(path);
	s->root = strdup(root ? root : "");
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0) {
		err = -errno;
	} else if (!files_may_keep(own)) {
		close(own); /* saving needs what is left */
		err = -EMFILE;
	} else {
		err = elf_file_open(&s->file, own, &s->budget);
	}
	if (err == -EMFILE)
		budget_stop(&s->budget, BUDGET_DESCRIPTORS);
	if (!err && s->path && s->root) {
		*out = s;
		return 0;
	}
	symtab_close(s);
	if (err == -ENOEXEC)
		return err_set(e, err, "%s is not a 64-bit ELF file", path);
	return err_sys(e, err ? err : -ENOMEM, "cannot read symbols of %s", path);
}

int symtab_open_image(struct symtab **out, const void *image, size_t sz, const char *name,
		      struct err *e)
{
	struct symtab *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return err_sys(e, -ENOMEM, "cannot read symbols of %s", name);
	s->debug.fd = -1;
	err = elf_file_open_image(&s->file, image, sz, &s->budget);
	if (!err) {
		*out = s;
		return 0;
	}
	free(s);
	if (err == -ENOEXEC)
		return err_set(e, err, "%s is not a 64-bit ELF image", name);
	return err_sys(e, err, "cannot read symbols of %s", name);
}

void symtab_close(struct symtab *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < TABLE_CNT; i++)
		strtab_close(&s->strings[i]);
	elf_file_close(&s->debug);
	elf_file_close(&s->file);
	free(s->mini);
	free(s->path);
	free(s->root);
	for (size_t i = 0; i < s->ready_cnt; i++)
		free(s->ready[i]);
	free(s->ready);
	forget(s);
	budget_close(&s->budget);
	free(s);
}

static void build_id_hex(const struct elf_file *f, char *buf, size_t sz)
{
	uint8_t id[ELF_BUILD_ID_MAX];
	size_t len = elf_file_build_id(f, id);

	if (sz)
		buf[0] = 0;
	if (2 * len >= sz)
		return;
	for (size_t i = 0; i < len; i++)
		sprintf(buf + 2 * i, "%02x", id[i]);
}

void elf_build_id(int fd, char *buf, size_t sz, struct budget *b)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct elf_file f = {.fd = -1};

	if (own >= 0)
		elf_file_open(&f, own, b);
	build_id_hex(&f, buf, sz);
	elf_file_close(&f);
}

void elf_build_id_image(const void *image, size_t image_sz, char *buf, size_t sz)
{
	struct elf_file f = {.fd = -1};

	elf_file_open_image(&f, image, image_sz, NULL);
	build_id_hex(&f, buf, sz);
	elf_file_close(&f);
}
