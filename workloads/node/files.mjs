// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Carries buffers from a child process to the orchestrator by copying, for a runtime that cannot
// share memory between processes: the child writes a buffer to a file in memory, the orchestrator
// reads it into one of its own.
//
// The files have no name: they go with the orchestrator, whatever kills it. The child opens them
// by /proc.
import { randomUUID } from 'node:crypto';
import { constants, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { plainPort } from './lane.mjs';
import { SLOTS, Turns } from './slots.mjs';

// never had a name: nothing that kills us comes between. Node does not name it; its own bit is the same on
// every processor that Node runs on.
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

function room(folder) {
	try {
		const { bavail, bsize } = statfsSync(folder);

		return bavail * bsize;
	} catch {
		return 0;
	}
}

function openUnnamed(folder) {
	try {
		return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600);
	} catch {
		// a file system that cannot
	}
	// anybody may write to the folder: a name that nobody can foresee
	const path = `${folder}/wallgap-${randomUUID()}`;
	const fd = openSync(path, 'wx+', 0o600);

	unlinkSync(path);
	return fd;
}

/**
 * Opens the orchestrator's end.
 * @param {number} sz bytes of a buffer
 * @returns {{address: string[], receive: function(number): Uint32Array, release: function(number)}}
 *   the address is for the child; what receive() gives stays good after release()
 */
export function openFiles(sz) {
	const folder = ['/dev/shm', tmpdir()].find((each) => room(each) >= SLOTS * sz);

	if (!folder)
		throw new Error(`neither /dev/shm nor ${tmpdir()} has room for ${SLOTS * sz} bytes`);
	const fds = Array.from({ length: SLOTS }, () => openUnnamed(folder));

	return {
		address: fds.map((fd) => `/proc/${process.pid}/fd/${fd}`),
		receive(slot) {
			const bytes = Buffer.allocUnsafeSlow(sz);

			for (let at = 0; at < sz; ) {
				const got = readSync(fds[slot], bytes, at, sz - at, at);

				if (!got) throw new Error(`a buffer arrived with ${at} bytes of ${sz}`);
				at += got;
			}
			return new Uint32Array(bytes.buffer, bytes.byteOffset, sz / 4);
		},
		release() {},
	};
}

/**
 * Opens the child's end.
 * @param {string[]} address
 */
export function attachFiles(address) {
	const fds = address.map((path) => openSync(path, 'r+'));
	const turns = new Turns();

	return {
		makeWords: plainPort.makeWords,
		async give(words) {
			const slot = await turns.next();
			const bytes = new Uint8Array(words.buffer);

			for (let at = 0; at < bytes.length; )
				at += writeSync(fds[slot], bytes, at, bytes.length - at, at);
			return slot;
		},
		take: (slot) => turns.take(slot),
	};
}
