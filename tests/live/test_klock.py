# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Waits for the kernel's own locks."""

from live import BLOCKED, MS, Skip, check_part, ms, own_blocked, record, test, total, timed
from sites import kernel_path, ordered, waits


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


def types_in(got, role, *frames):
    """Lock types of the waits with these frames of the kernel on their path, and how many waits."""
    sites = [s for s in waits(got.run, "klock") if ordered(kernel_path(s), *frames)
             and "asm_exc_page_fault" not in kernel_path(s)]  # of its own memory: not the lock meant
    if sum(s["count"] for s in sites) < 5:
        raise Skip(f"the {role} hardly ever waited")
    return {s["lock_type"] for s in sites}, sum(s["count"] for s in sites)


@test
def test_rwsem_inode(c):
    got = record(c, "rwsem", "inode", 401)
    for role, frames in (("reader", ("rwsem_down_read_slowpath", "iterate_dir")),
                         ("writer", ("rwsem_down_write_slowpath", "down_write", "path_openat"))):
        types, count = types_in(got, role, *frames)
        c.equal(f"types of the {role}'s waits", types, {"kernel rwsem"})
        c.note(f"{role}: {count:,} waits")


@test
def test_rwsem_foreign(c):
    got = record(c, "rwsem", "foreign", 401)
    types, count = types_in(got, "reader", "rwsem_down_read_slowpath", "process_vm_rw_core")
    c.equal("types of the reader's waits", types, {"mmap_lock"})
    c.equal("name of what it waits for", {s["lock_name"] for s in waits(got.run, "klock")
            if "process_vm_rw_core" in kernel_path(s)}, {"mmap_lock of another process"})
    c.note(f"{count:,} waits")
