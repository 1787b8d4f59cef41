// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Node.js: what it is called, its clock, and how it reads what the loader writes.
import { Socket } from 'node:net';
import { lineSplitter } from './lines.mjs';

export const name = 'node';
export const version = process.version;

/** Libraries inside the runtime whose version may matter. */
export function libs() {
	const wanted = ['v8', 'uv', 'openssl'];

	return wanted
		.filter((lib) => process.versions[lib])
		.map((lib) => ({ name: lib, version: process.versions[lib] }));
}

/** Flags in use that may change what the runtime does. */
export function flags() {
	const { NODE_OPTIONS, UV_THREADPOOL_SIZE } = process.env;
	const list = [...process.execArgv];

	if (NODE_OPTIONS) list.push(`NODE_OPTIONS=${NODE_OPTIONS}`);
	if (UV_THREADPOOL_SIZE) list.push(`UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE}`);
	return list;
}

/** CLOCK_MONOTONIC, in nanoseconds. */
export function nowNs() {
	return Number(process.hrtime.bigint());
}

/**
 * Calls onLine with each line that comes on fd, and onEnd at its end. Reads when the event loop is
 * told to: a stream of node:fs would keep a thread of the pool in read().
 */
export function readLines(fd, onLine, onEnd) {
	const socket = new Socket({ fd, readable: true, writable: false });
	const split = lineSplitter(onLine);

	socket.setEncoding('utf8');
	socket.on('data', (text) => split(text) || socket.destroy());
	socket.on('error', onEnd);
	socket.on('close', onEnd);
}
