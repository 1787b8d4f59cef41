# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Where memory costs time: page tables, huge pages, zeroing, unmapping, TLB flushes, mmap_lock."""

from live import MS, Skip, for_each, record, test, timed
from sites import (check_complete, check_sampled, faults, kernel_path, native, record_command,
                   samples, sampling_hz, tops, total, waits)

PAGE = 4096


def all_counts(run, key):
    return sum(t.get(key) or 0 for t in run["threads"])


def need_flushes(threads):
    if any(t["tlb_remote_flushes"] is None for t in threads):
        raise Skip("this kernel does not tell of TLB flushes")


def per_second(got, key):
    """Of the lane with most of it."""
    return max(t[key] for t in got.threads) / (got.run["wall_ns"] / 1e9)


@test
def test_ptgrow_sparse(c):
    """Page tables by the path that grew them, to the byte."""
    got = record(c, "ptgrow", "sparse", 509)
    sites = faults(got.run, "grow_here")
    c.at_least("page tables grown, by the kernel", got.truth["grown_bytes"], 509 * PAGE)
    c.equal("page tables grown at grow_here", total(sites, "pgtables_bytes"),
            got.truth["grown_bytes"])
    c.near("faults", total(sites), 509, 0.2, 64)
    c.equal("huge pages", total(sites, "huge_count"), 0)
    check_complete(c, "faults", sites)


@test
@timed
def test_ptgrow_classes(c):
    """Where each fault makes a page table and clears a page, samples tell the two apart."""
    got = record(c, "ptgrow", "sparse", 10007, options=("--freq", 4999))
    mine = samples(got.run, "grow_here")
    for kind in ("page fault: page tables", "page fault: zeroing"):
        share = total([s for s in mine if s["class"] == kind]) / max(1, total(mine))
        c.between(f"share of {kind}", share, 0.03, 0.9)
        c.note(f"{kind} {share:.1%}")


@test
def test_ptgrow_huge(c):
    got = record(c, "ptgrow", "huge", 61)
    if not got.truth["huge"]:
        raise Skip("no huge pages were to be had")
    ours, _ = got.pair("grower")
    sites = faults(got.run, "grow_here")
    c.equal("faults of the thread that put a huge page in place", ours["faults_huge"],
            got.truth["huge"])
    c.near("of them at grow_here", total(sites, "huge_count"), got.truth["huge"], 0.2, 16)
    c.equal("page tables grown at grow_here", total(sites, "pgtables_bytes"),
            got.truth["grown_bytes"])
    zeroing = [s for s in samples(got.run, "grow_here") if s["class"] == "page fault: zeroing"]
    c.at_least(f"samples in zeroing of those there: {tops(samples(got.run, 'grow_here'))}",
               total(zeroing), 0.5 * total(samples(got.run, "grow_here")))


@test
@timed
def test_fault_sites(c):
    """Faults by path: estimated from some, so near the exact count; their time is the bucket's."""
    got = record(c, "faults", 100003, "write")
    ours, _ = got.pair("toucher")
    sites = faults(got.run)
    c.near("faults of all sites against the thread's", total(sites), ours["faults_minor"], 0.05, 64)
    c.near("time of all sites against the bucket", total(sites, "total_ns"),
           ours["buckets"]["cpu_fault"], 0.2, MS)
    check_complete(c, "faults", sites)


@test
@timed
def test_unmap(c):
    """Filling and unmapping: each in its function, in its class, as much as the CPU clock says."""
    got = record(c, "ptgrow", "unmap", 211)
    drop = samples(got.run, "drop_here")
    check_sampled(c, "in drop_here", drop, got.truth["drop_ns"], got.run)
    classed = [s for s in drop if s["class"] in ("unmap", "TLB flush", "interrupts", "tracing")]
    c.at_least(f"of class unmap: { {s['class'] for s in drop} }", total(classed), 0.9 * total(drop))
    check_sampled(c, "in fill_here", samples(got.run, "fill_here"), got.truth["fill_ns"], got.run)
    filling = [s for s in samples(got.run, "fill_here") if kernel_path(s)]
    in_fault = [s for s in filling if s["class"].startswith("page fault")]
    c.at_least(f"of class page fault: { {s['class'] for s in filling} }", total(in_fault),
               0.8 * total(filling))
    zeroing = [s for s in filling if s["class"] == "page fault: zeroing"]
    c.at_least("zeroing", total(zeroing), 1)


@for_each(threads="threads", procs="procs")
@timed
def test_tlbflush(c, form):
    got = record(c, "tlbflush", form, 5003)
    ours, _ = got.pair("flusher")
    need_flushes([ours])
    if form == "threads":
        c.between("flushes asked of other CPUs", ours["tlb_remote_flushes"], 0.9 * 5003, 5003 + 500)
        # Hypervisors flush in ways of their own, without an interrupt that the guest sends.
        c.between("interrupts sent", ours["ipis_sent"] or 0, 0, ours["tlb_remote_flushes"] + 500)
    else:
        c.at_most("flushes asked of other CPUs", ours["tlb_remote_flushes"], 50)
    c.at_least("flushes of its own", ours["tlb_local_flushes"], 0.9 * 5003)


@test
@timed
def test_churn(c):
    """mmap and munmap in threads of one process meet at mmap_lock and flush each other's TLB;
    in processes neither."""
    runs = {m: record_command(native("churn", m, n=n), truth=False)
            for m, n in (("threads", 5003), ("procs", 20011))}
    mmap_ns, flushes = {}, {}
    for model, got in runs.items():
        need_flushes(got.threads)
        mmap_ns[model] = total([s for s in waits(got.run, "klock")
                                if s["lock_type"] == "mmap_lock"], "total_ns")
        flushes[model] = all_counts(got.run, "tlb_remote_flushes")
    wall = sum(t["wall_ns"] for t in runs["threads"].threads)
    klock = total(waits(runs["threads"].run, "klock"), "total_ns")
    c.at_least("threads: mmap_lock's share of wall", mmap_ns["threads"] / wall, 0.005)
    c.at_least("threads: mmap_lock's share of kernel locks", mmap_ns["threads"] / max(1, klock),
               0.5)
    c.at_most("procs: mmap_lock's time", mmap_ns["procs"], max(MS, 0.01 * mmap_ns["threads"]))
    # On two CPUs one thread mostly sleeps while the other flushes; tlbflush counts exactly.
    c.at_least("threads: remote TLB flushes", flushes["threads"], 101)
    # A process goes on flushing the CPU it was born on for a second: the kernel trims lazily.
    c.at_most("procs: remote TLB flushes", flushes["procs"],
              2 * 1.2 * per_second(runs["procs"], "tlb_local_flushes") + 101)
    check_complete(c, "klock waits", waits(runs["threads"].run, "klock"))
    c.note(f"mmap_lock {mmap_ns}, remote flushes {flushes}")


@test
@timed
def test_klock_sites(c):
    """The lock that two threads of a process fight over is their own mmap_lock."""
    got = record(c, "klock", 401, 5003)
    sites = waits(got.run, "klock")
    own = [s for s in sites if s["lock_type"] in ("mmap_lock", "VMA lock")]
    ours, _ = got.pair("waiter")
    c.at_least(f"of kernel locks (not: {tops([s for s in sites if s not in own])})",
               total(own, "total_ns"), 0.95 * total(sites, "total_ns"))
    c.near("time of the sites against the bucket", total(sites, "total_ns"),
           sum(t["buckets"]["klock"] for t in got.threads), 0.01, MS)
    c.at_least("waits below waiter", total(waits(got.run, "klock", "waiter"), "total_ns"),
               0.9 * ours["buckets"]["klock"])
    check_complete(c, "waits", sites)


@test
@timed
def test_transfer(c):
    """Fresh buffers: zeroing by its samples; page tables, one in 512 pages, by their bytes."""
    got = record_command(native("transfer", "threads"), truth=False,
                         options=("--freq", 4999))
    classes = {}
    for s in samples(got.run):
        if s.get("class"):
            classes[s["class"]] = classes.get(s["class"], 0) + s["count"]
    zeroing = classes.get("page fault: zeroing", 0)
    c.at_least(f"samples in zeroing: {classes}", zeroing, 3)
    grown = total(faults(got.run), "pgtables_bytes")
    c.at_least("page tables grown", grown, 2 * 100_000_000 // (2 << 20) * PAGE * 0.9)
    c.note(f"{classes} at {sampling_hz(got.run)} Hz, page tables {grown:,} bytes")
