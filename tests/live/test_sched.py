# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The switch state machine: CPU, run queue, preempted and woken apart."""

from live import (BLOCKED, MS, US, check_blocked_in, check_part, for_each, label, ms, on_cpu,
                  own_blocked, own_cpu, own_off, record, run_queue, span, test, total, timed)


@for_each(pipe="ipc", futex="futex")
@timed
def test_switches(c, bucket):
    got = record(c, "switches", 10007, "pipe" if bucket == "ipc" else "futex")
    for ours, own in got.pairs():
        c.between(f"switches of {label(ours)}", ours["switches_voluntary"] +
                  ours["switches_involuntary"], 10007, 10007 * 2 + 200)
        # On its way to sleep it may be preempted by the one that it woke: see check_blocked_in.
        c.at_most(f"{bucket} of {label(ours)}", ours["buckets"][bucket], own_blocked(ours, own) + 2 * MS)
        off = ours["wall_ns"] - on_cpu(ours)
        check_part(c, "time off CPU", off, own_off(ours, own), ours, own)
        # Before the planted part it waits for the other to be there, which is futex as well.
        rest = total(ours, BLOCKED) - ours["buckets"][bucket]
        c.at_most(f"other waits of {label(ours)}", rest, MS + ours["wall_ns"] - span(own))
        c.note(f"{label(ours)}: {ours['switches_voluntary']:,} + "
               f"{ours['switches_involuntary']:,} switches, {bucket} {ms(ours['buckets'][bucket])}")


@test
@timed
def test_yield(c):
    got = record(c, "yield", 503)
    ours, own = got.pair("yielder")
    c.at_least("involuntary switches", ours["switches_involuntary"], span(own, "nivcsw"))
    check_part(c, "runq_preempt", ours["buckets"]["runq_preempt"], span(own, "run_delay_ns"), ours,
               own)
    # The main thread joins the competitor at the end: that is all that it may wait for.
    c.at_most("waits", total(ours, BLOCKED), 20 * MS)
    c.note(f"{ours['switches_involuntary']:,} switches, preempted "
           f"{ms(ours['buckets']['runq_preempt'])}")


@for_each(three=3, five=5)
@timed
def test_runq(c, k):
    got = record(c, "runq", k, 601)
    for ours, own in got.pairs("busy"):
        want = own_off(ours, own)
        check_part(c, "runq_preempt", ours["buckets"]["runq_preempt"], want, ours, own)
        check_part(c, "on-CPU time", on_cpu(ours), own_cpu(ours, own), ours, own)
        c.note(f"preempted {ms(ours['buckets']['runq_preempt'])}, own clocks {ms(want)}")


@test
@timed
def test_wakeq(c):
    got = record(c, "wakeq", 53, 2003)
    ours, own = got.pair("woken")
    least = got.truth["n"] * got.truth["ns"]
    c.at_least("runq_wake (planted)", ours["buckets"]["runq_wake"], least * 0.99)
    # Whatever else runs there may preempt it: that is in the kernel's run delay too.
    check_part(c, "run queue", run_queue(ours), span(own, "run_delay_ns"), ours, own)
    c.at_least("share of runq_wake in it", ours["buckets"]["runq_wake"] / run_queue(ours), 0.8)
    check_blocked_in(c, ours, own, "futex", 53, 0)
    c.note(f"woken and waiting {ms(ours['buckets']['runq_wake'])}, planted {ms(least)}")


@test
@timed
def test_preempt(c):
    got = record(c, "preempt", 53, 2003)
    ours, own = got.pair("busy")
    least = got.truth["n"] * got.truth["ns"]
    c.at_least("runq_preempt (planted)", ours["buckets"]["runq_preempt"], least * 0.97)
    check_part(c, "runq_preempt", ours["buckets"]["runq_preempt"], span(own, "run_delay_ns"), ours,
               own)
    c.at_most("waits of a busy thread", total(ours, BLOCKED), 100 * US)
    check_blocked_in(c, *got.pair("taker"), "sleep", 53, 0)
    c.note(f"preempted {ms(ours['buckets']['runq_preempt'])}, planted {ms(least)}")


@test
@timed
def test_cpu(c):
    got = record(c, "cpu", 307, 211)
    ours, own = got.pair("burner")
    for side in ("user", "kernel"):
        want, have = got.truth[f"{side}_ns"], ours["buckets"][f"cpu_{side}"]
        check_part(c, f"cpu_{side}, by samples,", have, want, ours, own, 0.05, 10 * MS)
        c.note(f"{side} {ms(have)}, own clock {ms(want)}")
