# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The runner of workloads/guide.md: that the page shows it, that `bench` can drive it, that it does
the native runner's work to the last bit, and that the GIL shows up as what it is."""

import os
import re
import sys
from statistics import median

from live import (CLOSURE_SHARE, ON_CPU, Failure, Skip, check_report, load_report, ms, scratch,
                  test, wallgap, timed)
from sites import check_complete, total, user_path, waits

RUNNER, GUIDE = "workloads/python/runner.py", "workloads/guide.md"
PYTHON = "python=" + RUNNER
WORKLOADS, MODELS = ("math", "crypto"), ("threads", "procs")

_reports = {}


def bench_report(runtime, workloads=WORKLOADS, repeats=3):
    """One bench of each serves all tests here. The runner is run by our own Python."""
    if (runtime, workloads) not in _reports:
        path = os.path.dirname(os.path.abspath(sys.executable)) + ":" + os.environ["PATH"]
        with scratch() as tmp:
            out = os.path.join(tmp, "a.wg")
            done = wallgap("bench", "--quick", "--runtimes", runtime, "--workloads",
                           ",".join(workloads), "--models", ",".join(MODELS), "--workers", 2,
                           "--tasks", 4, "--repeats", repeats, "-o", out, PATH=path)
            if done.status:
                raise Failure(f"bench of {runtime}: status {done.status}: {done.tail()}")
            _reports[runtime, workloads] = load_report(out)
    return _reports[runtime, workloads]


def python_runs(workload, model):
    return [r for r in bench_report(PYTHON)["runs"]
            if (r["workload"], r["model"]) == (workload, model)]


def need_gil():
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise Skip("a Python without GIL")


def median_share(runs, *buckets):
    """Of a lane's wall time."""
    return median(sum(r["lane_buckets"][b] for b in buckets) / r["wall_ns"] for r in runs)


def lane_waits(runs):
    """Of the lanes only: the orchestrator takes the GIL as well."""
    return [s for r in runs for s in waits(r, "futex") if s["role"] == "worker"]


@test
def test_guide_code(c):
    """The page's pieces, put together, are the program; blank lines between them aside."""
    with open(RUNNER) as f:
        program = f.read()
    with open(GUIDE) as f:
        pieces = re.findall(r"^```python\n(.*?)^```$", f.read(), re.M | re.S)
    c.that(pieces, "no code in the page")
    shown, real = ([line for line in text.splitlines() if line]
                   for text in ("".join(pieces), program))
    for number, (a, b) in enumerate(zip(shown, real)):
        if not c.equal(f"line {number} of the page's code, blank ones not counted", a, b):
            return
    c.equal("lines", len(shown), len(real))
    c.that(os.access(RUNNER, os.X_OK), f"{RUNNER} is not executable")


@test
def test_guide_bench(c):
    check_report(c, bench_report(PYTHON), counts=False)
    for workload in WORKLOADS:
        for model in MODELS:
            runs = python_runs(workload, model)
            c.equal(f"runs of {workload} {model}", len(runs), 3)
            for r in runs:
                check_lanes(c, r)


@test
def test_guide_checksums(c):
    """To the last bit. Buffers of transfer arrive, by mapping and by memfd, as they were sent."""
    for workloads in (WORKLOADS, ("transfer",)):
        python, native = ({(r["workload"], w["checksum"]) for r in bench_report(*which)["runs"]
                           for w in r["works"]}
                          for which in ((PYTHON, workloads, 3), ("native", workloads, 1)))
        c.equal("workloads and their checksums against the native runner's", python, native)
        c.equal(f"checksums of {workloads}", len(python), len(workloads))


def check_lanes(c, r):
    who = f"{r['workload']} {r['model']} {r['repeat']}"
    lanes = [t for t in r["threads"] if t["role"] == "worker"]
    c.equal(f"lanes of {who}", len(lanes), 2)
    c.equal(f"processes of {who}", len({t["tgid"] for t in lanes}),
            2 if r["model"] == "procs" else 1)
    c.that(all(t["tid"] != t["tgid"] for t in lanes), f"a lane of {who} is a main thread")
    c.near(f"sum of lane_buckets of {who}", sum(r["lane_buckets"].values()), r["wall_ns"],
           CLOSURE_SHARE)


def quiet(runs):
    """Those in which others left us the CPUs: they make lanes wait for these, and slow processes
    more than threads, which use no more than one CPU."""
    return [r for r in runs if r["other_cpu_ns"] < 0.1 * r["wall_ns"] * os.cpu_count()]


@test
@timed
def test_guide_gil_times(c):
    """Of two lanes, each waits for half of the time. Processes do not, and get twice the CPU time in a
    second. What they make of it is the machine's: two CPUs of one core are slower when both work."""
    need_gil()
    if os.cpu_count() < 2:
        raise Skip("one CPU: processes take as long as threads")
    for workload in WORKLOADS:
        threads, procs = (quiet(python_runs(workload, model)) for model in MODELS)
        if not threads or not procs:
            raise Skip(f"others took more than 10% of the CPUs in all runs of {workload}")
        share = median_share(threads, "futex")
        c.between(f"futex share of {workload} in threads", share, 0.35, 0.6)
        more = median_share(procs, *ON_CPU) / median_share(threads, *ON_CPU)
        c.between(f"{workload}: CPU time in a second, processes to threads", more, 1.5, 3)
        longer = min(r["wall_ns"] for r in threads) / min(r["wall_ns"] for r in procs)
        c.note(f"{workload}: {longer:.2f} times as long, {more:.2f} times the CPU time in a second, "
               f"{share:.0%} in futex waits")


@test
@timed
def test_guide_gil_one(c):
    """One lane at a time on a CPU, whatever others do: half each, and what handing over takes."""
    need_gil()
    for workload in WORKLOADS:
        threads, procs = (python_runs(workload, model) for model in MODELS)
        share = median_share(threads, *ON_CPU)
        c.at_most(f"on-CPU share of a lane of {workload} in threads", share, 0.54)
        c.at_most(f"futex share of {workload} in procs", median_share(procs, "futex"), 0.01)
        c.note(f"{workload}: {share:.0%} on a CPU")


@test
@timed
def test_guide_gil_sites(c):
    need_gil()
    for workload in WORKLOADS:
        sites = lane_waits(python_runs(workload, "threads"))
        gil = [s for s in sites if s["lock_type"] == "GIL"]
        c.at_least(f"{workload}: GIL's share of the lanes' futex time",
                   total(gil, "total_ns") / (total(sites, "total_ns") or 1), 0.9)
        c.equal(f"{workload}: classes of it", {s["class"] for s in gil}, {"contention"})
        c.that(not any(s["idle"] for s in gil), f"{workload}: waiting for the GIL is called idle")
        c.that(all("_PyEval_EvalFrameDefault" in user_path(s) for s in gil
                   if s["stack_end"] == "complete"), f"{workload}: waits outside the interpreter")
        check_complete(c, f"waits of {workload}", sites)
        for r in python_runs(workload, "procs"):
            own = [s for s in waits(r, "futex") if s["lock_type"] == "GIL"]
            c.at_most(f"{workload}: GIL in a run of procs", total(own, "total_ns"),
                      0.01 * r["wall_ns"])
        c.note(f"{workload}: {ms(total(gil, 'total_ns'))} in {total(gil):,} waits")
