// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The model `procs` of Bun: a lane is the main thread of a child process, woken by a message over
// the channel of Bun.spawn().
import { fileURLToPath } from 'node:url';
import { commandOfChild, describeEnd } from '../node/child.mjs';
import { openMappings } from './mappings.mjs';

/** Makes the process of a lane; see ../node/pool.mjs. */
function start({ lane, bufferSize, inherited, onMessage, onFailure }) {
	const carrier = bufferSize ? openMappings() : null;
	const child = Bun.spawn({
		cmd: [...commandOfChild(), fileURLToPath(new URL('./lane-process.mjs', import.meta.url))],
		stdio: ['ignore', 'inherit', 'inherit'],
		serialization: 'json',
		ipc(message) {
			if (message.type !== 'buffer') return onMessage(message);
			onMessage({ ...message, words: carrier.receive(message.slot) });
			carrier.release(message.slot);
			child.send({ type: 'taken', slot: message.slot });
		},
		onExit: (_, status) =>
			onFailure(
				describeEnd(
					`the process of lane ${lane} (${child.pid})`,
					status,
					child.signalCode,
				),
			),
	});

	child.send({ type: 'begin', lane, inherited, address: carrier?.address });
	return { send: (order) => child.send(order), end: () => child.kill('SIGKILL') };
}

export const procs = { start, handOver: 'mapped by both processes', copies: 2 };
