# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Page faults: counted exactly, timed, with what blocks in them apart; and page tables."""

from live import (Failure, MS, check_blocked_in, for_each, ms, own_blocked, own_cpu, record, span,
                  test, timed)

START_UP = 400  # faults of exec, the loader and the C library: fewer than this


@for_each(write="write", read="read", kernel="kernel")
@timed
def test_faults(c, how):
    n = 10007
    got = record(c, "faults", n, how)
    ours, own = got.pair("toucher")
    c.equal("the program's own count", span(own, "min_flt"), n)
    c.between("faults_minor", ours["faults_minor"], n, n + START_UP)
    c.between("cpu_fault", ours["buckets"]["cpu_fault"], n * 100, own_cpu(ours, own) + 20 * MS)
    c.note(f"{ours['faults_minor']:,} faults in {ms(ours['buckets']['cpu_fault'])}, "
           f"{ours['buckets']['cpu_fault'] // n} ns each")


@test
@timed
def test_major(c):
    got = record(c, "major", 503)
    ours, own = got.pair("reader")
    c.between("faults_major", ours["faults_major"], span(own, "maj_flt"), own["end"]["maj_flt"] + 5)
    # Writing the file out before (fsync) is io, too: so the bounds are the planted part and it.
    blocked = own_blocked(ours, own)
    c.at_least("io", ours["buckets"]["io"], blocked * 0.95 - MS)
    c.at_most("page-in billed as fault CPU", ours["buckets"]["cpu_fault"],
              own_cpu(ours, own) * 1.1 + 20 * MS)
    c.note(f"{ours['faults_major']:,} major, io {ms(ours['buckets']['io'])}")


@test
def test_populate(c):
    n = 10007
    got = record(c, "populate", n)
    ours, own = got.pair("populator")
    c.equal("the program's own count", span(own, "min_flt"), n)
    c.between("faults_minor, trapless ones too", ours["faults_minor"], n, n + START_UP)


@test
def test_pagetables(c):
    got = record(c, "pagetables", 1009)
    ours, _ = got.pair("toucher")
    truth = got.truth
    if truth["after_bytes"] - truth["before_bytes"] < 1009 * 4096:
        raise Failure("the program did not make its page tables")
    for who, have in ((ours, ours.get("pgtables_peak_bytes", ours["pgtables_bytes"])),
                      (got.run, got.run["pgtables_peak_bytes"])):
        c.between(f"page tables of {'the run' if who is got.run else 'the thread'}", have,
                  truth["after_bytes"], truth["after_bytes"] + 32 * 1024)
    c.note(f"{got.run['pgtables_peak_bytes']:,} bytes, VmPTE {truth['after_bytes']:,}, "
           f"before {truth['before_bytes']:,}")


@test
@timed
def test_io(c):
    got = record(c, "io", 101)
    ours, own = got.pair("writer")
    # Waits for the file system's locks are klock, and for its threads other: most must be io.
    check_blocked_in(c, ours, own, "io", 303, 0, others_ns=ours["buckets"]["io"] * 0.2 + MS)
    c.at_least("io", ours["buckets"]["io"], 1)
