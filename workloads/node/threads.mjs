// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The model `threads` of Node.js: a lane is a worker thread, woken by a message.
import { Worker } from 'node:worker_threads';

/** Makes the thread of a lane; see pool.mjs. */
function start({ lane, onMessage, onFailure }) {
	const url = new URL('./lane-thread.mjs', import.meta.url);
	const worker = new Worker(url, { workerData: { lane } });

	worker.on('message', onMessage);
	worker.on('error', (error) => onFailure(`lane ${lane}: ${error?.message ?? error}`));
	worker.on('exit', (status) =>
		onFailure(`the thread of lane ${lane} ended with exit status ${status}`),
	);
	return { send: (order) => worker.postMessage(order), end() {} };
}

export const threads = { start, handOver: 'moved by transfer list', copies: 2 };
