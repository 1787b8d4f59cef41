// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Carries buffers from a child process to the orchestrator without a copy: a buffer is a file in
// memory that the child has mapped and fills, and the orchestrator maps the same pages.
//
// A file that was emptied gets fresh pages for the next buffer. Its old mappings stay until they
// are collected; they hold no memory. The files go with the orchestrator, whatever kills it. The
// child opens them by /proc.
import { ftruncateSync, openSync } from 'node:fs';
import { SLOTS, Turns } from '../node/slots.mjs';
import { openMemory } from './libc.mjs';

function mapWords(path) {
	const bytes = Bun.mmap(path, { shared: true });

	return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/**
 * Opens the orchestrator's end.
 * @returns {{address: string[], receive: function(number): Uint32Array, release: function(number)}}
 *   the address is for the child; what receive() gave must not be looked at after release()
 */
export function openMappings() {
	const fds = Array.from({ length: SLOTS }, () => openMemory('wallgap-transfer'));
	const address = fds.map((fd) => `/proc/${process.pid}/fd/${fd}`);

	return {
		address,
		receive: (slot) => mapWords(address[slot]),
		release: (slot) => ftruncateSync(fds[slot], 0),
	};
}

/**
 * Opens the child's end.
 * @param {string[]} address
 */
export function attachMappings(address) {
	const fds = address.map((path) => openSync(path, 'r+'));
	const turns = new Turns();
	let slot = -1; // of the words that were made last

	return {
		async makeWords(sz) {
			slot = await turns.next();
			ftruncateSync(fds[slot], sz);
			return mapWords(address[slot]);
		},
		give: () => slot,
		take: (done) => turns.take(done),
	};
}
