// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The program of a Worker of Bun: a lane that waits for orders in its event loop.
import { followOrder, plainPort, threadIds } from '../node/lane.mjs';
import { nowNs } from './runtime.mjs';

let lane = -1;

const port = {
	...plainPort,
	nowNs,
	send: (message) => postMessage(message),
	handOver: (message, words) => postMessage({ ...message, words }, [words.buffer]),
};

self.onmessage = ({ data }) => {
	if (data.type !== 'begin') return followOrder(lane, data, port);
	lane = data.lane;
	port.send({ type: 'up', ...threadIds() });
};
