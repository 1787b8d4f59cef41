# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Waits for the kernel's own locks."""

from live import BLOCKED, MS, Skip, check_part, ms, own_blocked, record, test, total, timed


@test
@timed
def test_klock(c):
    got = record(c, "klock", 401, 5003)
    ours, own = got.pair("waiter")
    want, have = own_blocked(ours, own), ours["buckets"]["klock"]
    if want < 20 * MS:
        raise Skip(f"the two threads hardly met: {ms(want)} blocked")
    # Its readings of itself and its end need memory too, and so wait for the same lock.
    check_part(c, "all waits", total(ours, BLOCKED), want, ours, own, 0.02)
    check_part(c, "klock", have, want, ours, own, 0.1)
    c.note(f"klock {ms(have)} of {ms(want)} blocked, {got.truth['maps']:,} maps")
