// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Lines from a stream, and to a descriptor.
import { writeSync } from 'node:fs';

const MAX_LINE = 16 << 20;

/** Calls onLine with each line of the stream; a line that is too long ends the stream. */
export function splitLines(stream, onLine) {
	let rest = '';

	stream.setEncoding('utf8');
	stream.on('data', (text) => {
		const lines = (rest + text).split('\n');

		rest = lines.pop();
		lines.forEach(onLine);
		if (rest.length > MAX_LINE) stream.destroy();
	});
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
