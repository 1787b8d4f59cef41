// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Decides who is asking: the loader, by two descriptors in the environment, or a person.
import { byHand } from './hand.mjs';
import { serve } from './protocol.mjs';

/**
 * Runs the program.
 * @param {object} runtime what differs between runtimes: `name`, `version`, `libs()`, `flags()`,
 *   `nowNs()`, `readLines(fd, onLine, onEnd)` and `models`, a table of functions that make a lane
 */
export function main(runtime) {
	const { WALLGAP_IN_FD: inFd, WALLGAP_OUT_FD: outFd } = process.env;

	// Children are no runners, whatever they inherit.
	delete process.env.WALLGAP_IN_FD;
	delete process.env.WALLGAP_OUT_FD;
	if (inFd && outFd) serve(runtime, Number(inFd), Number(outFd));
	else byHand(runtime, process.argv.slice(2));
}
