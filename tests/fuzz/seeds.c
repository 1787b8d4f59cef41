// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Linked to every fuzz target: writes its seeds when asked to. See fuzz.h. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

void seed_bytes(const char *folder, const char *name, const void *data, size_t sz)
{
	char path[4096];
	scoped_file FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, sz, f) != sz) {
		perror(path);
		exit(1);
	}
}

void seed_file(const char *folder, const char *name, const char *path, size_t sz_max)
{
	scoped_free void *data = malloc(sz_max);
	scoped_file FILE *f = fopen(path, "r");

	if (f && data)
		seed_bytes(folder, name, data, fread(data, 1, sz_max, f));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	if (!folder)
		return 0;
	if (seed_write)
		seed_write(folder);
	exit(0);
}
