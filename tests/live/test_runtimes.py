# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Pools of Node.js and Bun, for real and small; runtimes that are missing, or go wrong."""

import os
import re
import shutil
import stat

from live import (CannotRun, Failure, PLANTED, Skip, check_report, for_each, load_report, scratch,
                  show, test, wallgap, timed)
from sites import check_complete, samples, waits
from test_bench import check_broken

WORKLOADS = ("math", "crypto", "transfer")
MODELS = ("single", "threads", "procs")
BUN = os.path.join(os.path.dirname(PLANTED), "bun", "bun")
MATH_NEAR = 1.1e-9  # relative; see user/model/sums.h

_report = None


def need(runtime):
    if runtime == "node" and not shutil.which("node"):
        raise CannotRun("no node in PATH: make deps installs it")
    if runtime == "bun" and not os.access(BUN, os.X_OK):
        raise Skip("make deps could not fetch Bun")


def matrix():
    """One small bench of all runtimes serves all tests here: (report, text, what it left)."""
    global _report
    if _report is None:
        need("node")
        need("bun")
        with scratch() as tmp:
            path = os.path.join(tmp, "a.wg")
            before = set(os.listdir("/tmp"))
            done = wallgap("bench", "--quick", "--workloads", ",".join(WORKLOADS), "--repeats", "3",
                           "-o", path, cwd=tmp)
            if done.status:
                raise Failure(f"bench: status {done.status}: {done.tail()}")
            left = sorted(set(os.listdir(tmp)) - {"a.wg"})
            left += sorted(f for f in set(os.listdir("/tmp")) - before
                           if re.match(r"perf-\d+\.map$|wallgap-\w{6}$|isolate-", f))
            _report = load_report(path), done.out, left
    return _report


def runs_of(runtime, workload=None, model=None):
    return [r for r in matrix()[0]["runs"] if r["runtime"] == runtime
            and workload in (None, r["workload"]) and model in (None, r["model"])]


@test
def test_matrix_complete(c):
    """Every pool was measured, adds up, agrees with the kernel, and leaves nothing behind."""
    report, _, left = matrix()
    check_report(c, report, counts=False)
    for runtime in ("native", "node", "bun"):
        for workload in WORKLOADS:
            for model in MODELS:
                c.equal(f"runs of {workload} {runtime} {model}",
                        len(runs_of(runtime, workload, model)), 3)
    c.equal("absent", report["absent"], [])
    c.equal("files left", left, [])
    for row in report["audit"]:
        if row["error"] is not None:
            c.at_most(f"audit error of {row['what']}", row["error"], 0.01)


@for_each(node="node", bun="bun")
@timed
def test_matrix_lanes(c, runtime):
    """Lanes are found by thread id, pinned by us, and sum to the window."""
    for r in runs_of(runtime):
        who = f"{r['label']} {r['repeat']}"
        lanes = [t for t in r["threads"] if t["role"] == "worker"]
        c.equal(f"lanes of {who}", len(lanes), 1 if r["model"] == "single" else 2)
        c.that(r["pinned"], f"{who} is not pinned")
        c.equal(f"processes of {who}", len({t["tgid"] for t in lanes}),
                2 if r["model"] == "procs" else 1)
        c.near(f"lane buckets of {who}", sum(r["lane_buckets"].values()), r["wall_ns"], 0.002)
        # waiting for work and for results is an event loop's, never a lock's
        if r["workload"] == "math":
            c.at_most(f"futex share of {who}", r["lane_buckets"]["futex"] / r["wall_ns"], 0.02)


@test
def test_matrix_results(c):
    """crypto and transfer to the last digit, math within what each sin() may be off."""
    for workload in WORKLOADS:
        sums = {w["checksum"] for r in matrix()[0]["runs"] if r["workload"] == workload
                for w in r["works"]}
        c.that(all(sums), f"an empty checksum in {workload}")
        if workload != "math":
            c.equal(f"different results of {workload}", len(sums), 1)
            continue
        values = [float(s) for s in sums]
        c.at_most("relative distance of the sums", (max(values) - min(values)) / max(map(abs, values)),
                  MATH_NEAR)
        # the loop itself, once more, in Python: its terms in the same order
        import math
        total = 0.0
        for i in range(1_000_000):
            total += math.sqrt(i) * math.sin(i)
        c.at_most("distance from the sum in Python", abs(values[0] - total) / abs(total), MATH_NEAR)
        c.note(", ".join(sorted(sums)))


@for_each(node="node", bun="bun")
def test_matrix_stacks(c, runtime):
    """95% of stacks reach the thread's entry; Bun's hashing is the exception, see the README."""
    for workload in WORKLOADS:
        runs = runs_of(runtime, workload)
        if (runtime, workload) != ("bun", "crypto"):
            check_complete(c, f"samples of {workload}", [s for r in runs for s in samples(r)], 0.95)
        check_complete(c, f"waits of {workload}", [s for r in runs for s in waits(r)], 0.95)


@test
def test_matrix_node_names(c):
    """The loops of the workloads by their names in JavaScript."""
    for workload, function in (("math", "sumOfWaves"), ("crypto", "hashTexts"),
                               ("transfer", "fillBuffer")):
        for model in MODELS:
            got = [s for r in runs_of("node", workload, model) for s in samples(r)
                   if s["role"] == "worker" and s["bucket"] != "cpu_kernel"]
            inside = sum(s["count"] for s in got if any(function in f for f in s["stack"]))
            c.at_least(f"share of {function} in {workload} {model}",
                       inside / (sum(s["count"] for s in got) or 1),
                       0.5 if workload == "transfer" else 0.7)


@test
def test_matrix_helpers(c):
    """Threads of the runtime itself are helpers, named by where they start or by their name."""
    for runtime, kind in (("node", "V8 platform worker"),):
        for r in runs_of(runtime):
            kinds = [t["kind"] for t in r["threads"] if t["role"] == "helper" and t["start"]]
            c.that(kind in kinds, f"no {kind} in {r['label']}: {sorted(set(kinds))}")
            c.equal(f"helpers of no kind in {r['label']}", kinds.count(""), 0)


@test
def test_matrix_versions(c):
    got = {r["name"]: r for r in matrix()[0]["runtimes"]}
    c.equal("runtimes", sorted(got), ["bun", "native", "node"])
    c.that("openssl" in got["node"]["libs"], f"libraries of node: {got['node']['libs']}")
    c.that("boringssl" in got["bun"]["libs"], f"libraries of bun: {got['bun']['libs']}")
    c.that("--perf-basic-prof" in got["node"]["flags"], f"flags of node: {got['node']['flags']}")
    c.that(re.match(r"v\d+\.\d+\.\d+$", got["node"]["version"]), got["node"]["version"])


@test
@timed
def test_matrix_headlines(c):
    """Each claim for each runtime, decided by its interval, in JSON and in words."""
    report, text, _ = matrix()
    seen = {(h["id"], h["b"]["runtime"]) for h in report["headlines"]}
    for claim in ("math-alike", "crypto-threads", "transfer-procs", "transfer-threads",
                  "transfer-memory"):
        for runtime in ("native", "node", "bun"):
            c.that((claim, runtime) in seen, f"no headline {claim} of {runtime}")
    c.that(("math-runtimes", "node") in seen, "no headline of node against bun")
    for h in report["headlines"]:
        who = f"{h['id']} of {h['b']['runtime']}"
        c.that(h["lo"] <= h["value"] <= h["hi"], f"{who}: {h['lo']} {h['value']} {h['hi']}")
        c.that(h["claim"] in text, f"{who}: its claim is not in the report")
        c.that(" ".join(h["why"].split()) in " ".join(text.split()),
               f"{who}: '{h['why']}' is not in the report")
        if h["unit"] == "ratio":
            wall = {m: sorted(r["wall_ns"] for r in runs_of(h[m]["runtime"], h["workload"],
                                                           h[m]["model"]))[1] for m in "ab"}
            c.near(f"{who}: ratio of medians", h["value"], wall["b"] / wall["a"], 1e-6)
    reversed_ = [h for h in report["headlines"] if h["verdict"] == "reversed"]
    c.that(all(h["hi"] < 1 for h in reversed_), "reversed, and the interval says no such thing")
    c.note(", ".join(f"{h['id']} {h['b']['runtime']}: {h['verdict']}" for h in report["headlines"]))


# --- what is missing, and what goes wrong


@test
def test_runtime_missing(c):
    """A runtime that is not there is a row of the report; the others are measured."""
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("bench", "--quick", "--runtimes", "native,node,bun=/nonexistent/bun",
                       "--workloads", "math", "--models", "threads", "--repeats", "1", "-o", path,
                       PATH="/nonexistent")
        c.equal("status", done.status, 0)
        absent = {a["runtime"]: a for a in load_report(path)["absent"]}
        c.equal("absent", sorted(absent), ["bun", "node"])
        c.that("not found in PATH" in absent["node"]["why"], absent["node"]["why"])
        c.that("/nonexistent/bun: No such file" in absent["bun"]["why"], absent["bun"]["why"])
        for why in absent.values():
            c.that(not why["failed"], f"{why} is called a failure")
            c.that(why["why"] in " ".join(done.out.split()), f"'{why['why']}' is not in the report")
        alone = wallgap("bench", "--runtimes", "node", cwd=tmp, PATH="/nonexistent")
        c.equal("status with nothing to measure", alone.status, 1)
        c.that(alone.err.startswith("wallgap bench: node: not found in PATH"), alone.err)


def script(folder, text):
    path = os.path.join(folder, "runner")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/bash\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return path


@for_each(no_runtime=("exec ls", (), r'before "hello"'),
          junk=('echo "hello there" >&$WALLGAP_OUT_FD; sleep 60', (), 'junk .*hello there'),
          silent=("sleep 60", ("--timeout", "1"), "did not answer .*within 1 s"),
          dies=("kill -9 $$", (), "killed by signal 9"))
def test_runner_broken(c, case):
    body, options, words = case
    with scratch() as tmp:
        check_broken(c, "threads", {}, options, words, runtime=f"mine={script(tmp, body)}")


@for_each(node_threads=("node", "threads"), node_procs=("node", "procs"),
          bun_threads=("bun", "threads"), bun_procs=("bun", "procs"))
def test_runtime_crash(c, case):
    runtime, model = case
    need(runtime)
    check_broken(c, model, {"WALLGAP_TEST_CRASH": 1}, (),
                 "signal|crash|killed|abort|segmentation", runtime=runtime)


@for_each(node=("node", "threads"), bun=("bun", "procs"))
def test_runtime_hang(c, case):
    runtime, model = case
    need(runtime)
    check_broken(c, model, {"WALLGAP_TEST_HANG": 1}, ("--timeout", "3"), "3 s|time|hang",
                 runtime=runtime)


@test
def test_one_fails_others_go_on(c):
    """A runner that goes wrong is a line and status 1; what the others did is kept."""
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        broken = script(tmp, "exec false")
        done = wallgap("bench", "--quick", "--runtimes", f"native,mine={broken}", "--workloads",
                       "math", "--models", "threads,procs", "--repeats", "2", "-o", path)
        c.equal("status", done.status, 1)
        report = load_report(path)
        c.equal("runs", [r["runtime"] for r in report["runs"]], ["native"] * 4)
        # it gave no hello: tried once, not for every pool
        c.equal("failures", [(a["runtime"], a["failed"]) for a in report["absent"]], [("mine", True)])
        c.equal("lines on stderr", len(done.err.strip().splitlines()), 1)
        c.that(report["absent"][0]["why"] in done.err, show(done.err))
        c.that("failed " in done.out, "the report does not say so")


@test
def test_two_of_one_name(c):
    """Two binaries of one runtime are two rows, told apart by version."""
    need("node")
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        other = os.path.join(tmp, "node")
        os.symlink(os.path.realpath(shutil.which("node")), other)
        done = wallgap("bench", "--quick", "--runtimes", f"node,node={other},{other}-nope",
                       "--workloads", "math", "--models", "threads", "--repeats", "1", "-o", path)
        c.equal("status", done.status, 0)
        names = sorted(r["runtime"] for r in load_report(path)["runs"])
        c.equal("runtimes", len(set(names)), 2)
        for name in names:
            c.that(re.match(r"node \d+\.\d+\.\d+( \(2\))?$", name), f"the name is {name}")


@test
def test_untouched(c):
    """A buffer that nobody touches costs nothing where it is moved: no page of it is there."""
    need("node")
    faults = {}
    with scratch() as tmp:
        for name, options in (("touched", ()), ("untouched", ("--no-touch",))):
            path = os.path.join(tmp, name)
            done = wallgap("bench", "--quick", "--runtimes", "native,node", "--workloads", "transfer",
                           "--models", "threads", "--repeats", "3", *options, "-o", path)
            c.equal(f"status {name}", done.status, 0)
            for r in load_report(path)["runs"]:
                faults.setdefault((r["runtime"], name), []).append(
                    sum(t["faults_minor"] for t in r["threads"]))
    pages = 2 * (100 << 20) // 4096
    for runtime in ("native", "node"):
        c.at_least(f"faults of {runtime}, touched", min(faults[runtime, "touched"]), pages)
        c.at_most(f"faults of {runtime}, untouched", max(faults[runtime, "untouched"]), pages / 20)
    c.note(f"{faults}")
