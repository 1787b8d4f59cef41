// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// What is asked of a pool, checked: from the loader's set-up or from options.
import { workloads } from './workloads.mjs';

const MAX_COUNT = 50_000;

function isCount(value, max) {
	return Number.isInteger(value) && value >= 1 && value <= max;
}

function checkCpus(cpus, workers) {
	if (cpus === undefined || cpus === null) return;
	const isCpu = (cpu) => Number.isInteger(cpu) && cpu >= 0;

	if (!Array.isArray(cpus) || cpus.length !== workers || !cpus.every(isCpu))
		throw new Error("the set-up's cpus must be one CPU number a worker, or null");
}

/**
 * Makes the spec of a pool out of the fields of a set-up. Throws, with what is wrong.
 * @param {object} models by name
 */
export function readSpec(setup, models) {
	const { workload, model, workers, tasks, n = 0, touch = true, timeout_s: timeoutS = 0 } = setup;

	if (!Object.hasOwn(workloads, workload))
		throw new Error('the set-up names a workload that is not had here');
	if (!Object.hasOwn(models, model))
		throw new Error('the set-up names a model that is not had here');
	if (!isCount(workers, MAX_COUNT) || !isCount(tasks, MAX_COUNT))
		throw new Error('the set-up wants no workers or no tasks, or more than 50,000');
	if (models[model].oneLane && workers !== 1)
		throw new Error(`the model ${model} has one worker`);
	if (n !== 0 && !isCount(n, workloads[workload].maxN))
		throw new Error("the set-up's n is out of range");
	if (timeoutS !== 0 && !isCount(timeoutS, 1e6))
		throw new Error("the set-up's timeout_s is out of range");
	if (typeof touch !== 'boolean') throw new Error("the set-up's touch must be true or false");
	checkCpus(setup.cpus, workers);
	const size = n || workloads[workload].defaultN;

	return { workload, model, workers, tasks, n: size, touch, timeoutS };
}
