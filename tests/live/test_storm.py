# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Nothing is lost at the highest rate of switches that the machine can make."""

import os

from live import record, span, test


@test
def test_storm(c):
    got = record(c, "storm", 1009, min(len(os.sched_getaffinity(0)), 4))
    switches, wall_ns = 0, 1
    for ours, own in got.pairs("storm"):
        c.at_most("other waits", sum(ours["buckets"][b] for b in ("other", "io", "ipc", "poll")),
                  ours["wall_ns"] * 0.001)
        switches += ours["switches_voluntary"] + ours["switches_involuntary"]
        wall_ns = max(wall_ns, span(own))
    c.at_least("switches", switches, 1000)
    c.note(f"{switches / wall_ns * 1e9:,.0f} switches a second")
