// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Lines out of pieces of text, and to a descriptor.
import { writeSync } from 'node:fs';

const MAX_LINE = 16 << 20;

/**
 * Makes a function that takes the next piece of text and calls onLine with each line that is
 * complete. It returns false when a line is too long to go on.
 */
export function lineSplitter(onLine) {
	let rest = '';

	return (text) => {
		const lines = (rest + text).split('\n');

		rest = lines.pop();
		lines.forEach(onLine);
		return rest.length <= MAX_LINE;
	};
}

/** Writes the whole text, in the same call. Throws when nobody reads. */
export function writeAll(fd, text) {
	let left = Buffer.from(text);

	while (left.length) {
		try {
			left = left.subarray(writeSync(fd, left));
		} catch (error) {
			// A socket that is read from as well does not block.
			if (error.code !== 'EAGAIN') throw error;
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
		}
	}
}
