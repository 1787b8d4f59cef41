// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// A lane in a child process: waits for orders in its event loop. Its work is done by the main
// thread, which is not the process's only one: the runtime has helpers.
import { closeFiles } from './child.mjs';
import { breathe, followOrder, plainPort, threadIds } from './lane.mjs';

/**
 * Serves the orchestrator over the channel that this process was made with.
 * @param {function(): number} nowNs
 * @param {function(string[]): object} attach makes the child's end of what carries buffers:
 *   `makeWords(sz)`, `give(words)`, which gives the number of a slot, and `take(slot)`
 */
export function serveProcess(nowNs, attach) {
	let lane = -1;
	let carrier = null;

	const port = {
		...plainPort,
		nowNs,
		breathe, // the end of the channel
		send: (message) => process.send(message),
		makeWords: (sz) => carrier.makeWords(sz),
		handOver: async (message, words) =>
			port.send({ ...message, slot: await carrier.give(words) }),
	};

	function begin(order) {
		closeFiles(order.inherited);
		lane = order.lane;
		carrier = order.address ? attach(order.address) : null;
		port.send({ type: 'up', ...threadIds() });
	}

	process.on('disconnect', () => process.exit(1));
	process.on('message', (order) => {
		if (order.type === 'begin') begin(order);
		else if (order.type === 'taken') carrier.take(order.slot);
		else followOrder(lane, order, port);
	});
}
