// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dlopenburn [N] [MS]: N times, opens a library at run time, burns MS milliseconds of CPU in one of
 * its functions at once, and closes it. The libraries take turns, so that one comes to be where
 * another was: libz's crc32, libcrypto's SHA512, libbz2's BZ2_bzBuffToBuffCompress; those there
 * are.
 *
 * Truth: samples under burn_z, burn_crypto or burn_bz2 < burn_turn < main have
 * their leaf in that library. z_ns, crypto_ns, bz2_ns: the time by the thread's CPU clock.
 */
#include "planted.h"

#include <dlfcn.h>

#define DATA_SZ (256 * 1024)

struct lib {
	const char *name, *file, *symbol;
	void (*burn)(uint64_t ns);
	uint64_t cpu_ns;
};

static unsigned char data[DATA_SZ], out[2 * DATA_SZ];
static void *function; /* of the library that is open */
static void *volatile result;

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

OWN_FRAME static void burn_z(uint64_t ns)
{
	unsigned long (*crc)(unsigned long, const unsigned char *, unsigned int);
	uint64_t end_ns = cpu_ns() + ns;

	*(void **)&crc = function;
	while (cpu_ns() < end_ns)
		result = (void *)(uintptr_t)crc(0, data, sizeof(data));
}

OWN_FRAME static void burn_crypto(uint64_t ns)
{
	unsigned char *(*sha)(const unsigned char *, size_t, unsigned char *);
	uint64_t end_ns = cpu_ns() + ns;

	*(void **)&sha = function;
	while (cpu_ns() < end_ns)
		result = sha(data, sizeof(data) / 4, out);
}

OWN_FRAME static void burn_bz2(uint64_t ns)
{
	int (*compress)(unsigned char *, unsigned int *, unsigned char *, unsigned int, int, int,
			int);
	uint64_t end_ns = cpu_ns() + ns;

	*(void **)&compress = function;
	while (cpu_ns() < end_ns) {
		unsigned int sz = sizeof(out);

		if (compress(out, &sz, data, sizeof(data) / 16, 1, 0, 0))
			die("BZ2_bzBuffToBuffCompress");
	}
}

static struct lib libs[] = {
	{"z", "libz.so.1", "crc32", burn_z, 0},
	{"crypto", "libcrypto.so.3", "SHA512", burn_crypto, 0},
	{"bz2", "libbz2.so.1.0", "BZ2_bzBuffToBuffCompress", burn_bz2, 0},
};

OWN_FRAME static bool burn_turn(struct lib *lib, uint64_t ns)
{
	void *handle = dlopen(lib->file, RTLD_NOW | RTLD_LOCAL);
	uint64_t begin_ns;

	if (!handle)
		return false;
	function = dlsym(handle, lib->symbol);
	if (!function)
		die(lib->symbol);
	begin_ns = cpu_ns();
	lib->burn(ns);
	lib->cpu_ns += cpu_ns() - begin_ns;
	dlclose(handle);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t n = arg_u64(argc, argv, 1, 31), ns = arg_u64(argc, argv, 2, 29) * NS_PER_MS;
	uint64_t burnt = 0;
	struct self self;
	FILE *f;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * i >> 7);
	self_begin(&self, "burner");
	for (uint64_t i = 0; i < n; i++)
		burnt += burn_turn(&libs[i % ARRAY_SIZE(libs)], ns);
	self_end(&self);
	errno = ENOENT;
	if (!burnt)
		skip("libz.so.1, libcrypto.so.3, libbz2.so.1.0");
	f = truth_open("dlopenburn");
	for (size_t i = 0; i < ARRAY_SIZE(libs); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_ns", libs[i].name);
		truth_u64(f, key, libs[i].cpu_ns);
	}
	truth_close(f, &self, 1);
	return 0;
}
