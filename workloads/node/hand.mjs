// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The runner by hand: the same pools without a loader, so that anybody can time the work with
// nothing watching. Options in; one line of wall seconds a repeat out, nothing else on stdout.
import { parseArgs } from 'node:util';
import { Pool } from './pool.mjs';
import { readSpec } from './spec.mjs';
import { workloads } from './workloads.mjs';

const EXIT_USAGE = 2;

const OPTIONS = {
	workload: { type: 'string' },
	model: { type: 'string' },
	workers: { type: 'string', default: '2' },
	tasks: { type: 'string' },
	n: { type: 'string', default: '0' },
	repeats: { type: 'string', default: '1' },
	'no-touch': { type: 'boolean', default: false },
	help: { type: 'boolean', short: 'h', default: false },
};

function help({ name, models }) {
	return `Usage: ${name} runner.mjs --workload NAME --model NAME [OPTION]...
Does a workload in a pool and prints the wall seconds of each repeat. Started by
wallgap, it speaks the runner protocol instead.

  --workload NAME  one of: ${Object.keys(workloads).join(' ')}
  --model NAME     one of: ${Object.keys(models).join(' ')}
  --workers N      lanes of the pool (default 2; single has one)
  --tasks N        tasks a repeat, shared out in turn (default: one a worker)
  --n N            size of a task (default: the workload's own)
  --repeats N      default 1
  --no-touch       transfer: hand buffers over unwritten and unread`;
}

function readOptions(args, models) {
	const { values } = parseArgs({ args, options: OPTIONS });

	if (values.help) return { help: true };
	if (!values.workload || !values.model)
		throw new Error('needs --workload and --model; --help lists them');
	const asked = Number(values.workers);
	const spec = readSpec(
		{
			workload: values.workload,
			model: values.model,
			workers: models[values.model]?.oneLane ? 1 : asked,
			tasks: values.tasks === undefined ? asked : Number(values.tasks),
			n: Number(values.n),
			touch: !values['no-touch'],
		},
		models,
	);

	return { spec, repeats: Number(values.repeats) };
}

function fail(runtime, text, status) {
	console.error(`wallgap-${runtime.name}: ${text}`);
	process.exit(status);
}

/** Does what the options say. */
export async function byHand(runtime, args) {
	let options;

	try {
		options = readOptions(args, runtime.models);
	} catch (error) {
		fail(runtime, error.message, EXIT_USAGE);
	}
	if (options.help) return console.log(help(runtime));
	const spec = { ...options.spec, inheritedFds: [] };
	const pool = new Pool(runtime, spec, (text) => fail(runtime, text, 1));

	try {
		await pool.open();
		for (let i = 0; i < options.repeats; i++) {
			const { beginNs, endNs } = await pool.go();

			console.log(((endNs - beginNs) / 1e9).toFixed(6));
		}
	} catch (error) {
		fail(runtime, error.message, 1);
	}
	pool.end();
	process.exit(0);
}
