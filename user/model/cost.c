// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* See cost.h. */
#include "model/cost.h"

#include <string.h>

#include "model/ledger.h"

void cost_of(struct cost *c, const struct recording *r)
{
	double fault_cnt = 0;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < r->run_cnt; i++) {
		const struct run *run = &r->runs[i];

		c->bpf_ns += run->bpf_ns;
		c->event_cnt += run->event_cnt;
		for (size_t j = 0; j < run->thread_cnt; j++) {
			const struct thread *t = &run->threads[j];

			c->oncpu_ns += ledger_oncpu(t);
			fault_cnt += (double)t->count[WG_N_FAULT_MINOR] +
				     (double)t->count[WG_N_FAULT_MAJOR];
		}
	}
	if (!c->oncpu_ns)
		return;
	c->bpf_share = (double)c->bpf_ns / (double)c->oncpu_ns;
	if (r->dispatch_ns == UNKNOWN || r->fault_event_ns == UNKNOWN)
		return;
	c->estimate_known = true;
	c->estimate_share = c->bpf_share + ((double)c->event_cnt * (double)r->dispatch_ns +
					    fault_cnt * (double)r->fault_event_ns) /
						   (double)c->oncpu_ns;
}
