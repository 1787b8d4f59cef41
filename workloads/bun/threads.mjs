// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The model `threads` of Bun: a lane is a Worker, woken by a message.

/** Makes the thread of a lane; see ../node/pool.mjs. */
function start({ lane, onMessage, onFailure }) {
	const worker = new Worker(new URL('./lane-thread.mjs', import.meta.url).href);

	worker.onmessage = ({ data }) => onMessage(data);
	worker.onerror = ({ error, message }) =>
		onFailure(`lane ${lane}: ${error?.message ?? message}`);
	worker.addEventListener('close', ({ code }) =>
		onFailure(`the thread of lane ${lane} ended with exit status ${code}`),
	);
	worker.postMessage({ type: 'begin', lane });
	return { send: (order) => worker.postMessage(order), end() {} };
}

export const threads = { start, handOver: 'moved by transfer list', copies: 2 };
