# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a task is blocked in, by the system call it sleeps in."""

from live import MS, check_blocked_in, for_each, on_cpu, record, run_queue, test, timed


def cases(*names):
    return {name: name for name in names}


@for_each(**cases("nanosleep", "clock_nanosleep", "pause", "sigsuspend", "sigtimedwait"))
@timed
def test_sleep(c, form):
    got = record(c, "sleeps", form, 53, 3001)
    ours, own = got.pair("sleeper")
    planted = got.truth["n"] * got.truth["ns"]
    # A timer ticks on while the thread waits for a CPU after the last tick: then it sleeps less.
    ticks = form in ("pause", "sigsuspend")
    check_blocked_in(c, ours, own, "sleep", 53, 0 if ticks else planted)
    c.at_least("sleep, run queue and CPU",
               ours["buckets"]["sleep"] + run_queue(ours) + on_cpu(ours), planted * 0.97)
    c.at_least("voluntary switches", ours["switches_voluntary"], 53)


@test
@timed
def test_sleep_efault(c):
    """A fault in kernel mode that ends in EFAULT has no end of its own: it must not stay open."""
    got = record(c, "sleeps", "efault", 53, 3001)
    ours, own = got.pair("sleeper")
    check_blocked_in(c, ours, own, "sleep", 53, got.truth["n"] * got.truth["ns"])
    c.equal("faults without an end", ours["faults_unended"], 1)


@test
@timed
def test_sleep_restart(c):
    """A sleep that was stopped goes on as restart_syscall: it is sleep still."""
    got = record(c, "sleeps", "restart", 53, 20011)
    ours, _ = got.pair("sleeper")
    rest = ours["buckets"]["other"]
    c.at_least("stopped", ours["buckets"]["stopped"], 53 * MS // 2)
    c.at_least("sleep", ours["buckets"]["sleep"], (53 * 20 - 2 * 53) * MS * 0.9)
    c.at_most("other", rest, MS)


@for_each(**cases("poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait",
                  "epoll_pwait2"))
@timed
def test_poll(c, form):
    got = record(c, "poll", form, 23, 7)
    ours, own = got.pair("poller")
    check_blocked_in(c, ours, own, "poll", 23, got.truth["n"] * got.truth["ns"])


@for_each(**cases("pipe", "pipefull", "socket", "recvmsg", "tcp", "eventfd", "msgrcv", "mq"))
@timed
def test_ipc(c, form):
    got = record(c, "ipc", form, 53, 3001)
    ours, own = got.pair("waiter")
    check_blocked_in(c, ours, own, "ipc", 53, got.truth["n"] * got.truth["ns"])


@for_each(**cases("wait4", "waitid", "vfork", "spawn"))
@timed
def test_child(c, form):
    got = record(c, "child", form, 7, 23)
    ours, own = got.pair("parent")
    each = got.truth["ns"]
    check_blocked_in(c, ours, own, "child", 14, got.truth["n"] * each, others_ns=2 * MS)
    children = [t for t in got.threads if t["tgid"] != ours["tgid"]]
    c.equal("children", len(children), 7)
    for child in children:
        c.at_least(f"sleep of child {child['tid']}", child["buckets"]["sleep"], each * 0.99)
        c.at_least(f"wall of child {child['tid']}", child["wall_ns"], each)


@for_each(busy="busy", asleep="asleep")
@timed
def test_stopped(c, how):
    got = record(c, "stopped", how, 7, 23)
    child = got.by_tid(got.truth["child"])
    want = got.truth["stopped_ns"]
    # SIGCONT takes effect at its wakeup, and the parent sees the stop a little late.
    c.between("stopped", child["buckets"]["stopped"], want * 0.99, want * 1.02 + 7 * 5 * MS)
    if how == "asleep":
        c.between("sleep of a stopped sleeper", child["buckets"]["sleep"], 7 * 23 * MS * 0.95,
                  child["wall_ns"] - child["buckets"]["stopped"])
    c.note(f"stopped {child['buckets']['stopped'] / MS:.1f} ms, parent says {want / MS:.1f}")


@test
@timed
def test_compat32(c):
    got = record(c, "compat32", 53, 3001)
    ours, own = got.pair("sleeper")
    bucket = max(("other", "sleep"), key=lambda b: ours["buckets"][b])
    check_blocked_in(c, ours, own, bucket, 53, got.truth["n"] * got.truth["ns"])
