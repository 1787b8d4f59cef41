// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// What child processes need besides their work: a command line, an end together with the
// orchestrator, and words for their own end.
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync } from 'node:fs';
import { constants } from 'node:os';

const KILLED_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'];
let command = null;

/**
 * How this runtime is started once more, with the same flags. A child without work ends when its
 * channel does; one that works would see that only afterwards, so the kernel is asked to kill it,
 * by the program setpriv of util-linux, where there is one.
 * @returns {string[]}
 */
export function commandOfChild() {
	if (!command) {
		const [program, ...args] = KILLED_WITH_PARENT;
		const { status } = spawnSync(program, [...args, 'true'], { stdio: 'ignore' });

		command = [...(status === 0 ? KILLED_WITH_PARENT : []), process.execPath];
		command.push(...process.execArgv);
	}
	return command;
}

/** Says in words how a process ended. */
export function describeEnd(who, status, signal) {
	if (!signal) return `${who} ended with exit status ${status}`;
	return `${who} was killed by signal ${constants.signals[signal]} (${signal})`;
}

/** Says what descriptors stand for, so that closeFiles() in another process knows them. */
export function identifyFiles(fds) {
	return fds.map((fd) => {
		const { dev, ino } = fstatSync(fd);

		return { fd, dev, ino };
	});
}

/**
 * Closes what was inherited and is not ours: a copy of the loader's descriptor would hide that its
 * owner is gone. A number that stands for something else by now is left alone.
 */
export function closeFiles(files) {
	for (const { fd, dev, ino } of files) {
		try {
			const is = fstatSync(fd);

			if (is.dev === dev && is.ino === ino) closeSync(fd);
		} catch {
			// not inherited
		}
	}
}
