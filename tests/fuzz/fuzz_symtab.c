// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An ELF image: symbols, bytes and build-id of it, and of the image that is packed in it. Short
 * inputs are names to demangle, too.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "base/util.h"
#include "fuzz/fuzz.h"
#include "symbol/symtab.h"

#define MAX_LOOK_UPS 512

static void look_up(struct symtab *s, uint64_t addr)
{
	struct symbol found = {0};
	uint8_t buf[32];

	for (int i = 0; i < 2; i++) {
		if (!(i ? symtab_object : symtab_function)(s, addr, &found))
			continue;
		if (!found.name || found.start > addr ||
		    (found.size && addr - found.start >= found.size))
			abort();
	}
	if (symtab_bytes(s, addr, buf, sizeof(buf)) > sizeof(buf))
		abort();
}

static void read_image(const uint8_t *data, size_t sz)
{
	struct symtab *s;
	uint64_t addr;
	char id[129];

	elf_build_id_image(data, sz, id, sizeof(id));
	if (strspn(id, "0123456789abcdef") != strlen(id))
		abort();
	if (symtab_open_image(&s, data, sz, "input", NULL))
		return;
	if (!symtab_source(s))
		abort();
	/* addresses are among the words of the file */
	for (size_t i = 0; i + 8 <= sz && i < 8 * MAX_LOOK_UPS; i += 8) {
		memcpy(&addr, data + i, sizeof(addr));
		look_up(s, addr);
		look_up(s, addr + 1);
		look_up(s, i);
	}
	symtab_close(s);
}

static void read_name(const uint8_t *data, size_t sz)
{
	scoped_free char *in = strndup((const char *)data, sz), *out = NULL;

	if (!in)
		abort();
	out = demangle(in);
	if (!out)
		abort();
	for (const char *c = out; *c; c++) {
		if ((unsigned char)*c < ' ')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	read_image(data, sz);
	if (sz < 2048)
		read_name(data, sz);
	return 0;
}

/* --- seeds --- */

struct file {
	uint8_t data[8192];
	size_t sz;
};

static size_t put(struct file *f, const void *data, size_t sz)
{
	size_t at = f->sz;

	if (sz > sizeof(f->data) - at - 8)
		abort();
	memcpy(f->data + at, data, sz);
	f->sz = (at + sz + 7) & ~(size_t)7;
	return at;
}

enum { TEXT = 1, DATA, STRINGS, SYMBOLS, NAMES, NOTE, LAST, SECTIONS };

static const char names[] = "\0.text\0.data\0.strtab\0.symtab\0.dynsym\0.note\0.gnu_debugdata";

static Elf64_Shdr section(uint32_t name, uint32_t type, uint64_t flags, size_t at, size_t sz)
{
	return (Elf64_Shdr){.sh_name = name,
			    .sh_type = type,
			    .sh_flags = flags,
			    .sh_addr = flags ? at : 0,
			    .sh_offset = at,
			    .sh_size = sz,
			    .sh_addralign = 4};
}

/* Symbols of all kinds with all kinds of names; the last section holds what is given. */
static void make_elf(struct file *f, uint32_t table, const void *last, size_t last_sz)
{
	static const char strings[] = "\0main\0_ZN2ns3FooIiE3barEi\0"
				      "_RINvNtC3std3mem8align_ofjE\0memcpy@@GLIBC_2.14\0.Llabel\0"
				      "_ZZN2ns3fooEiENKUlvE_clEv\0lock";
	static const uint32_t note[] = {4, 20, NT_GNU_BUILD_ID, 0x554e47, 1, 2, 3, 4, 5};
	static const uint8_t type[] = {STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_FUNC,
				       STT_FUNC, STT_FUNC,	STT_OBJECT};
	Elf64_Ehdr eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
			 .e_type = ET_DYN,
			 .e_machine = EM_X86_64,
			 .e_version = 1,
			 .e_ehsize = sizeof(eh),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1,
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = SECTIONS,
			 .e_shstrndx = NAMES};
	Elf64_Phdr ph = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 4096, .p_memsz = 4096};
	Elf64_Sym sym[8] = {0};
	Elf64_Shdr sh[SECTIONS] = {0};
	uint8_t code[64] = {0x90};
	size_t at;

	f->sz = 0;
	put(f, &eh, sizeof(eh));
	eh.e_phoff = put(f, &ph, sizeof(ph));
	at = put(f, code, sizeof(code));
	sh[TEXT] = section(1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, at, sizeof(code));
	for (size_t i = 0, name = 1; i < ARRAY_SIZE(type); i++) {
		sym[i + 1] = (Elf64_Sym){.st_name = (uint32_t)name,
					 .st_info = ELF64_ST_INFO(STB_GLOBAL, type[i]),
					 .st_shndx = type[i] == STT_OBJECT ? DATA : TEXT,
					 .st_value = at + 8 * i + (type[i] == STT_OBJECT) * 16,
					 .st_size = i == 4 ? 0 : 8};
		name += strlen(strings + name) + 1;
	}
	at = put(f, code, sizeof(code));
	sh[DATA] = section(7, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, at, sizeof(code));
	at = put(f, strings, sizeof(strings));
	sh[STRINGS] = section(13, SHT_STRTAB, 0, at, sizeof(strings));
	at = put(f, sym, sizeof(sym));
	sh[SYMBOLS] = section(table == SHT_SYMTAB ? 21 : 29, table, 0, at, sizeof(sym));
	sh[SYMBOLS].sh_link = STRINGS;
	sh[NAMES] = section(0, SHT_STRTAB, 0, put(f, names, sizeof(names)), sizeof(names));
	sh[NOTE] = section(37, SHT_NOTE, 0, put(f, note, sizeof(note)), sizeof(note));
	sh[LAST] = section(43, SHT_PROGBITS, 0, put(f, last, last_sz), last_sz);
	eh.e_shoff = put(f, sh, sizeof(sh));
	memcpy(f->data, &eh, sizeof(eh));
}

void seed_write(const char *folder)
{
	static const char *const name[] = {
		"_ZN2ns3FooIiE3barEi@@V1", "_ZNSt8functionIFviEE4callEv.constprop.0",
		"_ZN4core3fmt9Formatter3pad17h0b8f1a3c5d7e9f24E", "_RNCNvC7mycrate4main0",
		"_RICs4fqI2P2rA04_1aThhETB3_B3_EE"};
	struct file plain, packing;
	uint8_t packed[4096];
	char file[16];
	size_t sz = 0;

	make_elf(&plain, SHT_SYMTAB, "", 1);
	seed_bytes(folder, "symtab", plain.data, plain.sz);
	if (lzma_easy_buffer_encode(6, LZMA_CHECK_NONE, NULL, plain.data, plain.sz, packed, &sz,
				    sizeof(packed)) != LZMA_OK)
		abort();
	make_elf(&packing, SHT_DYNSYM, packed, sz);
	seed_bytes(folder, "debugdata", packing.data, packing.sz);
	seed_file(folder, "exe", "/proc/self/exe", 4096);
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		snprintf(file, sizeof(file), "name-%zu", i);
		seed_bytes(folder, file, name[i], strlen(name[i]));
	}
}
