/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a fuzz target (tests/fuzz/fuzz_NAME.c, one program a file, libFuzzer) has and may add.
 * All of user/base, user/unwind and user/symbol is linked to it. LLVMFuzzerInitialize is taken:
 * the program writes its seeds and ends when FUZZ_SEEDS names a folder (tests/fuzz/run.sh).
 */
#ifndef WG_FUZZ_FUZZ_H
#define WG_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The target: must not fall over, and calls abort() when a result makes no sense. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz);

/* May be defined: calls the two below for inputs to begin with, small and real. */
void seed_write(const char *folder) __attribute__((weak));

/* One seed. name must differ from other seeds'. */
void seed_bytes(const char *folder, const char *name, const void *data, size_t sz);
/* The first sz_max bytes of a file of this system; none when it cannot be read. */
void seed_file(const char *folder, const char *name, const char *path, size_t sz_max);

int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
