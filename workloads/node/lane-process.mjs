// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The program of a child process: a lane that waits for orders in its event loop. Its work is done
// by the main thread, which is not the process's only one: the runtime has helpers.
import { attachConduit } from './conduit.mjs';
import { closeFiles } from './child.mjs';
import { followOrder, plainPort, threadIds } from './lane.mjs';
import { nowNs } from './runtime.mjs';

let lane = -1;
let conduit = null;

const port = {
	...plainPort,
	nowNs,
	send: (message) => process.send(message),
	async handOver(message, words) {
		port.send({ ...message, slot: await conduit.give(words) });
	},
};

function begin(order) {
	closeFiles(order.inherited);
	lane = order.lane;
	conduit = order.conduit ? attachConduit(order.conduit) : null;
	port.send({ type: 'up', ...threadIds() });
}

process.on('disconnect', () => process.exit(1));
process.on('message', (order) => {
	if (order.type === 'begin') begin(order);
	else if (order.type === 'taken') conduit.take(order.slot);
	else followOrder(lane, order, port);
});
