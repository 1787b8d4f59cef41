// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The orchestrator's side of a pool: builds it, warms it up, gives orders, takes results, and says
// in one line what went wrong. How lanes come to exist is left to the models, what they do to
// lane.mjs. A model is an object with
//
//   start({lane, runtime, bufferSize, inherited, onMessage(message), onUnmade(error),
//         onFailure(text)})
//              makes a lane, which has send(order) and end(): at once, whatever it does. That it
//              cannot be made may be thrown, or told later.
//   oneLane    it has no more than one
//   handOver   how a buffer gets to the orchestrator, in words
//   copies     buffers a lane may need room for at a time
import { readFileSync } from 'node:fs';
import { identifyFiles } from './child.mjs';
import { bufferSize, checkBuffer, workloads } from './workloads.mjs';

// A warm-up task is this part of a whole one, or of one of the default size, if that is more. As
// many are done one after the other as it takes compilers to be done with the code.
const WARM_UP_PART = 10;
const WARM_UP_ROUNDS = 3;
const MIB = 1 << 20;

function availableMemory() {
	const found = /^MemAvailable: *(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));

	return found ? Number(found[1]) * 1024 : Infinity;
}

/** One pool of lanes. */
export class Pool {
	#spec;
	#runtime;
	#model;
	#onFailure;
	#lanes = [];
	#ids = [];
	#round = null; // what is being done
	#timer = null;
	#over = false;

	/**
	 * @param {object} runtime see main.mjs
	 * @param {object} spec `workload`, `model`, `workers`, `tasks`, `n`, `touch`, `timeoutS`,
	 *   `inheritedFds`
	 * @param {function(string)} onFailure called once, with what went wrong, at any time; what is
	 *   awaited then stays unfinished
	 */
	constructor(runtime, spec, onFailure) {
		this.#runtime = runtime;
		this.#spec = spec;
		this.#model = runtime.models[spec.model];
		this.#onFailure = onFailure;
	}

	/** The thread and process ids of lanes, in order. */
	get ids() {
		return this.#ids;
	}

	/** Builds the pool and warms it up. */
	async open() {
		const { timeoutS } = this.#spec;

		this.#setTimer(() => `the pool was not ready within ${timeoutS} s`);
		this.#checkMemory();
		await this.#startLanes();
		await this.#warmUp();
		clearTimeout(this.#timer);
	}

	/**
	 * Has all tasks done.
	 * @returns {Promise<{beginNs: number, endNs: number, tasks: object[]}>}
	 */
	async go() {
		const { tasks, n } = this.#spec;

		this.#setTimer(() => this.#describeLate());
		const round = await this.#doTasks(tasks, n, true);

		clearTimeout(this.#timer);
		return round;
	}

	/** Ends all lanes at once. */
	end() {
		this.#over = true;
		clearTimeout(this.#timer);
		this.#lanes.forEach((lane) => lane.end());
	}

	#fail(text) {
		if (this.#over) return;
		this.end();
		this.#onFailure(text);
	}

	#setTimer(describe) {
		const { timeoutS } = this.#spec;

		if (timeoutS) this.#timer = setTimeout(() => this.#fail(describe()), timeoutS * 1000);
	}

	#describeLate() {
		const { workers, tasks, timeoutS } = this.#spec;
		const done = new Set(this.#round.tasks.map((task) => task.index));
		const late = Array.from({ length: tasks }, (_, i) => i).filter((i) => !done.has(i));
		const more = late.length > 1 ? `, nor are ${late.length - 1} others done` : '';

		const [task] = late;

		return `lane ${task % workers} did not finish task ${task} within ${timeoutS} s${more}`;
	}

	// --- building ---

	#checkMemory() {
		const { workload, workers, n } = this.#spec;
		const have = availableMemory();
		const need = workloads[workload].buffers ? this.#model.copies * n * workers : 0;

		if (need <= have) return;
		throw new Error(
			`${workload} with ${workers} workers needs ${Math.ceil(need / MIB)} MiB of memory, ` +
				`${Math.floor(have / MIB)} MiB are available: use fewer workers`,
		);
	}

	#startLanes() {
		const { workload, workers, n, inheritedFds } = this.#spec;
		const inherited = identifyFiles(inheritedFds);

		return new Promise((resolve) => {
			let missing = workers;

			for (let lane = 0; lane < workers; lane++) {
				const onMessage = (message) => {
					if (message.type !== 'up') return this.#onMessage(lane, message);
					this.#ids[lane] = { tid: message.tid, tgid: message.tgid };
					if (--missing === 0) resolve();
				};

				this.#lanes[lane] = this.#startLane(lane, {
					bufferSize: workloads[workload].buffers ? bufferSize(n) : 0,
					inherited,
					onMessage,
				});
			}
		});
	}

	#startLane(lane, options) {
		const describe = ({ message }) =>
			`worker ${lane + 1} of ${this.#spec.workers} cannot be made: ${message} ` +
			'(see ulimit -u, ulimit -n, the pids cgroup)';

		try {
			return this.#model.start({
				...options,
				lane,
				runtime: this.#runtime,
				onUnmade: (error) => this.#fail(describe(error)),
				onFailure: (text) => this.#fail(text),
			});
		} catch (error) {
			throw new Error(describe(error));
		}
	}

	async #warmUp() {
		const { workload, workers, tasks, n } = this.#spec;
		const { buffers, defaultN } = workloads[workload];
		const part = Math.min(n, Math.ceil(Math.max(n, defaultN) / WARM_UP_PART));

		// As many buffers under way as there will be: one filled, one looked at.
		if (buffers) return this.#doTasks(tasks > workers ? 2 * workers : workers, n, false);
		for (let i = 0; i < WARM_UP_ROUNDS; i++) await this.#doTasks(workers, part, false);
	}

	// --- work ---

	#doTasks(taskCount, n, measured) {
		const { workload, workers, touch } = this.#spec;
		const order = { type: 'work', workload, n, touch, taskCount, step: workers, measured };

		return new Promise((resolve) => {
			this.#round = { tasks: [], left: taskCount, resolve };
			this.#round.beginNs = this.#runtime.nowNs();
			this.#lanes.forEach((lane) => lane.send(order));
		});
	}

	#onMessage(lane, message) {
		if (message.type === 'failed') this.#fail(`lane ${lane}: ${message.text}`);
		else if (message.type === 'buffer') this.#onBuffer(message);
		else this.#onTask(lane, message);
	}

	#onBuffer({ index, checksum, words }) {
		try {
			checkBuffer(words, checksum);
		} catch (error) {
			this.#fail(`task ${index}: ${error.message}`);
		}
	}

	#onTask(lane, { index, checksum, beginNs, endNs }) {
		const round = this.#round;

		round.tasks.push({ index, lane, beginNs, endNs, checksum });
		if (--round.left) return;
		round.endNs = this.#runtime.nowNs();
		const [first] = round.tasks;
		const other = round.tasks.find((task) => task.checksum !== first.checksum);

		if (!other) return round.resolve(round);
		const [a, b] = [other, first].map(
			(task) => `task ${task.index} (lane ${task.lane}) gave ${task.checksum.slice(0, 24)}`,
		);

		this.#fail(`wrong result: ${a}, ${b} for the same work`);
	}
}
