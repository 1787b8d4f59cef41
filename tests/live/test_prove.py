# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""bench --prove: a gap whose cause is known goes when the cause is switched off, and the report
says so; where there is no gap nothing is claimed; a variant that fails is told and no failure."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time

from live import (WALLGAP, Failure, Mark, Skip, bpf_programs, check_report, load_report,
                  programs_left, scratch, show, test, wallgap, timed)

REPEATS = 3  # of bench --quick
# One malloc arena for all threads, and no cache in front of it: every malloc takes its lock.
ONE_ARENA = {"MALLOC_ARENA_MAX": "1", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def two_cpus():
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU: threads do not meet in a lock")


def prove(path, workload, *options, runtime="native", **env):
    done = wallgap("bench", "--quick", "--prove", "--runtimes", runtime, "--workloads", workload,
                   "--models", "procs,threads", *options, "-o", path, **env)
    if done.status:
        raise Failure(f"bench --prove: status {done.status}: {done.tail()}")
    return done, load_report(path)


def gap_of(report):
    gaps = report["gaps"]
    if len(gaps) != 1 or (gaps[0]["a"], gaps[0]["b"]) != ("procs", "threads"):
        raise Failure(f"gaps: {[(g['a'], g['b']) for g in gaps]}")
    return gaps[0]


def prove_by(tmp, variant, workload, **kw):
    """Until it is proved by this switch, three times at most: other work on the machine can hide a
    gap. Five repeats of more work than --quick has, for the same reason."""
    for i in range(3):
        path = os.path.join(tmp, f"{i}.wg")
        done, report = prove(path, workload, "--repeats", "5", "--tasks", "6", **kw)
        if any(variant in str(x) for x in report["absent"] + gap_of(report)["proofs"]):
            return path, done, report
    if "other tasks took more than" in done.out:
        raise Skip(f"other work on the machine hides the gap of {workload}")
    raise Failure(f"nothing was proved by {variant}: {done.err}")


def check_proofs(c, report, repeats=REPEATS):
    """What holds of every recording of --prove, whatever was found."""
    gap = gap_of(report)
    check_report(c, report, counts=False)
    variants = {r["variant"] for r in report["runs"]} - {""}
    c.equal("proofs", {p["variant"] for p in gap["proofs"]}, variants)
    for model in ("procs", "threads"):
        c.equal(f"repeats of {model}", [r["repeat"] for r in report["runs"] if
                                        r["model"] == model and not r["variant"]],
                list(range(2 * repeats if variants else repeats)))
        for variant in variants:
            runs = [r for r in report["runs"] if (r["model"], r["variant"]) == (model, variant)]
            c.equal(f"repeats of {model} {variant}", [r["repeat"] for r in runs],
                    list(range(repeats)))
            for r in runs:
                c.that(r["label"].endswith(f"/{model}+{variant}"), f"label {r['label']}")
    c.equal("checksums", len({w["checksum"] for r in report["runs"] for w in r["works"]}), 1)
    c.equal("sizes", len({r["detail"] for r in report["runs"]}), 1)
    for p in gap["proofs"]:
        who = p["variant"]
        cause = sum(x["delta_ns"] for x in gap["parts"] if who in x["switches"])
        c.equal(f"predicted of {who}", p["predicted_ns"], cause)
        c.equal(f"predicted gap of {who}", p["predicted_gap_ns"] + cause, gap["gap_ns"])
        c.near(f"went away of {who}", p["went_away_ns"], gap["gap_ns"] - p["gap_ns"], 0, 2)
        c.near(f"gap of {who}", p["gap_ns"], p["b_wall_ns"] - p["a_wall_ns"], 0, 2)
        c.that(p["lo_ns"] <= p["gap_ns"] <= p["hi_ns"], f"interval of {who}")
        c.that(p["verdict"] in p["text"], f"text of {who}: {p['text']}")
        c.note(f"{who}: {p['verdict']}, {(p['went_away_share'] or 0):.0%} of "
               f"{gap['gap_ns'] / 1e6:.1f} ms, {(p['predicted_share'] or 0):.0%} predicted")
    return {p["variant"]: p for p in gap["proofs"]}


@test
@timed
def test_prove_crypto_query(c):
    """Threads take twice as long and more by one lock: with a context for each it is gone."""
    two_cpus()
    with scratch() as tmp:
        path, done, report = prove_by(tmp, "private-contexts", "crypto-query")
        gap = gap_of(report)
        proofs = check_proofs(c, report, 5)
        c.equal("verdict", gap["verdict"], "slower")
        for variant in ("private-contexts", "fetched-once"):
            if not c.that(variant in proofs, f"no proof by {variant}"):
                continue
            p = proofs[variant]
            c.equal(f"verdict of {variant}", p["verdict"], "confirmed")
            c.that("lock wait" in p["causes"], f"causes: {p['causes']}")
            c.at_least("predicted share", p["predicted_share"], 0.3)
            # what is left is the noise of two walls that are a third of these
            c.between("share that went away", p["went_away_share"], 0.6, 1.4)
        c.that("    proof  confirmed" in done.out and "library context" in done.out,
               "no proof in the text")
        rows = sqlite3.connect(path).execute(
            "SELECT workload, variant, count(*) FROM run GROUP BY variant").fetchall()
        c.that(("crypto-query", "", 20) in rows and
               ("crypto-query", "private-contexts", 10) in rows, f"rows: {rows}")
        same = wallgap("compare", "--labels", "a,b", "--format", "json", path, path)
        c.equal("status of compare with itself", same.status, 0)
        c.that("runs of --prove are left out" in same.err, show(same.err))
        for g in json.loads(same.out)["gaps"]:
            c.equal("gap with itself", (g["gap_ns"], g["proofs"]), (0, []))


@test
@timed
def test_prove_crypto(c):
    """Traffic of shared cache lines is a small gap here, or too small to see: both are told."""
    two_cpus()
    with scratch() as tmp:
        done, report = prove(os.path.join(tmp, "a.wg"), "crypto")
        proofs = check_proofs(c, report)
        if not proofs:
            c.that("crypto: nothing to prove" in done.err, f"stderr: {done.err}")
            c.note("no gap with a switch was seen")
        elif "private-contexts" in proofs:
            p = proofs["private-contexts"]
            c.equal("causes", [x for x in p["causes"] if not x.startswith("lock ")], [])
            # the lock is gone and the gap goes with it, or the noise hides both
            c.that(p["verdict"] in ("confirmed", "in part", "undecided"), p["text"])


@test
@timed
def test_prove_arena(c):
    """By a variable of the environment, in place of the one that made the gap."""
    two_cpus()
    with scratch() as tmp:
        _, _, report = prove_by(tmp, "many-arenas", "crypto", **ONE_ARENA)
        p = check_proofs(c, report, 5)["many-arenas"]
        c.that("lock wait" in p["causes"], f"causes: {p['causes']}")
        # the waits go for certain; that the gap does too, noise may hide
        c.at_most("of the waits left", p["left_ns"] / p["predicted_ns"], 0.5)
        c.that(p["verdict"] in ("confirmed", "in part", "undecided"), p["text"])


@test
@timed
def test_prove_nothing(c):
    """No gap, no proof: nothing is run a second time, and a line says so."""
    with scratch() as tmp:
        done, report = prove(os.path.join(tmp, "a.wg"), "math")
        runs = [r for r in report["runs"] if r["variant"]]
        # on a busy machine lanes may wait for a CPU: that has a switch
        c.equal("variants", {r["variant"] for r in runs} - {"not-pinned"}, set())
        if not runs:
            c.that(re.search(r"^wallgap bench: math: nothing to prove", done.err, re.M), done.err)


@test
def test_prove_cannot(c):
    """A variant whose runner fails is an absence; the bench is done all the same."""
    two_cpus()
    native = os.path.join(os.path.dirname(WALLGAP), "build", "wallgap-native")
    with scratch() as tmp:
        runner = os.path.join(tmp, "odd")
        with open(runner, "w") as f:
            f.write('#!/bin/sh\n[ "$MALLOC_ARENA_MAX" = 1 ] || { echo no more arenas; exit 3; }\n'
                    f'exec {native}\n')
        os.chmod(runner, 0o755)
        _, _, report = prove_by(tmp, "many-arenas", "crypto", runtime=f"odd={runner}", **ONE_ARENA)
        absent = [a for a in report["absent"] if a["model"].endswith("+many-arenas")]
        c.equal("absences", sorted((a["model"], a["failed"]) for a in absent),
                [("procs+many-arenas", False), ("threads+many-arenas", False)])
        c.that(all("no more arenas" in a["why"] for a in absent), f"why: {absent}")
        c.equal("runs of it", [r for r in report["runs"] if r["variant"] == "many-arenas"], [])


@test
def test_prove_usage(c):
    for options in (("--repeats", "2"), ("--no-stacks",)):
        done = wallgap("bench", "--prove", *options)
        c.equal(f"status with {options}", done.status, 2)
        c.that("--prove needs" in done.err, done.err)


def wait_for_variant(p, mark, seconds=60):
    """Until a third orchestrator is there: the pools without a switch are two."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and p.poll() is None:
        parents = []
        for pid, comm in mark.alive():
            try:
                with open(f"/proc/{pid}/stat") as f:
                    parents.append(int(f.read().rsplit(")", 1)[1].split()[1]) == p.pid and
                                   comm == "wallgap-native")
            except OSError:
                pass
        if sum(parents) > 2:
            return True
        time.sleep(0.02)
    return False


def start_prove(path, mark):
    return subprocess.Popen([WALLGAP, "bench", "--quick", "--prove", "--runtimes", "native",
                             "--workloads", "crypto-query", "--models", "procs,threads",
                             "--repeats", "5", "--tasks", "6", "-o", path],
                            env=mark.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


@test
def test_prove_interrupt(c):
    """Ctrl-C while variants are built or run: what was seen without a switch is whole."""
    two_cpus()
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        p = start_prove(path, mark)
        tries = 1
        while not wait_for_variant(p, mark):
            if p.poll() is None or tries == 3:
                mark.gone(0)
                raise Skip("no variant was built: other work on the machine hides the gap")
            p = start_prove(path, mark)
            tries += 1
        os.killpg(p.pid, signal.SIGINT)
        try:
            c.equal("status", p.wait(30), 130)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            raise Failure("does not end at the first Ctrl-C") from None
        report = load_report(path)
        c.that(report["interrupted"], "the recording does not say that it was interrupted")
        whole = [r for r in report["runs"] if not r["variant"] and not r["interrupted"]]
        c.at_least("whole runs without a switch", len(whole), 2 * 5)
        c.that(len(gap_of(report)["parts"]) > 1, "the gap has no parts")
        c.that(not mark.gone(), "a runner is left running")
        c.that(not programs_left(programs), "BPF programs are left")
