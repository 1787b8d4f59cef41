# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Attaching to threads that move just then: that fall asleep, wake up or are born between any two
steps of it."""

import contextlib
import os
import subprocess
import time

import attack
from live import MS, PLANTED, CannotRun, Failure, check_report, for_each, load_report, on_cpu, scratch, test, wallgap
from sites import Running, check_complete, waits


def attach(pid):
    """A second of a running process; and the threads that it has had since before the window."""
    with scratch() as tmp:
        out = os.path.join(tmp, "run.wg")
        done = wallgap("record", "-o", out, "-p", pid, "-d", 1, timeout=60)
        if done.status:
            raise Failure(f"record -p: status {done.status}: {done.tail()}")
        return load_report(out)


@for_each(settled=False, growing=True)
def test_attach_to(c, grows):
    n = 41
    for _ in range(attack.count(1, 20)):
        with Running("restless", n) as p:
            # with settlers coming, attached to while they do
            until = time.monotonic() + 10
            while p.comms().count("napper") < n or (not grows and "rested" not in p.comms()):
                if time.monotonic() > until:
                    raise Failure(f"no nappers: {p.comms()}")
                time.sleep(0.002)
            report = attach(p.pid)
            alive = {int(t) for t in os.listdir(f"/proc/{p.pid}/task")}
        run = report["runs"][0]
        c.equal("threads that are not in the report",
                sorted(alive - {t["tid"] for t in run["threads"]}), [])
        check_report(c, report, counts=False)
        check_complete(c, "waits", waits(run), 1)
        still = [t for t in run["threads"] if t["comm"] == "sleeper" and
                 t["buckets"]["sleep"] < 0.99 * t["wall_ns"]]
        c.that(not still, f"{len(still)} sleepers do not sleep: {[t['buckets'] for t in still[:1]]}")


@contextlib.contextmanager
def another_process():
    """One that is there on every CPU when nobody else is: to be switched to."""
    hogs = [subprocess.Popen(["chrt", "-i", "0", "taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"])
            for cpu in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@contextlib.contextmanager
def stalled(comm, us):
    """CPUs are held up where a thread of that name leaves them, with nothing more of it to come."""
    p = subprocess.Popen([os.path.join(PLANTED, "stall"), comm, str(us)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    try:
        if p.stdout.readline() != "ready\n":
            raise CannotRun(p.stderr.read().strip())
        yield
    finally:
        p.kill()
        p.communicate()


@test
def test_attach_stalled(c):
    """Who is on the way to sleep when it is looked at, its last event over, is not taken for running."""
    n, asleep_ms = 9973, 5003
    with another_process(), Running("nappers", n, asleep_ms) as p:
        until = time.monotonic() + 60
        while "rested" not in p.comms():
            if time.monotonic() > until:
                raise Failure("no nappers")
            time.sleep(0.3)
        for _ in range(attack.count(2, 12)):
            with stalled("napper", 300):
                run = attach(p.pid)["runs"][0]
            c.at_least("threads", len(run["threads"]), n)
            never = [t for t in run["threads"] if on_cpu(t) > t["kernel"]["oncpu_ns"] + 20 * MS]
            c.that(not never, f"{len(never)} that slept are said to have run: " +
                   "; ".join(f"{on_cpu(t)} ns, by the kernel {t['kernel']['oncpu_ns']}" for t in never[:3]))
