// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The turns in which a child process uses the places where it leaves its buffers: one is filled
// while the orchestrator reads the other.
//
//   child:         slot 0 --message: slot--> slot 1 --message: slot--> slot 0, when it is free ...
//   orchestrator:            reads it, then --message: taken-->

/** How many there are. */
export const SLOTS = 2;

/** Hands out slots, by number, in turn. */
export class Turns {
	#next = 0;
	#taken = Array(SLOTS).fill(Promise.resolve());
	#free = [];

	/** The next slot, once the orchestrator has done with it. */
	async next() {
		const slot = this.#next;

		this.#next = (slot + 1) % SLOTS;
		await this.#taken[slot];
		this.#taken[slot] = new Promise((resolve) => {
			this.#free[slot] = resolve;
		});
		return slot;
	}

	/** The orchestrator has done with a slot. */
	take(slot) {
		this.#free[slot]();
	}
}
