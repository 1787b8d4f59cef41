// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The table of workloads: what one unit of work (a task) is, and nothing about who does it. The
// loops are functions of their own, because profiles show their names.
import { createHash } from 'node:crypto';
import { formatDouble } from './format.mjs';

const WORD_STEP = 4096; // bytes from one word of a buffer to the next: the page of most machines
const UNTOUCHED = 'untouched';

/** The order of the additions is part of the checksum. */
function sumOfWaves(n) {
	let sum = 0;

	for (let i = 0; i < n; i++) sum += Math.sqrt(i) * Math.sin(i);
	return sum;
}

function hashTexts(n) {
	let digest = '';

	for (let i = 0; i < n; i++) digest = createHash('sha512').update(`${i}-{result}`).digest('hex');
	return digest;
}

/** Writes one word a page; the sum of them. */
function fillBuffer(words) {
	const step = WORD_STEP / 4;
	let sum = 0;

	for (let at = 0, page = 0; at < words.length; at += step, page++) {
		const word = Math.imul(page, 2654435761) >>> 0;

		words[at] = word;
		sum = (sum + word) >>> 0;
	}
	return sum;
}

/** Reads one word a page; the sum of them. */
function readBuffer(words) {
	const step = WORD_STEP / 4;
	let sum = 0;

	for (let at = 0; at < words.length; at += step) sum = (sum + words[at]) >>> 0;
	return sum;
}

function hex(sum) {
	return sum.toString(16).padStart(8, '0');
}

/** Bytes to make room for: the last word of a buffer is a whole one. */
export function bufferSize(n) {
	return Math.ceil(n / 4) * 4;
}

/**
 * Looks at a buffer that came out of a task. Throws when it is not as it was sent.
 * @param {Uint32Array} words
 */
export function checkBuffer(words, checksum) {
	if (checksum === UNTOUCHED) return;
	const sum = hex(readBuffer(words));

	if (sum !== checksum)
		throw new Error(`a buffer arrived with checksum ${sum} and was sent with ${checksum}`);
}

/*
 * run(spec, makeWords) does one task and gives its checksum, or its checksum and the words of a
 * buffer to be handed over. makeWords(sz) makes a fresh buffer of sz bytes, perhaps later.
 */
export const workloads = {
	math: {
		unit: 'terms',
		defaultN: 5_000_000,
		maxN: 1e12,
		run: ({ n }) => ({ checksum: formatDouble(sumOfWaves(n)) }),
	},
	crypto: {
		unit: 'operations',
		defaultN: 1_000_000,
		maxN: 1e12,
		run: ({ n }) => ({ checksum: hashTexts(n) }),
	},
	transfer: {
		unit: 'bytes',
		defaultN: 100 << 20,
		maxN: 2 ** 40,
		buffers: true, // a task gives one away; its warm-up has to reach the whole footprint
		async run({ n, touch }, makeWords) {
			const words = await makeWords(bufferSize(n));

			return { checksum: touch ? hex(fillBuffer(words)) : UNTOUCHED, words };
		},
	},
};
