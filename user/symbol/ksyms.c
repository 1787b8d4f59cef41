// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Parses /proc/kallsyms into an array sorted by address; see ksyms.h. All names lie in one block
 * of text and are found by their offsets, so a kernel of 200,000 functions takes some 8 MB.
 *
 *   ffffffff81234560 t foo.isra.0         <- kernel: address, type, name
 *   ffffffffc0201000 t bar	[module]
 */
#include "symbol/ksyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"

#define MAX_FUNCTION_SZ (256u << 10)
#define MAX_TEXT_SZ (512u << 20)
#define KERNEL_PROPER 0 /* index of the module "" */

struct ksym {
	uint64_t addr;
	uint32_t name;	  /* offset in text */
	uint16_t module;  /* index into module[] */
	bool is_function; /* else it only ends the one before it */
};

struct ksyms {
	char *text;
	struct ksym *sym;
	size_t cnt, cap;
	uint32_t *module; /* offsets in text */
	size_t module_cnt, module_cap;
	uint16_t last_module;
	bool any;
};

/* All of the file and a 0; the file says nothing of its size. */
static int read_text(const char *path, char **out, size_t *sz)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t cap = 8u << 20, len = 0;
	char *text, *bigger;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = malloc(cap);
	while (text) {
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len < cap - 1)
			continue;
		if (cap >= MAX_TEXT_SZ) {
			free(text);
			return -EFBIG;
		}
		bigger = realloc(text, cap * 2);
		if (!bigger)
			free(text);
		text = bigger;
		cap *= 2;
	}
	if (!text)
		return -ENOMEM;
	if (n < 0) {
		int err = -errno;

		free(text);
		return err;
	}
	text[len] = 0;
	*out = text;
	*sz = len;
	return 0;
}

/* What compilers add to the names of copies and parts of a function: cut at the first of it. */
static void cut_suffix(char *name)
{
	static const char *const suffix[] = {"isra", "constprop", "part",
					     "cold", "llvm",	  "lto_priv"};
	size_t len;

	for (char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		for (size_t i = 0; i < ARRAY_SIZE(suffix) && dot > name; i++) {
			len = strlen(suffix[i]);
			if (strncmp(dot + 1, suffix[i], len) != 0 ||
			    (dot[1 + len] && dot[1 + len] != '.'))
				continue;
			*dot = 0;
			return;
		}
	}
}

/* Symbols of a module stand together, so the last one is the one, or it is a new one. */
static int module_index(struct ksyms *k, const char *name, uint16_t *out)
{
	int err;

	if (k->module_cnt && strcmp(k->text + k->module[k->last_module], name) == 0) {
		*out = k->last_module;
		return 0;
	}
	for (size_t i = 0; i < k->module_cnt; i++) {
		if (strcmp(k->text + k->module[i], name) != 0)
			continue;
		*out = k->last_module = (uint16_t)i;
		return 0;
	}
	if (k->module_cnt == UINT16_MAX)
		return -E2BIG;
	err = array_grow((void **)&k->module, &k->module_cap, k->module_cnt, sizeof(*k->module));
	if (err)
		return err;
	*out = k->last_module = (uint16_t)k->module_cnt;
	k->module[k->module_cnt++] = (uint32_t)(name - k->text);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line, which is cut up in place; lines that make no sense are left out. */
static int add_line(struct ksyms *k, char *line)
{
	struct ksym sym = {.module = KERNEL_PROPER};
	char *c = line, *name, *tab;
	int err, digits = 0;

	for (; hex_digit(*c) >= 0 && digits < 16; c++, digits++)
		sym.addr = sym.addr << 4 | (uint64_t)hex_digit(*c);
	if (!digits || c[0] != ' ' || !c[1] || c[2] != ' ' || !c[3] || !sym.addr)
		return 0;
	sym.is_function = strchr("tTwW", c[1]) != NULL;
	name = c + 3;
	tab = strchr(name, '\t');
	if (tab && tab[1] == '[') {
		*tab = 0;
		tab[1 + strcspn(tab + 1, "]")] = 0;
		err = module_index(k, tab + 2, &sym.module);
		if (err)
			return err;
	}
	cut_suffix(name);
	sym.name = (uint32_t)(name - k->text);
	k->any |= sym.is_function;
	err = array_grow((void **)&k->sym, &k->cap, k->cnt, sizeof(*k->sym));
	if (!err)
		k->sym[k->cnt++] = sym;
	return err;
}

/*
 * By address; of several names for one, the functions, and then in the order of the file: the
 * kernel's build puts the telling ones first, and the kernel itself names stacks so. Names lie in
 * text in that order.
 */
static int compare(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	ORDER(x->addr, y->addr);
	ORDER(y->is_function, x->is_function);
	ORDER(x->name, y->name);
	return 0;
}

static void sort_and_thin(struct ksyms *k)
{
	size_t kept = 0;

	items_sort(k->sym, k->cnt, sizeof(*k->sym), compare);
	for (size_t i = 0; i < k->cnt; i++) {
		if (!kept || k->sym[i].addr != k->sym[kept - 1].addr)
			k->sym[kept++] = k->sym[i];
	}
	k->cnt = kept;
}

/* The text's end is the name of module "". */
static int parse(struct ksyms *k)
{
	uint16_t proper;
	char *line = k->text, *end;
	int err = module_index(k, k->text + strlen(k->text), &proper);

	while (!err && *line) {
		end = strchr(line, '\n');
		if (end)
			*end = 0;
		err = add_line(k, line);
		if (!end)
			break;
		line = end + 1;
	}
	return err;
}

int ksyms_open(struct ksyms **out, const char *path)
{
	struct ksyms *k = calloc(1, sizeof(*k));
	size_t sz = 0;
	int err;

	*out = NULL;
	if (!k)
		return -ENOMEM;
	err = read_text(path, &k->text, &sz);
	if (!err)
		err = parse(k);
	if (!err && !k->any)
		err = -EPERM;
	if (err) {
		ksyms_close(k);
		return err;
	}
	sort_and_thin(k);
	*out = k;
	return 0;
}

void ksyms_close(struct ksyms *k)
{
	if (!k)
		return;
	free(k->text);
	free(k->sym);
	free(k->module);
	free(k);
}

const char *ksyms_find(const struct ksyms *k, uint64_t addr, const char **module)
{
	size_t lo = 0, hi = k->cnt;
	const struct ksym *sym;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->sym[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	sym = &k->sym[lo - 1];
	if (!sym->is_function || addr - sym->addr >= MAX_FUNCTION_SZ)
		return NULL;
	if (module)
		*module = k->text + k->module[sym->module];
	return k->text + sym->name;
}
