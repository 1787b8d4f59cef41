// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Carries buffers from a child process to the orchestrator, for runtimes that cannot share memory
// between processes: the child writes its buffer to a file in memory, the orchestrator reads it
// into one of its own.
//
//   child:         fresh buffer --write--> slot 0 or 1 --message: slot--> ... waits before it writes
//   orchestrator:             fresh buffer <--read--'  --message: taken-->    to that slot again
//
// The files have no name: they go with the orchestrator, whatever kills it. The child opens them
// by /proc.
import { closeSync, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';

const SLOTS = 2; // one that is filled while the other is read

function room(folder) {
	try {
		const { bavail, bsize } = statfsSync(folder);

		return bavail * bsize;
	} catch {
		return 0;
	}
}

let fileCount = 0;

function openUnnamed(folder) {
	const path = `${folder}/wallgap-${process.pid}-${fileCount++}`;
	const fd = openSync(path, 'wx+', 0o600);

	unlinkSync(path);
	return fd;
}

/**
 * Opens the orchestrator's end.
 * @param {number} sz bytes of a buffer
 */
export function openConduit(sz) {
	const folder = ['/dev/shm', tmpdir()].find((each) => room(each) > SLOTS * sz);

	if (!folder) throw new Error(`neither /dev/shm nor ${tmpdir()} has room for ${SLOTS * sz} bytes`);
	const fds = Array.from({ length: SLOTS }, () => openUnnamed(folder));

	return {
		/** For attachConduit() in the child. */
		address: fds.map((fd) => `/proc/${process.pid}/fd/${fd}`),
		/** The words that the child left in a slot. */
		receive(slot) {
			const bytes = Buffer.allocUnsafeSlow(sz);

			for (let at = 0; at < sz; ) {
				const got = readSync(fds[slot], bytes, at, sz - at, at);

				if (!got) throw new Error(`a buffer arrived with ${at} bytes of ${sz}`);
				at += got;
			}
			return new Uint32Array(bytes.buffer, bytes.byteOffset, sz / 4);
		},
		close: () => fds.forEach((fd) => closeSync(fd)),
	};
}

/** Opens the child's end. */
export function attachConduit(address) {
	const slots = address.map((path) => ({ fd: openSync(path, 'r+'), free: null }));
	let next = 0;

	return {
		/** Writes words to a slot; gives its number. Waits for one to be free. */
		async give(words) {
			const number = next;
			const slot = slots[number];
			const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

			next = (next + 1) % slots.length;
			await slot.taken;
			slot.taken = new Promise((resolve) => {
				slot.free = resolve;
			});
			for (let at = 0; at < bytes.length; )
				at += writeSync(slot.fd, bytes, at, bytes.length - at, at);
			return number;
		},
		/** The orchestrator has what was in a slot. */
		take: (number) => slots[number].free(),
	};
}
