# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Tasks that come and go: births, deaths, exec, orphans."""

import os
import subprocess

from live import MS, US, for_each, ms, on_cpu, record, test, timed
from sites import record_command


@for_each(one=(1009, 1), hundred=(1013, 101))
@timed
def test_shortlived(c, amounts):
    n, alive = amounts
    got = record(c, "shortlived", n, alive)
    brief = got.by_comm("brief")
    c.equal("threads of the run", len(got.threads), n + 1)
    c.equal("of them named brief", len(brief), n)
    for thread in brief:
        c.at_least(f"wall of {thread['tid']}", thread["wall_ns"], 20 * US)
    # Its 20 us are wall time: one that is preempted has had less of the CPU.
    c.at_least("CPU of them all", sum(map(on_cpu, brief)), n * 20 * US * 0.5)
    c.note(f"{len(got.threads):,} threads, {ms(sum(map(on_cpu, brief)))} on the CPU")


@test
def test_audit_short(c):
    """The shortest of commands on busy CPUs: stopped at its very exec, its times are the kernel's all the same."""
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count() + 1)]
    try:
        got = record_command(["sh", "-c", "exit 0"], options=("-r", "50"), truth=False)
        c.equal("runs", len(got.report["runs"]), 50)
        for i, one in enumerate(got.report["runs"]):
            for t in one["threads"]:
                for what in "oncpu_ns", "run_delay_ns":
                    apart = abs(t["audit_" + what] - t["kernel"][what])
                    c.at_most(f"{what}, run {i}: ours and the kernel's apart", apart, 20 * US)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@test
def test_crowd(c):
    got = record(c, "shortlived", 10007, 10007)
    c.equal("threads of the run", len(got.threads), 10008)
    c.note(f"wallgap's own peak {got.report['overhead']['wallgap_rss_peak_bytes'] >> 20} MiB")


@test
def test_execchain_leader(c):
    got = record(c, "execchain", "leader", 5, 23)
    ours, _ = got.pair("last")
    c.equal("tasks", len(got.threads), 1)
    c.at_least("CPU and run queue", on_cpu(ours) + ours["buckets"]["runq_preempt"] +
               ours["buckets"]["runq_wake"], 6 * 23 * MS)


@test
def test_execchain_thread(c):
    got = record(c, "execchain", "thread", 5, 23)
    # The last of the line took the process's id. Each stage but the last burns in its new thread.
    c.equal("tasks", len(got.threads), 6)
    c.equal("processes", len({t["tgid"] for t in got.threads}), 1)
    busy = sum(on_cpu(t) + t["buckets"]["runq_preempt"] + t["buckets"]["runq_wake"]
               for t in got.threads)
    c.at_least("CPU and run queue of all", busy, 6 * 23 * MS)
    last = max(got.threads, key=lambda t: on_cpu(t))
    c.equal("id of the one that ran last", got.by_tid(last["tgid"])["tgid"], last["tgid"])


@test
@timed
def test_leaderexit(c):
    got = record(c, "leaderexit", 202)
    ours, own = got.pair("worker")
    c.at_least("run", got.run["wall_ns"], 202 * MS)
    c.between("CPU", on_cpu(ours) + ours["buckets"]["runq_preempt"], 101 * MS * 0.99, 160 * MS)
    c.between("sleep", ours["buckets"]["sleep"], 101 * MS * 0.99, 110 * MS)
    leader = got.by_tid(own["tgid"])
    c.at_most("CPU of the main thread, gone before", on_cpu(leader), 20 * MS)


@for_each(ok=0, failed=3)
@timed
def test_outlive(c, status):
    got = record(c, "outlive", 307, status, wants_status=status)
    ours, own = got.pair("grandchild")
    c.at_least("run", got.run["wall_ns"], 307 * MS)
    c.at_least("wall of the grandchild", ours["wall_ns"], 307 * MS)
    c.equal("tasks", len(got.threads), 3)
    c.between("sleep", ours["buckets"]["sleep"], 153 * MS, 170 * MS)
