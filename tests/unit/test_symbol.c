// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of addresses: against nm and gdb for files of this machine, and against what is known of a
 * small library that is built here, stripped, split and broken. Demangling, kernel symbols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "base/strtab.h"
#include "base/util.h"
#include "model/stats.h"
#include "symbol/ksyms.h"
#include "symbol/symset.h"
#include "symbol/symtab.h"

static char dir[64];  /* of this run; "" when it could not be made */
static bool have_lib; /* dir/full.so is there, and binutils with it */

static const char lib_source[] =
	"int data_shown[8] = {1};\n"
	"static int data_hidden[8] = {2};\n"
	"__thread int per_thread[64] = {3};\n"
	"__attribute__((noinline, noclone, visibility(\"default\"))) int shown(int x)\n"
	"{ return x * 3 + data_shown[x & 7]; }\n"
	"__attribute__((noinline, noclone)) static int hidden_work(int x)\n"
	"{ for (int i = 0; i < x; i++) data_hidden[i & 7] += x ^ i; return data_hidden[x & 7]; }\n"
	"int calls(int x) { return shown(x) + hidden_work(x) + per_thread[x & 63]; }\n"
	"__attribute__((visibility(\"hidden\"))) int internal(int x) { return x + 5; }\n"
	"int old_version(int x) { return x; }\n"
	"__asm__(\".symver old_version, versioned@V1\");\n"
	"int new_version(int x) { return x + 1; }\n"
	"__asm__(\".symver new_version, versioned@@V2\");\n"
	"static int chosen(void) { return 1; }\n"
	"static int (*choose(void))(void) { return chosen; }\n"
	"int indirect(void) __attribute__((ifunc(\"choose\")));\n"
	"int first_name(int x) { return x * 7; }\n"
	"extern int name2(int x) __attribute__((alias(\"first_name\")));\n"
	"__asm__(\".section .text.asm,\\\"ax\\\",@progbits\\n\"\n"
	"\".globl asm_sized\\n.type asm_sized,@function\\nasm_sized: nop; nop\\n\"\n"
	"\"asm_label: nop; ret\\n.size asm_sized, .-asm_sized\\n\"\n"
	"\".globl asm_open\\n.type asm_open,@function\\nasm_open: nop; ret; .skip 30, 0x90\\n\"\n"
	"\".type asm_next,@function\\nasm_next: ret; .skip 50, 0x90\\n\"\n"
	"\".hidden mark\\nmark: .skip 9000, 0x90\\n.text\\n\");\n";

static bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *fmt, ...)
{
	char what[4096], shell[sizeof(what) + 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(shell, sizeof(shell), "( %s ) >/dev/null 2>&1 </dev/null", what);
	return system(shell) == 0;
}

static void write_file(const char *path, const void *data, size_t sz)
{
	scoped_file FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, sz, f), sz);
}

/* path below dir; good until the fourth call after. */
static const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned int next;
	char *at = path[next++ % 4];

	snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
	return at;
}

static int setup(void **state)
{
	static const char map[] = "V1 { global: *; };\nV2 { global: versioned; } V1;\n";

	(void)state;
	strcpy(dir, "/tmp/wallgap-symbol-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_file(in_dir("lib.c"), lib_source, strlen(lib_source));
	write_file(in_dir("lib.map"), map, strlen(map));
	have_lib = run("cd %s && gcc -O1 -fPIC -shared -Wl,--build-id -Wl,--version-script=lib.map"
		       " lib.c -o full.so && nm full.so && strip -o stripped.so full.so &&"
		       " objcopy --only-keep-debug full.so debug.so",
		       dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return run("rm -rf %s", dir) ? 0 : -1;
}

static void need_lib(void)
{
	if (!have_lib) {
		print_message("no gcc or binutils\n");
		skip();
	}
}

static struct symtab *open_at(const char *file, const char *path, const char *root)
{
	scoped_fd int fd = open(file, O_RDONLY);
	struct err e = {""};
	struct symtab *s;

	assert_true(fd >= 0);
	assert_int_equal(symtab_open(&s, fd, path, root, &e), 0);
	assert_string_equal(e.msg, "");
	return s;
}

static struct symtab *open_lib(const char *name)
{
	return open_at(in_dir(name), in_dir(name), "");
}

/* Where nm has it in the library that is whole; *size may be NULL. */
static uint64_t address_of(const char *name, uint64_t *size)
{
	char command[256], line[512], found[256];
	unsigned long at = 0, sz, result = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm -S %s/full.so", dir);
	nm = popen(command, "r");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		sz = 0;
		if (sscanf(line, "%lx %lx %*c %255s", &at, &sz, found) != 3 &&
		    sscanf(line, "%lx %*c %255s", &at, found) != 2)
			continue;
		if (strcmp(found, name) != 0)
			continue;
		result = at;
		if (size)
			*size = sz;
	}
	pclose(nm);
	assert_true(result != 0);
	return result;
}

static void assert_function(struct symtab *s, uint64_t addr, const char *name)
{
	struct symbol found = {0};

	if (!name) {
		if (symtab_function(s, addr, &found))
			fail_msg("%#jx is %s, not nothing", (uintmax_t)addr, found.name);
		return;
	}
	if (!symtab_function(s, addr, &found))
		fail_msg("%#jx is nothing, not %s", (uintmax_t)addr, name);
	assert_string_equal(found.name, name);
	assert_true(found.start <= addr);
}

/* All that only the static symbols tell. */
static void assert_static_names(struct symtab *s)
{
	uint64_t sz, at = address_of("hidden_work", &sz);
	struct symbol found;

	assert_function(s, at, "hidden_work");
	assert_function(s, at + sz - 1, "hidden_work");
	assert_true(symtab_function(s, at + 1, &found));
	assert_true(found.start == at && found.size == sz && !found.exported);
	at = address_of("data_hidden", &sz);
	assert_true(symtab_object(s, at + 4, &found));
	assert_string_equal(found.name, "data_hidden");
	assert_true(found.start == at && found.size == 32 && !found.exported);
}

static void assert_exported_names(struct symtab *s)
{
	uint64_t sz, at = address_of("shown", &sz);
	struct symbol found;

	assert_true(symtab_function(s, at + sz - 1, &found));
	assert_string_equal(found.name, "shown");
	assert_true(found.start == at && found.size == sz && found.exported);
	assert_function(s, address_of("indirect", NULL), "indirect");
	assert_true(symtab_object(s, address_of("data_shown", NULL) + 31, &found));
	assert_true(found.exported && strcmp(found.name, "data_shown") == 0);
	assert_false(symtab_object(s, address_of("shown", NULL), &found));
	assert_string_equal(found.name, "data_shown"); /* as it was */
	assert_false(symtab_function(s, address_of("data_shown", NULL), &found));
}

static void whole_file(void **state)
{
	struct symtab *s;
	struct symbol found;
	uint64_t at, sz;

	(void)state;
	need_lib();
	s = open_lib("full.so");
	assert_string_equal(symtab_source(s), "symtab");
	assert_static_names(s);
	assert_exported_names(s);
	/* a global name that is not exported */
	assert_true(symtab_function(s, address_of("internal", NULL), &found));
	assert_true(!found.exported && strcmp(found.name, "internal") == 0);
	/* of two names the shorter; a version is no part of the name */
	assert_function(s, address_of("first_name", NULL), "name2");
	assert_function(s, address_of("versioned@@V2", NULL), "versioned");
	/* labels inside of a function do not cut it in two */
	at = address_of("asm_sized", &sz);
	assert_function(s, at + sz - 1, "asm_sized");
	/* without a size: up to the next one */
	at = address_of("asm_open", NULL);
	assert_true(symtab_function(s, at + 31, &found));
	assert_true(found.start == at && !found.size && strcmp(found.name, "asm_open") == 0);
	assert_function(s, at + 32, "asm_next"); /* and a hidden mark in it is nothing */
	assert_function(s, at + 32 + 4095, "asm_next");
	assert_function(s, at + 32 + 4096, NULL); /* a bounded way */
	/* a thread's variable has an offset, and no address: it names nothing */
	for (at = 0; at < 256; at += 4)
		assert_false(symtab_object(s, at, &found));
	symtab_close(s);
}

static void stripped_file_names_no_neighbours(void **state)
{
	struct symtab *s;
	uint64_t sz, at;

	(void)state;
	need_lib();
	s = open_lib("stripped.so");
	assert_string_equal(symtab_source(s), "dynsym");
	assert_exported_names(s);
	at = address_of("hidden_work", &sz);
	for (uint64_t i = 0; i < sz; i++)
		assert_function(s, at + i, NULL);
	assert_function(s, address_of("internal", NULL), NULL);
	/* no end is known: only a little is claimed */
	at = address_of("asm_open", NULL);
	assert_function(s, at + 255, "asm_open");
	assert_function(s, at + 256, NULL);
	symtab_close(s);
}

static void assert_debug_file(const char *file, const char *path, const char *root, bool wanted)
{
	struct symtab *s = open_at(file, path, root);

	assert_string_equal(symtab_source(s), wanted ? "debug file" : "dynsym");
	if (wanted)
		assert_static_names(s);
	assert_exported_names(s);
	symtab_close(s);
}

static void debug_file_by_build_id(void **state)
{
	scoped_fd int fd = -1;
	char id[129] = "", to[512];

	(void)state;
	need_lib();
	fd = open(in_dir("stripped.so"), O_RDONLY);
	elf_build_id(fd, id, sizeof(id), NULL);
	assert_int_equal(strlen(id), 40);
	snprintf(to, sizeof(to), "%s/root/usr/lib/debug/.build-id/%.2s", dir, id);
	assert_true(run("mkdir -p %s && cp %s/debug.so %s/%s.debug", to, dir, to, id + 2));
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", in_dir("root"), true);
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", "", false);
	/* the same through links: absolute ones stay below the root */
	assert_true(run("mkdir -p %s/root/store && mv %s/%s.debug %s/root/store/d &&"
			" ln -s /store/d %s/%s.debug",
			dir, to, id + 2, dir, to, id + 2));
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", in_dir("root"), true);
	assert_true(run("ln -sf ../../../../../../../debug.so %s/%s.debug", to, id + 2));
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", in_dir("root"), false);
	/* another file's, or no file: a FIFO must not hang us */
	assert_true(run("cd %s && gcc -shared -fPIC -Wl,--build-id=0x1234,--version-script=lib.map "
			"lib.c -o %s/%s.x &&"
			" mv %s/%s.x %s/%s.debug",
			dir, to, id + 2, to, id + 2, to, id + 2));
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", in_dir("root"), false);
	assert_true(run("rm %s/%s.debug && mkfifo %s/%s.debug", to, id + 2, to, id + 2));
	assert_debug_file(in_dir("stripped.so"), "/lib/stripped.so", in_dir("root"), false);
	assert_true(run("rm -r %s/root", dir));
}

static void debug_file_by_link(void **state)
{
	static const char *const place[] = {"lib", "lib/.debug", "usr/lib/debug/lib"};

	(void)state;
	need_lib();
	/* without a build-id the CRC decides */
	assert_true(
		run("cd %s && objcopy -R .note.gnu.build-id full.so noid.so && mkdir -p root/lib &&"
		    " objcopy --only-keep-debug noid.so noid.debug &&"
		    " strip noid.so && objcopy --add-gnu-debuglink=noid.debug noid.so "
		    "root/lib/linked.so",
		    dir));
	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		const char *at = in_dir("root/lib/linked.so");

		assert_debug_file(at, "/lib/linked.so", in_dir("root"), false);
		assert_true(run("cd %s/root && mkdir -p %s && cp ../noid.debug %s", dir, place[i],
				place[i]));
		assert_debug_file(at, "/lib/linked.so", in_dir("root"), true);
		assert_true(run("cd %s/root && echo >>%s/noid.debug", dir, place[i]));
		assert_debug_file(at, "/lib/linked.so", in_dir("root"), false);
		assert_true(run("rm %s/root/%s/noid.debug", dir, place[i]));
	}
	/* the same without a root */
	assert_true(run("cp %s/noid.debug %s/root/lib", dir, dir));
	assert_debug_file(in_dir("root/lib/linked.so"), in_dir("root/lib/linked.so"), "", true);
	assert_true(run("rm -r %s/root", dir));
}

static void mini_debug_data(void **state)
{
	static const char *const broken[] = {"cut.so", "no.so", "bomb.so"};
	struct symtab *s;
	struct stat st;

	(void)state;
	need_lib();
	if (!run("cd %s && xz -k debug.so && objcopy --add-section .gnu_debugdata=debug.so.xz"
		 " stripped.so mini.so",
		 dir)) {
		print_message("no xz\n");
		skip();
	}
	s = open_lib("mini.so");
	assert_string_equal(symtab_source(s), "gnu_debugdata");
	assert_static_names(s);
	assert_exported_names(s);
	symtab_close(s);
	/* cut short, empty, and one that never ends */
	assert_true(
		run("cd %s && head -c 900 debug.so.xz >cut.xz && objcopy --update-section"
		    " .gnu_debugdata=cut.xz mini.so cut.so && : >no.xz && objcopy --update-section"
		    " .gnu_debugdata=no.xz mini.so no.so && head -c 300000000 /dev/zero | xz -0"
		    " >bomb.xz && objcopy --update-section .gnu_debugdata=bomb.xz mini.so bomb.so",
		    dir));
	assert_int_equal(stat(in_dir("bomb.so"), &st), 0);
	assert_true(st.st_size < 1000000);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		s = open_lib(broken[i]);
		assert_string_equal(symtab_source(s), "dynsym");
		assert_exported_names(s);
		symtab_close(s);
	}
}

static void file_may_be_replaced_and_removed(void **state)
{
	struct symtab *s;
	uint8_t was[16], is[16];

	(void)state;
	need_lib();
	assert_true(run("cp %s/full.so %s/gone.so", dir, dir));
	s = open_lib("gone.so");
	assert_int_equal(symtab_bytes(s, address_of("shown", NULL), was, 16), 16);
	assert_true(run("rm %s/gone.so && echo junk >%s/gone.so", dir, dir));
	assert_static_names(s);
	assert_exported_names(s);
	assert_int_equal(symtab_bytes(s, address_of("shown", NULL), is, 16), 16);
	assert_memory_equal(was, is, 16);
	symtab_close(s);
	/* cut short while it is open */
	assert_true(run("cp %s/full.so %s/gone.so", dir, dir));
	s = open_lib("gone.so");
	assert_int_equal(truncate(in_dir("gone.so"), 100), 0);
	assert_string_equal(symtab_source(s), "none");
	assert_function(s, address_of("shown", NULL), NULL);
	assert_int_equal(symtab_bytes(s, address_of("shown", NULL), is, 16), 0);
	symtab_close(s);
}

static void bytes_are_those_in_memory(void **state)
{
	uint8_t buf[64];
	struct symtab *s;
	struct symbol found;
	uint64_t at = (uintptr_t)bytes_are_those_in_memory, base = 0;
	uint64_t entry = getauxval(AT_ENTRY);
	scoped_fd int fd = open("/proc/self/exe", O_RDONLY);
	struct {
		uint8_t ident[24];
		uint64_t entry;
	} head;

	(void)state;
	assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
	base = entry - head.entry;
	s = open_at("/proc/self/exe", "/nowhere/test", "");
	assert_true(symtab_function(s, at - base, &found));
	assert_string_equal(found.name, "bytes_are_those_in_memory");
	assert_true(found.start == at - base && found.size > 64);
	assert_int_equal(symtab_bytes(s, at - base, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, (void *)(uintptr_t)at, sizeof(buf));
	assert_int_equal(symtab_bytes(s, 1ull << 62, buf, sizeof(buf)), 0);
	symtab_close(s);
}

/*
 * Each function that nm lists, at its first and last byte: found, and the same extent with one of
 * its names, or one that starts later.
 */
static void compare_with_nm(const char *path, const char *options, size_t step)
{
	char command[512], line[8192], name[4096], type;
	unsigned long start, sz;
	size_t cnt = 0, same = 0;
	struct symtab *s = open_at(path, path, "");
	struct symbol found;
	FILE *nm;

	snprintf(command, sizeof(command), "nm -S --defined-only %s %s 2>/dev/null", options, path);
	nm = popen(command, "r");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		if (sscanf(line, "%lx %lx %c %4095s", &start, &sz, &type, name) != 4 ||
		    !strchr("tTwWi", type) || cnt++ % step)
			continue;
		name[strcspn(name, "@")] = 0;
		for (int last = 0; last < 2; last++) {
			uint64_t at = start + (last ? sz - 1 : 0);

			if (!symtab_function(s, at, &found))
				fail_msg("%s: %#jx is nothing, not %s", path, (uintmax_t)at, name);
			assert_true(found.start >= start && at - found.start < found.size);
			if (found.start == start)
				assert_int_equal(found.size, sz);
			same += strcmp(found.name, name) == 0;
		}
	}
	pclose(nm);
	symtab_close(s);
	if (!cnt) {
		print_message("nm lists nothing of %s\n", path);
		skip();
	}
	/* others are C++, or have several names */
	if (strcmp(options, "-D") == 0)
		assert_true(same > cnt / step);
}

static const char *find_library(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/%s", name);
	if (access(path, R_OK) == 0)
		return path;
	snprintf(path, sizeof(path), "/usr/lib64/%s", name);
	if (access(path, R_OK) == 0)
		return path;
	print_message("no %s\n", name);
	skip();
	return NULL;
}

static void this_program_as_nm_has_it(void **state)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	assert_true(len > 0);
	self[len] = 0;
	compare_with_nm(self, "", 1);
}

static void libc_as_nm_has_it(void **state)
{
	(void)state;
	compare_with_nm(find_library("libc.so.6"), "-D", 1);
}

static void libcrypto_as_nm_has_it(void **state)
{
	(void)state;
	compare_with_nm(find_library("libcrypto.so.3"), "-D", 1);
}

static void node_as_nm_has_it(void **state)
{
	(void)state;
	if (access("/usr/bin/node", R_OK)) {
		print_message("no node\n");
		skip();
	}
	compare_with_nm("/usr/bin/node", "", 23);
}

/* "name in section .text" or "name + 12 in section .text" */
static void starts_as_gdb_has_them(void **state)
{
	const char *path = find_library("libc.so.6");
	struct symtab *s = open_at(path, path, "");
	size_t cnt = 0, asked = 0, len;
	uint64_t at[200];
	char command[200 * 40 + 512], line[512];
	struct symbol found;
	FILE *gdb;

	(void)state;
	len = (size_t)sprintf(command, "gdb -nx -batch");
	for (uint64_t addr = 0x30000; asked < 200 && addr < 0x180000; addr += 4099) {
		if (!symtab_function(s, addr, &found) || !found.size)
			continue;
		at[asked++] = addr;
		len += (size_t)sprintf(command + len, " -ex 'info symbol %#jx'", (uintmax_t)addr);
	}
	snprintf(command + len, sizeof(command) - len, " %s 2>/dev/null", path);
	gdb = popen(command, "r");
	assert_non_null(gdb);
	while (cnt < asked && fgets(line, sizeof(line), gdb)) {
		char *in = strstr(line, " in section "), *plus = strstr(line, " + ");
		uint64_t off = plus ? strtoull(plus + 3, NULL, 10) : 0;

		if (!in)
			continue;
		assert_true(symtab_function(s, at[cnt], &found));
		if (found.start != at[cnt] - off)
			fail_msg("%#jx: ours %s, gdb's %s", (uintmax_t)at[cnt], found.name, line);
		cnt++;
	}
	pclose(gdb);
	symtab_close(s);
	if (!cnt) {
		print_message("no gdb\n");
		skip();
	}
	assert_int_equal(cnt, asked);
}

static void vdso_from_memory(void **state)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	scoped_file FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from = 0, to = 0;
	struct err e = {""};
	struct symbol found;
	struct symtab *s;
	char line[256], id[65] = "?";
	bool any = false;

	(void)state;
	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &from, &to);
	}
	if (!image || from != (uintptr_t)image)
		skip();
	assert_int_equal(symtab_open_image(&s, image, to - from, "[vdso]", &e), 0);
	for (uint64_t at = 0; at < to - from && !any; at++)
		any = symtab_function(s, at, &found) && strcmp(found.name, "clock_gettime") == 0;
	assert_true(any);
	symtab_close(s);
	elf_build_id_image(image, to - from, id, sizeof(id));
	assert_int_equal(strspn(id, "0123456789abcdef"), strlen(id));
	assert_true(strlen(id) >= 16);
	elf_build_id_image(image, to - from, id, 8); /* does not fit */
	assert_string_equal(id, "");
}

static void what_is_no_elf_file(void **state)
{
	struct err e = {""};
	struct symtab *s;
	scoped_fd int fd = open("/proc/self/status", O_RDONLY), null = open("/dev/null", O_RDONLY);
	char id[65] = "?";

	(void)state;
	assert_int_equal(symtab_open(&s, fd, "/proc/self/status", "", &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "/proc/self/status"));
	assert_null(s);
	assert_int_equal(symtab_open(&s, null, "/dev/null", "", &e), -ENOEXEC);
	assert_int_equal(symtab_open(&s, -1, "none", "", &e), -EBADF);
	assert_int_equal(symtab_open_image(&s, "\177ELF", 4, "image", &e), -ENOEXEC);
	elf_build_id(fd, id, sizeof(id), NULL);
	assert_string_equal(id, "");
	symtab_close(NULL);
}

/* Read all that can be read of an image; whatever it is, that must be safe. */
static void exercise(const uint8_t *image, size_t sz)
{
	struct symbol found;
	struct symtab *s;
	uint8_t buf[64];
	char id[129];

	elf_build_id_image(image, sz, id, sizeof(id));
	if (symtab_open_image(&s, image, sz, "image", NULL))
		return;
	for (uint64_t at = 0; at < 0x8000; at += 37) {
		if (symtab_function(s, at, &found))
			assert_true(found.start <= at && found.name);
		if (symtab_object(s, at, &found))
			assert_true(found.start <= at && found.name);
		assert_true(symtab_bytes(s, at, buf, sizeof(buf)) <= sizeof(buf));
	}
	symtab_close(s);
}

static void broken_images_are_survived(void **state)
{
	struct prng p = {.state = 5};
	scoped_file FILE *f = NULL;
	uint8_t *image, *copy;
	struct stat st;
	size_t sz;

	(void)state;
	need_lib();
	f = fopen(in_dir(access(in_dir("mini.so"), R_OK) ? "full.so" : "mini.so"), "r");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	sz = (size_t)st.st_size;
	image = malloc(sz);
	copy = malloc(sz);
	assert_true(image && copy);
	assert_int_equal(fread(image, 1, sz, f), sz);
	for (int round = 0; round < 300; round++) {
		size_t cut = prng_below(&p, sz + 1);
		uint8_t *part = malloc(cut + 1); /* of its own, so that ASan sees its end */

		assert_non_null(part);
		memcpy(part, image, cut);
		exercise(part, cut);
		free(part);
		memcpy(copy, image, sz);
		for (int i = 0; i < 8; i++) {
			/*
			 * headers are where it hurts: the first 1,024 bytes and the section table
			 */
			size_t at = i % 2 ? prng_below(&p, 1024) : sz - 1 - prng_below(&p, 2560);

			copy[at] = (uint8_t)prng_below(&p, 256);
		}
		exercise(copy, sz);
	}
	free(image);
	free(copy);
}

/* The winner at every address, found the slow way. */
static int slow_winner(const struct sym *sym, size_t cnt, uint64_t at)
{
	int best = -1;

	for (size_t i = 0; i < cnt; i++) {
		if (at < sym[i].start || at >= sym[i].end)
			continue;
		if (best < 0 || sym[i].start > sym[best].start ||
		    (sym[i].start == sym[best].start && sym[i].rank > sym[best].rank))
			best = (int)i;
	}
	return best;
}

static void overlaps_are_flattened(void **state)
{
	struct strtab table[TABLE_CNT] = {0}; /* all names are the same */
	struct prng p = {.state = 11};

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t cnt = 1 + prng_below(&p, 12);
		struct symset set = {
			.sym = calloc(cnt, sizeof(struct sym)), .cnt = cnt, .cap = cnt};
		struct sym was[12];

		assert_non_null(set.sym);
		for (size_t i = 0; i < cnt; i++) {
			struct sym *sym = &set.sym[i];

			sym->start = prng_below(&p, 40);
			sym->end = sym->start + 1 + prng_below(&p, 30);
			/* no ties: they are decided by name */
			sym->rank = (uint8_t)i;
			sym->name = 1;
			sym->sized = true;
			was[i] = *sym;
		}
		assert_int_equal(symset_flatten(&set, table, 256, NULL), 0);
		for (uint64_t at = 0; at < 80; at++) {
			const struct sym *got = symset_find(&set, at);
			int want = slow_winner(was, cnt, at);

			assert_int_equal(got ? got->rank : -1, want < 0 ? -1 : was[want].rank);
		}
		symset_clear(&set, NULL);
	}
}

static void symbols_without_a_size_end_at_the_next(void **state)
{
	struct strtab table[TABLE_CNT] = {0}; /* all names are the same */
	const struct sym open = {.start = 100, .end = 900, .name = 1};
	const struct sym sized = {.start = 110, .end = 120, .name = 1, .sized = true};
	struct symset set = {.sym = calloc(2, sizeof(struct sym)), .cnt = 2, .cap = 2};

	(void)state;
	assert_non_null(set.sym);
	set.sym[0] = sized;
	set.sym[1] = open;
	assert_int_equal(symset_flatten(&set, table, 256, NULL), 0);
	assert_null(symset_find(&set, 99));
	assert_int_equal(symset_find(&set, 109)->start, 100);
	assert_int_equal(symset_find(&set, 119)->start, 110);
	assert_null(symset_find(&set, 120)); /* it does not go on behind */
	symset_clear(&set, NULL);
}

/*
 * A segment of notes, with the sizes that are given and a build-id of 4 bytes where they are
 * right.
 */
static void assert_note(uint32_t name_sz, uint32_t desc_sz, const char *want)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		uint32_t note[3];
		char name[4];
		uint8_t id[4];
	} const image = {
		.eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 1},
		.ph = {.p_type = PT_NOTE,
		       .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
		       .p_filesz = 20},
		.note = {name_sz, desc_sz, NT_GNU_BUILD_ID},
		.name = "GNU",
		.id = {0xde, 0xad, 0x00, 0x0f},
	};
	char id[129] = "?";

	elf_build_id_image(&image, sizeof(image), id, sizeof(id));
	assert_string_equal(id, want);
}

static void build_ids(void **state)
{
	(void)state;
	assert_note(4, 4, "dead000f");
	assert_note(4, 3, "dead00");
	assert_note(4, 5, "");
	assert_note(4, 60, "");
	assert_note(4, UINT32_MAX, "");
	assert_note(UINT32_MAX, 4, "");
	assert_note(5, 4, "");
	assert_note(3, 4, "");
}

static void names_are_demangled(void **state)
{
	static const struct {
		const char *in, *out;
	} name[] = {
		{"main", "main"},
		{"_ZN2ns3FooIiE3barEi", "ns::Foo<int>::bar"},
		{"_ZZN2ns3fooEiENKUlvE_clEv", "ns::foo(int)::{lambda()#1}::operator()"},
		{"_ZN3FooclEv", "Foo::operator()"},
		{"_ZN3FoolsEi", "Foo::operator<<"},
		{"_ZN3FooltIiEEbT_", "Foo::operator< <int>"},
		{"_ZNK3FoocvbEv", "Foo::operator bool"},
		{"_ZNSt8functionIFviEE4callEv", "std::function<void (int)>::call"},
		{"_Z3fooIiEvT_", "foo<int>"},
		{"_ZL3bari", "bar"},
		{"_ZN3foo3barEv.cold", "foo::bar"},
		{"_ZL3bari.constprop.0.isra.1", "bar"},
		{"_ZNKR3Foo3barEv", "Foo::bar"},
		{"_ZTV3Foo", "vtable for Foo"},
		{"_ZZ4mainE1x", "main::x"},
		{"_ZNSt6vectorIiSaIiEE9push_backEOi",
		 "std::vector<int, std::allocator<int> >::push_back"},
		/* Rust, legacy and v0 */
		{"_ZN4core3fmt9Formatter3pad17h0b8f1a3c5d7e9f24E", "core::fmt::Formatter::pad"},
		{"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar"
		 "17h930b740aa94f1d3aE",
		 "<Test + 'static as foo::Bar<Test>>::bar"},
		{"_RNvC7mycrate3foo", "mycrate::foo"},
		{"_RINvNtC3std3mem8align_ofjE", "std::mem::align_of::<usize>"},
		{"_RNvC7mycrate3foo.llvm.123456", "mycrate::foo"},
		{"_RNCNvC7mycrate4main0", "mycrate::main::{closure#0}"},
		{"_RICs4fqI2P2rA04_0aThhETBrA04_0a", "_RICs4fqI2P2rA04_0aThhETBrA04_0a"},
		/* versions */
		{"__libc_start_main@@GLIBC_2.34", "__libc_start_main"},
		{"memcpy@GLIBC_2.2.5", "memcpy"},
		{"_ZNSs6appendEPKc@@GLIBCXX_3.4", "std::string::append"},
		{"@", "@"},
		{"name@", "name@"},
		{"@name", "@name"},
		{"pkg@1/x.Func", "pkg@1/x.Func"},
		/* what only begins like a mangled name stays whole */
		{"_Z3foov_bar", "_Z3foov_bar"},
		{"_Znonsense", "_Znonsense"},
		{"_Z", "_Z"},
		{"_R", "_R"},
		{"_Random_thing", "_Random_thing"},
		{"foo.constprop.0", "foo.constprop.0"},
		{"github.com/a/b.(*T).Do", "github.com/a/b.(*T).Do"},
		{"", ""},
		/* nothing for a terminal to obey */
		{"a\033[31mb\nc", "a?[31mb?c"},
		{"gr\303\274n", "gr\303\274n"},
		{"\377\302\233x", "???x"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		scoped_free char *out = demangle(name[i].in);

		assert_non_null(out);
		assert_string_equal(out, name[i].out);
	}
}

/* Each step doubles the text: 40 of them would be a terabyte. */
static void names_that_explode_are_left(void **state)
{
	char cxx[1024] = "_Z1f", rust[1024] = "_RIC1a";
	const char *const names[] = {cxx, rust};
	char ref[16];

	(void)state;
	strcat(cxx, "1AIiiE");
	for (int i = 0; i < 34; i++) {
		/* the n-th substitution is the last type but one: S<n>_ in base 36 */
		sprintf(ref, "S%c_", i < 10 ? '0' + i : 'A' + i - 10);
		strcat(cxx, "S_I");
		strcat(cxx, i ? ref : "S0_");
		strcat(cxx, i ? ref : "S0_");
		strcat(cxx, "E");
	}
	/* tuples of the tuple before, twice: positions are counted behind _R, in base 62 */
	for (int i = 0, at = 4; i < 40; i++) {
		const char *digit = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
		int here = (int)strlen(rust) - 2;

		if (!i) {
			strcat(rust, "ThhE");
		} else {
			int n = at - 1; /* B_ is 0, B0_ is 1 */

			if (n >= 62)
				sprintf(ref, "B%c%c_", digit[n / 62], digit[n % 62]);
			else
				sprintf(ref, "B%c_", digit[n]);
			strcat(rust, "T");
			strcat(rust, ref);
			strcat(rust, ref);
			strcat(rust, "E");
		}
		at = here;
	}
	strcat(rust, "E");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t start = now_ns();
		scoped_free char *out = demangle(names[i]);

		assert_string_equal(out, names[i]);
		assert_true(now_ns() - start < NSEC_PER_SEC);
	}
}

static void kernel_symbols(void **state)
{
	static const char text[] = "0000000000000000 A fixed_percpu_data\n"
				   "ffffffff81000000 T _stext\n"
				   "ffffffff81000000 T do_first\n"
				   "ffffffff81000100 t do_second.isra.0.cold\n"
				   "ffffffff81000200 W weak_one.constprop.0\n"
				   "ffffffff81000300 D some_data\n"
				   "junk\n"
				   "ffffffff81000400 t part.part.0\n"
				   "ffffffff81000500 t a.llvm.123\n"
				   "ffffffff81000600 t .cold\n"
				   "ffffffffc0000000 t in_module\t[ext4]\n"
				   "ffffffffc0000010 r rodata\t[ext4]\n"
				   "ffffffffc0001000 t bpf_prog_1234_x\t[bpf]\n"
				   "ffffffff81000480 t out_of_order\n"
				   "ffffffffc0000008 t also\t[ext4]";
	static const struct {
		uint64_t addr;
		const char *name, *module;
	} want[] = {
		{0x10, NULL, NULL},
		{0xffffffff80ffffff, NULL, NULL},
		{0xffffffff81000000, "_stext", ""},
		{0xffffffff810000ff, "_stext", ""},
		{0xffffffff81000100, "do_second", ""},
		{0xffffffff81000250, "weak_one", ""},
		{0xffffffff81000350, NULL, NULL}, /* data */
		{0xffffffff81000401, "part", ""},
		{0xffffffff81000480, "out_of_order", ""},
		{0xffffffff81000500, "a", ""},
		{0xffffffff81000600, ".cold", ""},
		{0xffffffff810405ff, ".cold", ""},
		{0xffffffff81040600, NULL, NULL}, /* too far away */
		{0xffffffffc0000007, "in_module", "ext4"},
		{0xffffffffc0000009, "also", "ext4"},
		{0xffffffffc0000010, NULL, NULL},
		{0xffffffffc0001fff, "bpf_prog_1234_x", "bpf"},
		{UINT64_MAX, NULL, NULL},
	};
	const char *module, *name;
	struct ksyms *k;

	(void)state;
	write_file(in_dir("kallsyms"), text, strlen(text));
	assert_int_equal(ksyms_open(&k, in_dir("kallsyms")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		name = ksyms_find(k, want[i].addr, &module);
		if (!want[i].name) {
			assert_null(name);
			continue;
		}
		assert_non_null(name);
		assert_string_equal(name, want[i].name);
		assert_string_equal(module, want[i].module);
	}
	ksyms_close(k);
	assert_int_equal(ksyms_open(&k, in_dir("missing")), -ENOENT);
	write_file(in_dir("kallsyms"), text, 37); /* the first line: no address */
	assert_int_equal(ksyms_open(&k, in_dir("kallsyms")), -EPERM);
	write_file(in_dir("kallsyms"), "", 0);
	assert_int_equal(ksyms_open(&k, in_dir("kallsyms")), -EPERM);
	ksyms_close(NULL);
}

/* Every function of this kernel that stands alone at its address. */
static void kernel_symbols_of_this_machine(void **state)
{
	scoped_file FILE *f = fopen("/proc/kallsyms", "r");
	char line[1024], name[512], type;
	unsigned long at, last = 0;
	size_t cnt = 0, wrong = 0;
	struct ksyms *k;
	int err = ksyms_open(&k, "/proc/kallsyms");

	(void)state;
	if (err) {
		print_message("/proc/kallsyms: %s\n", strerror(-err));
		skip();
	}
	while (f && fgets(line, sizeof(line), f)) {
		const char *found, *module;

		if (sscanf(line, "%lx %c %511s", &at, &type, name) != 3 || !strchr("tT", type) ||
		    strchr(name, '.') || at == last)
			continue;
		last = at;
		found = ksyms_find(k, at, &module);
		cnt++;
		wrong += !found || strcmp(found, name) != 0;
	}
	ksyms_close(k);
	assert_true(cnt > 1000);
	/* those whose address another name shares, further down the list */
	assert_true(wrong * 100 < cnt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file),
		cmocka_unit_test(stripped_file_names_no_neighbours),
		cmocka_unit_test(debug_file_by_build_id),
		cmocka_unit_test(debug_file_by_link),
		cmocka_unit_test(mini_debug_data),
		cmocka_unit_test(file_may_be_replaced_and_removed),
		cmocka_unit_test(bytes_are_those_in_memory),
		cmocka_unit_test(this_program_as_nm_has_it),
		cmocka_unit_test(libc_as_nm_has_it),
		cmocka_unit_test(libcrypto_as_nm_has_it),
		cmocka_unit_test(node_as_nm_has_it),
		cmocka_unit_test(starts_as_gdb_has_them),
		cmocka_unit_test(vdso_from_memory),
		cmocka_unit_test(what_is_no_elf_file),
		cmocka_unit_test(broken_images_are_survived),
		cmocka_unit_test(overlaps_are_flattened),
		cmocka_unit_test(symbols_without_a_size_end_at_the_next),
		cmocka_unit_test(build_ids),
		cmocka_unit_test(names_are_demangled),
		cmocka_unit_test(names_that_explode_are_left),
		cmocka_unit_test(kernel_symbols),
		cmocka_unit_test(kernel_symbols_of_this_machine),
	};

	return cmocka_run_group_tests_name("symbol", tests, setup, teardown);
}
