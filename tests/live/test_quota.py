# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Time without CPU quota, against what the kernel counts of the cgroup (cpu.stat)."""

import json
import os
import subprocess
import time

from live import (MS, PLANTED, Failure, Mark, Skip, check_closure, for_each, load_report, ms, record,
                  run_queue, scratch, test, wallgap, timed)

# Threads are taken off their CPU some us before or after the kernel begins to count, each time.
QUOTA_SHARE, QUOTA_NS = 0.01, MS


def check_bounds(c, threads):
    for t in threads:
        c.at_most(f"quota_ns of {t['comm']}", t["quota_ns"], run_queue(t))


# The kernel counts a CPU's time without quota once, whoever waits there.
@for_each(long=(1, 20000, 100000), short=(1, 2000, 10000), two=(2, 20000, 100000))
@timed
def test_quota(c, amounts):
    got = record(c, "quota", *amounts, 1009, "each", "spin")
    want = got.truth["throttled_ns"]
    have = sum(ours["quota_ns"] for ours, _ in got.pairs())
    c.at_least("time without quota (planted)", want, 500 * MS)
    c.near("quota_ns", have, want, QUOTA_SHARE, QUOTA_NS)
    check_bounds(c, got.threads)
    c.equal("quota_ns of who is not in the cgroup", got.by_comm("quota")[0]["quota_ns"], 0)
    c.note(f"{ms(have)}, by cpu.stat {ms(want)} in {got.truth['nr_throttled']} periods")


@for_each(spin="spin", wake="wake")
@timed
def test_quota_one_cpu(c, how):
    """Three threads on one CPU: each waits for quota, and for the others."""
    got = record(c, "quota", 3, 5000, 20000, 1009, "one", how)
    want = got.truth["throttled_ns"]
    check_bounds(c, got.threads)
    for ours, own in got.pairs():
        # One that sleeps 3 ms at a time is not there, at times, when the quota runs out.
        least = 0.6 if how == "wake" and own["role"] == "other" else 0.9
        c.between(f"quota_ns of {ours['comm']}", ours["quota_ns"], least * want,
                  want * (1 + QUOTA_SHARE) + QUOTA_NS)
        c.note(f"{ours['comm']} {ms(ours['quota_ns'])} of {ms(want)}")


@test
@timed
def test_quota_none(c):
    got = record(c, "preempt", 53, 2003)
    c.equal("quota_ns without a quota", sum(t["quota_ns"] for t in got.threads), 0)


@test
@timed
def test_quota_windows(c):
    """Windows that begin and end anywhere, also in the middle of a wait for quota."""
    mark = Mark()
    argv = [os.path.join(PLANTED, "quota"), "2", "10000", "50000", "9001", "one", "spin"]
    seen = 0
    with scratch() as tmp, subprocess.Popen(argv, env=mark.env()) as p:
        time.sleep(0.3)
        for i in range(2):
            if p.poll() is not None:
                raise (Skip if p.returncode == 77 else Failure)(f"quota ended: {p.returncode}")
            out = os.path.join(tmp, f"{i}.wg")
            done = wallgap("record", "-o", out, "-p", p.pid, "-d", "1")
            if done.status:
                raise Failure(f"record -p: status {done.status}: {done.tail()}")
            got = load_report(out)["runs"][0]
            # Not check_run: the on-CPU time of who runs when it is attached to is as old as the last tick.
            for t in got["threads"]:
                check_closure(c, t)
            c.near("run delay", sum(t["audit_run_delay_ns"] for t in got["threads"]),
                   sum(t["kernel"]["run_delay_ns"] for t in got["threads"]), 0.001)
            check_bounds(c, got["threads"])
            c.equal("torn threads", [t for t in got["threads"] if "torn" in t["flags"]], [])
            seen += sum(t["quota_ns"] for t in got["threads"])
        p.wait()
    c.at_least("quota_ns in all windows", seen, 100 * MS)
    c.note(f"{ms(seen)} in two windows")


def quota_group():
    """A cgroup (version 1) with a quota of a fifth of a CPU."""
    base = next((d for d in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct")
                 if os.path.exists(f"{d}/cpu.cfs_quota_us")), None)
    if not base:
        raise Skip("no cpu controller of version 1 mounted")
    group = f"{base}/wallgap-live-{os.getpid()}"
    os.mkdir(group)
    for name, value in (("cpu.cfs_period_us", 10000), ("cpu.cfs_quota_us", 2000)):
        with open(f"{group}/{name}", "w") as f:
            f.write(str(value))
    return group


def bench(out, group):
    def enter():
        with open(f"{group}/cgroup.procs", "w") as f:
            f.write("0")

    done = wallgap("bench", "--workloads", "math", "--models", "threads", "--runtimes",
                   "native", "--repeats", "6", "-o", out, preexec=enter if group else None)
    if done.status:
        raise Failure(f"bench: status {done.status}: {done.tail()}")


@test
@timed
def test_quota_gap(c):
    """The same pool with and without a quota: that is what makes the gap."""
    group = quota_group()
    try:
        with scratch() as tmp:
            free, bound = os.path.join(tmp, "free.wg"), os.path.join(tmp, "bound.wg")
            bench(free, None)
            bench(bound, group)
            done = wallgap("compare", "--format", "json", free, bound)
            if done.status:
                raise Failure(f"compare: status {done.status}: {done.tail()}")
            text = wallgap("compare", free, bound)
            gap = json.loads(done.out)["gaps"][0]
    finally:
        time.sleep(0.2)
        os.rmdir(group)
    c.equal("verdict", gap["verdict"], "slower")
    parts = [p for p in gap["parts"] if p["cause"] == "cpu quota"]
    share = sum(p["share"] for p in parts)
    c.that(any(p["holds"] for p in parts), "no part of cause cpu quota holds")
    # On a busy machine what runs beside keeps the lanes from their quota's start: that is run queue.
    c.between("share of CPU quota", share, 0.2, 1.2)
    c.that("waiting for the cgroup's CPU quota" in " ".join(text.out.split()), "the text does not say it")
    c.note(f"{share:.0%} of {ms(gap['gap_ns'])}")
