// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The model `single`: the orchestrator does the work itself, as programs without workers do.
import { breathe, followOrder, plainPort, threadIds } from './lane.mjs';

/** Makes a lane out of the thread that calls this; see pool.mjs. */
function start({ lane, runtime, onMessage }) {
	const port = {
		...plainPort,
		nowNs: runtime.nowNs,
		send: onMessage,
		handOver: (message, words) => onMessage({ ...message, words }),
		breathe, // what the loader wrote
	};

	queueMicrotask(() => onMessage({ type: 'up', ...threadIds() }));
	return { send: (order) => followOrder(lane, order, port), end() {} };
}

export const single = { start, oneLane: true, handOver: 'given to itself', copies: 2 };
