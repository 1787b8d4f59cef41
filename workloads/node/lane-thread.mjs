// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The program of a worker thread of Node.js: a lane that waits for orders in its event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { followOrder, plainPort, threadIds } from './lane.mjs';
import { nowNs } from './runtime.mjs';

const port = {
	...plainPort,
	nowNs,
	send: (message) => parentPort.postMessage(message),
	handOver: (message, words) => parentPort.postMessage({ ...message, words }, [words.buffer]),
};

parentPort.on('message', (order) => followOrder(workerData.lane, order, port));
port.send({ type: 'up', ...threadIds() });
