// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Bun: what it is called, its clock, and how it reads what the loader writes.
import { lineSplitter } from '../node/lines.mjs';

export { nowNs } from './libc.mjs';
export const name = 'bun';
export const version = Bun.version;

/** Libraries inside the runtime whose version may matter. Other versions it gives are made up. */
export function libs() {
	const wanted = ['webkit', 'boringssl', 'mimalloc', 'usockets'];

	return wanted
		.filter((lib) => process.versions[lib])
		.map((lib) => ({ name: lib, version: process.versions[lib] }));
}

/** Flags in use that may change what the runtime does. */
export function flags() {
	const settings = Object.entries(process.env)
		.filter(([key]) => /^(BUN_JSC_|BUN_OPTIONS$|MIMALLOC_)/.test(key))
		.map(([key, value]) => `${key}=${value}`);

	return [...process.execArgv, ...settings.sort()];
}

/**
 * Calls onLine with each line that comes on fd, and onEnd at its end. Reads when the event loop is
 * told to: a stream of node:fs would keep a thread of the pool in read().
 */
export async function readLines(fd, onLine, onEnd) {
	const split = lineSplitter(onLine);
	const decoder = new TextDecoder();

	try {
		for await (const chunk of Bun.file(fd).stream())
			if (!split(decoder.decode(chunk, { stream: true }))) break;
	} catch {
		// as at its end
	}
	onEnd();
}
