# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Every form of futex wait, however it ends; and calls that do not wait."""

from live import MS, Skip, check_blocked_in, for_each, record, test, TESTS, timed

FORMS = ("wait", "bitset", "lockpi", "requeuepi", "waitv", "wait2")
NO_SIGNAL = ("lockpi", "requeuepi")  # go on waiting after a handled signal


def wait_test(form, end):
    def check(c):
        got = record(c, "futexwait", form, end, 53, 3001)
        ours, own = got.pair("waiter")
        check_blocked_in(c, ours, own, "futex", 53, got.truth["n"] * got.truth["ns"])
        c.at_least("voluntary switches", ours["switches_voluntary"], 53)
    return check


for _form in FORMS:
    for _end in ("timeout", "wake", "signal"):
        if _end != "signal" or _form not in NO_SIGNAL:
            TESTS.append((f"futex_{_form}_{_end}", wait_test(_form, _end)))


@test
@timed
def test_futexmiss(c):
    got = record(c, "futexmiss", 100003)
    ours, _ = got.pair("misser")
    c.equal("calls that returned EAGAIN", got.truth["misses"], 100003)
    c.equal("futex time of calls that do not wait", ours["buckets"]["futex"], 0)
    c.at_most("other waits", ours["buckets"]["other"], MS)


@for_each(pipe="ipc", futex="futex")
@timed
def test_signalstorm(c, bucket):
    got = record(c, "signalstorm", "pipe" if bucket == "ipc" else "futex", 307, 211)
    ours, own = got.pair("waiter")
    if got.truth["hits"] < 10:
        raise Skip(f"only {got.truth['hits']} signals came")
    check_blocked_in(c, ours, own, bucket, got.truth["hits"], 0)
    c.note(f"{got.truth['hits']:,} signals")
