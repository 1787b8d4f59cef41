# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Attaching to threads that move just then: that fall asleep, wake up or are born between any two
steps of it. WALLGAP_TEST_TRACK_DAWDLE_NS stops wallgap in the middle of each thread, for so long."""

import os
import time

import attack
from live import Failure, check_report, for_each, load_report, scratch, wallgap
from sites import Running, check_complete, waits

DAWDLE_NS = 50000


def attach(c, pid, dawdle_ns):
    """A second of a running process; and the threads that it has had since before the window."""
    with scratch() as tmp:
        out = os.path.join(tmp, "run.wg")
        done = wallgap("record", "-o", out, "-p", pid, "-d", 1, timeout=60,
                       WALLGAP_TEST_TRACK_DAWDLE_NS=dawdle_ns)
        if done.status:
            raise Failure(f"record -p: status {done.status}: {done.tail()}")
        return load_report(out)


@for_each(settled=False, growing=True)
def test_attach_to(c, grows):
    n = 41
    for i in range(attack.count(1, 20)):
        with Running("restless", n) as p:
            # with settlers coming, attached to while they do
            until = time.monotonic() + 10
            while p.comms().count("napper") < n or (not grows and "rested" not in p.comms()):
                if time.monotonic() > until:
                    raise Failure(f"no nappers: {p.comms()}")
                time.sleep(0.002)
            report = attach(c, p.pid, DAWDLE_NS if i % 2 == 0 else 0)
            alive = {int(t) for t in os.listdir(f"/proc/{p.pid}/task")}
        run = report["runs"][0]
        c.equal("threads that are not in the report",
                sorted(alive - {t["tid"] for t in run["threads"]}), [])
        check_report(c, report, counts=False)
        check_complete(c, "waits", waits(run), 1)
        still = [t for t in run["threads"] if t["comm"] == "sleeper" and
                 t["buckets"]["sleep"] < 0.99 * t["wall_ns"]]
        c.that(not still, f"{len(still)} sleepers do not sleep: {[t['buckets'] for t in still[:1]]}")
