# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Pools of the native runner: what `bench` reports of them, and when a runner goes wrong."""

import json
import os
import re
from statistics import median

from live import (CLOSURE_SHARE, Failure, Mark, Skip, bpf_programs, check_report, closure_room,
                  for_each, load_report, programs_left, scratch, show, test, wallgap, timed)

WORKLOADS = ("math", "crypto-query", "churn", "populate")
MODELS = ("single", "threads", "procs")
# a lock that makes less of a gap than this may come behind what chance and other work make
LOCK_SHARE = 0.2

_report = None


def bench_of(*workloads):
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("bench", "--quick", "--runtimes", "native", "--workloads", ",".join(workloads),
                       "-o", path)
        if done.status:
            raise Failure(f"bench: status {done.status}: {done.tail()}")
        return load_report(path)


def bench_report():
    """One quick bench serves all tests here."""
    global _report
    if _report is None:
        _report = bench_of(*WORKLOADS)
    return _report


def runs_of(workload, model):
    return [r for r in bench_report()["runs"] if r["workload"] == workload and r["model"] == model]


def lane_share(workload, model, bucket):
    """Median over the repeats of a bucket's share of lane time."""
    return median(r["lane_buckets"][bucket] / r["wall_ns"] for r in runs_of(workload, model))


@test
def test_bench_complete(c):
    report = bench_report()
    check_report(c, report, counts=False)
    for workload in WORKLOADS:
        for model in MODELS:
            c.that(runs_of(workload, model), f"no run of {workload} {model}")
    for r in report["runs"]:
        who = f"{r['workload']} {r['model']} {r['repeat']}"
        c.equal(f"runtime of {who}", r["runtime"], "native")
        c.equal(f"exit of {who}", r["exit_status"], 0)
        for key in ("cpu_workers_ns", "wall_ns", "work_ns", "rss_avg_bytes", "rss_peak_bytes",
                    "rss_sum_peak_bytes", "pgtables_peak_bytes"):
            c.that(r[key] and r[key] > 0, f"{key} of {who} is {r[key]}")
        c.that(r["cpu_orchestrator_ns"] is not None, f"no orchestrator in {who}")
        c.at_most(f"work of {who} against its window", r["work_ns"], r["wall_ns"])


@test
def test_bench_lanes(c):
    worst = 0
    for r in bench_report()["runs"]:
        who = f"{r['workload']} {r['model']} {r['repeat']}"
        workers = [t for t in r["threads"] if t["role"] == "worker"]
        c.equal(f"worker threads of {who}", len(workers), r["workers"])
        if r["model"] == "single":
            c.equal(f"workers of {who}", r["workers"], 1)
        if r["model"] == "procs":
            c.equal(f"processes of {who}", len({t["tgid"] for t in workers}), r["workers"])
        if r["model"] == "threads":
            c.equal(f"processes of {who}", len({t["tgid"] for t in workers}), 1)
        for t in workers:
            # Each row of a snapshot is made at its own moment.
            c.near(f"wall of worker {t['tid']} of {who}", t["wall_ns"], r["wall_ns"], 0,
                   closure_room(r["wall_ns"]))
        total = sum(r["lane_buckets"].values())
        worst = max(worst, abs(total - r["wall_ns"]) / r["wall_ns"])
        c.near(f"sum of lane_buckets of {who}", total, r["wall_ns"], CLOSURE_SHARE)
    c.note(f"worst {worst:.5%}")


@test
def test_bench_checksums(c):
    for workload in WORKLOADS:
        sums = {w["checksum"] for m in MODELS for r in runs_of(workload, m) for w in r["works"]}
        c.equal(f"different checksums of {workload}", len(sums), 1)
        c.that(all(sums), f"an empty checksum in {workload}")


@test
@timed
def test_bench_math(c):
    """No lock, no wait: a pinned lane is on the CPU nearly all of the time."""
    for model in MODELS:
        waits = sum(lane_share("math", model, b) for b in ("futex", "klock", "io", "other"))
        c.at_most(f"waits of {model}", waits, 0.02)


@test
@timed
def test_bench_crypto_query(c):
    if os.cpu_count() < 2:
        raise Skip("one CPU: threads do not meet in a lock")
    shares = {m: lane_share("crypto-query", m, "futex") for m in MODELS}
    c.at_least("futex share of threads", shares["threads"], 0.10)
    c.at_most("futex share of procs", shares["procs"], 0.02)
    c.note(", ".join(f"{m} {s:.1%}" for m, s in shares.items()))


@for_each(populate="populate", churn="churn")
@timed
def test_bench_klock(c, workload):
    if os.cpu_count() < 2:
        raise Skip("one CPU: threads do not meet in a lock")
    shares = {m: lane_share(workload, m, "klock") for m in MODELS}
    c.at_least("klock share of threads", shares["threads"], 0.02)
    c.at_most("klock share of procs", shares["procs"], 0.02)
    mmap = [sum(t["klock_mmap_ns"] for t in r["threads"]) for r in runs_of(workload, "threads")]
    klock = [sum(t["buckets"]["klock"] for t in r["threads"]) for r in runs_of(workload, "threads")]
    c.at_least("share of mmap_lock in it", sum(mmap) / (sum(klock) or 1), 0.5)
    c.note(", ".join(f"{m} {s:.1%}" for m, s in shares.items()))


@test
def test_bench_text(c):
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("bench", "--quick", "--runtimes", "native", "--workloads", "math",
                       "--models", "threads,procs", "--repeats", "2", "-o", path)
        c.equal("status", done.status, 0)
        c.that(not re.search(r"[\x1b\r]", done.out + done.err), "escape codes when piped")
        for word in ("math", "threads", "procs", "audit", "losses"):
            c.that(word in done.out, f"no '{word}' in the report")
        c.that(path in done.out.strip().splitlines()[-1], "the file's name is not printed last")
        long = [line for line in done.out.splitlines() if len(line) > 100]
        c.that(not long, f"lines over 100 columns: {long[:3]}")
        repeats = [r["repeat"] for r in load_report(path)["runs"] if r["model"] == "threads"]
        c.equal("repeats of threads", sorted(repeats), [0, 1])


def check_broken(c, model, env, options, *words, runtime="native"):
    """bench with a runner that goes wrong: status 1, one line that says it, nothing left."""
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        done = wallgap("bench", "--quick", "--runtimes", runtime, "--workloads", "math",
                       "--models", model, "--workers", "2", *options, cwd=tmp, mark=mark, **env)
        lines = done.err.strip().splitlines() or [""]
        last = lines[-1]
        c.equal(f"lines on stderr with {model}", len(lines), 1)
        c.equal(f"stdout with {model}", done.out, "")
        c.equal(f"status with {model}", done.status, 1)
        for word in words:
            c.that(re.search(word, last, re.I), f"{model}: no /{word}/ in: {show(last)}")
        c.that(not mark.gone(), f"{model}: the runner is left running")
        stay = programs_left(programs)
        c.that(not stay, f"BPF programs left: {sorted(stay)}")
        c.equal(f"files left with {model}", os.listdir(tmp), [])
        c.note(last)


@for_each(threads="threads", procs="procs")
def test_bench_crash(c, model):
    check_broken(c, model, {"WALLGAP_TEST_CRASH": 1}, (), "signal|crash|killed|abort|segmentation")


@for_each(threads="threads", procs="procs")
def test_bench_hang(c, model):
    check_broken(c, model, {"WALLGAP_TEST_HANG": 1}, ("--timeout", "2"), r"2 s|time|hang")


@for_each(threads="threads", procs="procs")
def test_bench_wrong(c, model):
    check_broken(c, model, {"WALLGAP_TEST_WRONG": 1}, (), "checksum|disagree|wrong result")


@test
def test_compare(c):
    """Two recordings of pools: with itself no gap at all; with other work nothing to compare."""
    with scratch() as tmp:
        old, new, other = (os.path.join(tmp, f) for f in ("old.wg", "new.wg", "other.wg"))
        for path, workload in ((old, "math"), (new, "math"), (other, "churn")):
            done = wallgap("bench", "--quick", "--runtimes", "native", "--workloads", workload,
                           "--models", "threads", "--repeats", "3", "-o", path)
            c.equal(f"status of {path}", done.status, 0)
        same = wallgap("compare", "--labels", "a,b", "--format", "json", old, old)
        c.equal("status with itself", same.status, 0)
        for gap in json.loads(same.out)["gaps"]:
            c.equal("gap with itself", (gap["gap_ns"], gap["unexplained_ns"]), (0, 0))
            c.equal("verdict with itself", gap["verdict"], "no difference")
            c.equal("parts with itself", [p for p in gap["parts"] if p["delta_ns"]], [])
        two = wallgap("compare", "--format", "json", old, new)
        gaps = json.loads(two.out)["gaps"]
        c.equal("gaps", [(g["workload"], g["runtime"], g["a"], g["b"]) for g in gaps],
                [("math", "native threads", "old", "new")])
        for g in gaps:
            c.equal("parts and the rest", sum(p["delta_ns"] for p in g["parts"]) + g["unexplained_ns"],
                    g["gap_ns"])
        none = wallgap("compare", old, other)
        c.equal("status with nothing in common", none.status, 1)
        c.that("no workload in common" in none.err, show(none.err))
        for args in ((old,), (old, new, other), ("--labels", "a", old, new),
                     ("--format", "html", old, new)):
            c.equal(f"status of compare {args[:2]}", wallgap("compare", *args).status, 2)


@test
@timed
def test_bench_gaps(c):
    """The parts of every gap and what is unexplained sum to it."""
    gaps = bench_report()["gaps"]
    c.equal("gaps", len(gaps), 3 * len(WORKLOADS))
    for g in gaps:
        who = f"{g['workload']} {g['a']} {g['b']}"
        c.equal(f"sum of {who}", sum(p["delta_ns"] for p in g["parts"]) + g["unexplained_ns"],
                g["gap_ns"])
        c.near(f"gap of {who}", g["gap_ns"], g["b_wall_ns"] - g["a_wall_ns"], 0, 2)
        c.that(g["lo_ns"] <= g["gap_ns"] <= g["hi_ns"], f"interval of {who}")


def walls_of(report, workload, model):
    return [r["wall_ns"] for r in report["runs"] if (r["workload"], r["model"]) == (workload, model)]


def waits_of_gap(report, workload, bucket):
    """How much longer the lanes of threads waited in a bucket than those of processes, as a share of
    the gap of their walls; 0 where chance may have made the gap. By the ledger alone, whatever the
    explanation says."""
    procs, threads = (walls_of(report, workload, model) for model in ("procs", "threads"))
    if max(procs) >= min(threads):
        return 0
    waits = {model: median(r["lane_buckets"][bucket] for r in report["runs"]
                           if (r["workload"], r["model"]) == (workload, model)) for model in MODELS}
    return (waits["threads"] - waits["procs"]) / (median(threads) - median(procs))


@for_each(rwlock=("crypto-query", "futex", "lock wait", "rwlock"),
          mmap_lock=("churn", "klock", "mmap_lock", "mmap_lock"))
@timed
def test_bench_gap(c, case):
    """The lock that threads meet in comes first, where the machine lets them meet: where one of them
    mostly waits for a CPU, the gap is made of that and of TLB flushes that nobody answers."""
    workload, bucket, cause, word = case
    if os.cpu_count() < 2:
        raise Skip("one CPU: threads do not meet in a lock")
    report, shares = bench_report(), []
    while True:
        shares.append(waits_of_gap(report, workload, bucket))
        if shares[-1] >= LOCK_SHARE:
            break
        if len(shares) == 3:
            raise Skip(f"waits for the lock are {', '.join(f'{s:.0%}' for s in shares)} of the gap")
        report = bench_of(workload)
    g = next(g for g in report["gaps"] if (g["a"], g["b"]) == ("procs", "threads")
             and g["workload"] == workload)
    c.equal("verdict", g["verdict"], "slower")
    # on a machine with other work waiting for a CPU may come before it; TLB flushes stand beside it
    first = next(p for p in g["parts"] if p["cause"] not in ("run queue", "tlb"))
    c.equal("first cause", first["cause"], cause)
    c.that(first["holds"] and word in first["site"], f"first part: {first}")
    c.that(first["suggestion"], f"no suggestion: {first}")
    c.note(f"{first['cause']} {first['share']:.0%} {first['site'][:60]}; waits {shares[-1]:.0%} of the gap")
