// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The model `procs` of Node.js: a lane is the main thread of a child process, woken by a message
// over the channel that fork() makes.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { commandOfChild, describeEnd } from './child.mjs';
import { openFiles } from './files.mjs';

/** Makes the process of a lane; see pool.mjs. */
function start({ lane, bufferSize, inherited, onMessage, onUnmade, onFailure }) {
	const carrier = bufferSize ? openFiles(bufferSize) : null;
	const [execPath, ...execArgv] = commandOfChild();
	const child = fork(fileURLToPath(new URL('./lane-process.mjs', import.meta.url)), {
		execPath,
		execArgv,
		stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
	});
	// A child that cannot be written to has ended: that is told by its end.
	const send = (message) => child.send(message, () => {});

	child.on('error', onUnmade);
	child.on('exit', (status, signal) =>
		onFailure(describeEnd(`the process of lane ${lane} (${child.pid})`, status, signal)),
	);
	child.on('message', (message) => {
		if (message.type !== 'buffer') return onMessage(message);
		onMessage({ ...message, words: carrier.receive(message.slot) });
		carrier.release(message.slot);
		send({ type: 'taken', slot: message.slot });
	});
	send({ type: 'begin', lane, inherited, address: carrier?.address });
	// The handle of one that could not be made has the number 0, which is our own process group.
	return { send, end: () => child.pid && child.kill('SIGKILL') };
}

export const procs = { start, handOver: 'copied through a file in memory', copies: 6 };
