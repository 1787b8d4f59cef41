// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The runner's side of the runner protocol (../protocol.md): lines from the loader become calls of
// the pool. Whatever goes wrong becomes one "error" message, and the end.
import { describeTask } from './format.mjs';
import { writeAll } from './lines.mjs';
import { Pool } from './pool.mjs';
import { readSpec } from './spec.mjs';
import { workloads } from './workloads.mjs';

const PROTOCOL = 1;

/** One conversation with the loader. */
class Session {
	#runtime;
	#fds;
	#pool = null;
	#spec = null;
	#isReady = false;

	constructor(runtime, inFd, outFd) {
		this.#runtime = runtime;
		this.#fds = [inFd, outFd];
	}

	#send(message) {
		writeAll(this.#fds[1], `${JSON.stringify(message)}\n`);
	}

	/** The end, in any state: lanes may be at work. */
	end(status) {
		this.#pool?.end();
		process.exit(status);
	}

	fail(text) {
		try {
			this.#send({ type: 'error', text: text.replace(/\s+/g, ' ').trim() });
		} finally {
			this.end(1);
		}
	}

	hello() {
		const { name, version, libs, flags, models } = this.#runtime;

		this.#send({
			type: 'hello',
			protocol: PROTOCOL,
			runtime: name,
			version,
			libs: libs(),
			flags: flags(),
			models: Object.keys(models),
			workloads: Object.keys(workloads),
		});
	}

	async #onSetup(message) {
		if (this.#pool) throw new Error('a second set-up: there is one pool a runner');
		this.#spec = readSpec(message, this.#runtime.models);
		this.#pool = new Pool(this.#runtime, { ...this.#spec, inheritedFds: this.#fds }, (text) =>
			this.fail(text),
		);
		await this.#pool.open();
		this.#isReady = true;
		this.#send({
			type: 'ready',
			lanes: this.#pool.ids.map((ids) => ({ ...ids, cpu: -1 })),
			n: this.#spec.n,
			detail: this.#describe(),
		});
	}

	#describe() {
		const { workload, model, n, touch } = this.#spec;
		const { unit, buffers } = workloads[workload];
		const parts = [describeTask(unit, n)];

		if (buffers) parts.push(this.#runtime.models[model].handOver);
		if (buffers && !touch) parts.push('untouched');
		return parts.join(', ');
	}

	async #onGo() {
		if (!this.#pool) throw new Error('go came before the set-up');
		if (!this.#isReady) throw new Error('go came before all was ready or done');
		this.#isReady = false;
		const { beginNs, endNs, tasks } = await this.#pool.go();

		this.#isReady = true;
		this.#send({
			type: 'done',
			begin_ns: beginNs,
			end_ns: endNs,
			tasks: tasks.map((task) => ({
				index: task.index,
				lane: task.lane,
				begin_ns: task.beginNs,
				end_ns: task.endNs,
				checksum: task.checksum,
			})),
		});
	}

	async onLine(line) {
		try {
			const message = parse(line);

			if (message.type === 'setup') await this.#onSetup(message);
			else if (message.type === 'go') await this.#onGo();
			else if (message.type === 'stop') this.end(0);
			else throw new Error('the loader sent a message of an unknown type');
		} catch (error) {
			this.fail(error.message);
		}
	}
}

function parse(line) {
	try {
		const message = JSON.parse(line);

		if (typeof message.type === 'string') return message;
	} catch {
		// said below
	}
	throw new Error('the loader sent a line that is no message');
}

/** Speaks to the loader over two descriptors until it says stop or is gone. */
export function serve(runtime, inFd, outFd) {
	const session = new Session(runtime, inFd, outFd);

	// In a handler of an event there is nobody to catch what goes wrong.
	for (const event of ['uncaughtException', 'unhandledRejection'])
		process.on(event, (error) => session.fail(String(error?.message ?? error)));
	session.hello();
	runtime.readLines(
		inFd,
		(line) => session.onLine(line),
		() => session.end(1),
	);
}
