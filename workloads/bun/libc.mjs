// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// What Bun has only by way of the C library.
import { dlopen, ptr } from 'bun:ffi';

const CLOCK_MONOTONIC = 1;
const MFD_CLOEXEC = 1;

const { symbols: libc } = dlopen('libc.so.6', {
	clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' },
	memfd_create: { args: ['cstring', 'u32'], returns: 'i32' },
});
const timespec = new BigInt64Array(2);
const timespecPtr = ptr(timespec);

/** CLOCK_MONOTONIC, in nanoseconds. Bun's own clocks count from the start of the process. */
export function nowNs() {
	libc.clock_gettime(CLOCK_MONOTONIC, timespecPtr);
	return Number(timespec[0] * 1_000_000_000n + timespec[1]);
}

/** A descriptor of a file in memory that has no name in any folder. */
export function openMemory(name) {
	const fd = libc.memfd_create(Buffer.from(`${name}\0`), MFD_CLOEXEC);

	if (fd < 0) throw new Error('memfd_create failed (see ulimit -n)');
	return fd;
}
