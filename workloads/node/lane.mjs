// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// One lane: order after order, each of which is its share of some tasks. The same code runs in the
// orchestrator, in a thread and in a process; how orders come and results go is the port's
// business. What is tested by WALLGAP_TEST_* goes wrong here.
//
// A lane sends
//   {type: 'up', tid, tgid}                           it exists
//   {type: 'buffer', index, checksum, ...}            a buffer is handed over, by port.handOver()
//   {type: 'task', index, beginNs, endNs, checksum}   a task is done
//   {type: 'failed', text}                            it cannot go on
import { readlinkSync } from 'node:fs';
import { workloads } from './workloads.mjs';

/** The thread that calls this and its process, in the pid namespace of /proc. */
export function threadIds() {
	const [tgid, , tid] = readlinkSync('/proc/thread-self').split('/');

	return { tid: Number(tid), tgid: Number(tgid) };
}

function isAsked(what, lane) {
	return process.env[what] === String(lane);
}

async function goWrongIfAsked(lane, port, result) {
	if (isAsked('WALLGAP_TEST_CRASH', lane)) port.crash();
	// Never done, but in its event loop, so that a hanging orchestrator still hears the loader.
	if (isAsked('WALLGAP_TEST_CRASH', lane) || isAsked('WALLGAP_TEST_HANG', lane))
		await new Promise(() => setInterval(() => {}, 1e9));
	if (isAsked('WALLGAP_TEST_WRONG', lane)) result.checksum = 'wrong';
}

async function doTask(lane, order, index, port) {
	const beginNs = port.nowNs();
	const result = await workloads[order.workload].run(order, port.makeWords);

	if (order.measured) await goWrongIfAsked(lane, port, result);
	const { checksum, words } = result;

	if (words) await port.handOver({ type: 'buffer', index, checksum }, words);
	port.send({ type: 'task', index, checksum, beginNs, endNs: port.nowNs() });
}

/**
 * Does the tasks of an order that are this lane's: every step-th from its own number on.
 * @param {number} lane
 * @param {object} order `workload`, `n`, `touch`, `taskCount`, `step`, `measured`
 * @param {object} port `send(message)`, `handOver(message, words)`, `makeWords(sz)`, `nowNs()`,
 *   `crash()`, `breathe()`
 */
export async function followOrder(lane, order, port) {
	try {
		for (let index = lane; index < order.taskCount; index += order.step) {
			if (port.breathe) await port.breathe();
			await doTask(lane, order, index, port);
		}
	} catch (error) {
		port.send({ type: 'failed', text: String(error.message ?? error) });
	}
}

/** Lets the event loop have a look at what came: at the next task, not at the end of all. */
export function breathe() {
	return new Promise((resolve) => setImmediate(resolve));
}

/** What lanes have in common: fresh memory, and an end by a signal. */
export const plainPort = {
	makeWords: (sz) => new Uint32Array(new ArrayBuffer(sz)),
	crash: () => process.kill(process.pid, 'SIGSEGV'),
};
