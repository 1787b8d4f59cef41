#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Golden tests: recordings to reports, against the reports expected of them.

    run.py [--update] BUILD      BUILD holds the programs `cases` and `render`

The recordings come from `cases` (cases.c). Expected of each: expected/NAME.txt, NAME.verbose.txt,
NAME.wide.txt, NAME.json, and NAME.cpu.folded, .offcpu.folded and .faults.folded where those are not
empty. What bad/NAME.sql makes is no recording: expected/NAME.err is the one line
that refuses it."""

import argparse
import difflib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "expected")
FORMATS = {"text": ".txt", "verbose": ".verbose.txt", "wide": ".wide.txt", "json": ".json",
           "folded": ".cpu.folded", "offcpu": ".offcpu.folded", "faults": ".faults.folded"}
FOLDED = ("folded", "offcpu", "faults")
WIDTH = {"text": 100, "verbose": 100, "wide": 180}


def from_sql(folder, out):
    """Make out/NAME.wg of each folder/NAME.sql; the names."""
    names = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".sql"):
            continue
        base = name[:-4]
        db = sqlite3.connect(os.path.join(out, base + ".wg"))
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            db.executescript(f.read())
        db.close()
        names.append(base)
    return names


def render(build, fmt, path):
    return subprocess.run([os.path.join(build, "render"), fmt, path], capture_output=True,
                          env=dict(os.environ, LC_ALL="C", ASAN_OPTIONS="detect_leaks=1"))


def width_of(line):
    """Columns on a terminal: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in line if not unicodedata.combining(c))


def check_text(text, fmt):
    wrong = [f"line of {width_of(l)} columns: {l}" for l in text.splitlines()
             if width_of(l) > WIDTH[fmt]]
    wrong += [f"not printable: {l!r}" for l in text.splitlines() if not l.isprintable()]
    return wrong


def no_floats(text):
    raise ValueError(f"not a JSON number: {text}")


def check_json(text):
    """What holds for every recording, whatever its figures."""
    wrong = []
    report = json.loads(text, parse_constant=no_floats)
    for run in report["runs"]:
        for t in run["threads"]:
            if sum(t["buckets"].values()) + t["closure_ns"] != t["wall_ns"]:
                wrong.append(f"run {run['id']} tid {t['tid']}: buckets do not close")
        total = sum(sum(t["buckets"].values()) for t in run["threads"])
        wrong += check_sites(run)
        if abs(sum(run["total_buckets"].values()) - total) > len(run["total_buckets"]):
            wrong.append(f"run {run['id']}: total_buckets")
    return wrong + check_gaps(report)


def check_gaps(report):
    """Parts sum to the gap; what a proof predicts is the sum of the parts that its switch is for."""
    wrong = []
    for gap in report["gaps"]:
        who = f"{gap['workload']} {gap['a']} {gap['b']}"
        few = any(len([r for r in report["runs"] if not r.get("variant") and not r["interrupted"] and
                       (r["workload"], r["runtime"], r["model"]) ==
                       (gap["workload"], gap[side + "_runtime"], gap[side + "_model"])]) < 3 for side in "ab")
        ends = {o[k] is None for o in (gap, *gap["parts"]) for k in ("lo_ns", "hi_ns")}
        if ends != {few} or few != (gap["verdict"] == "undecided"):
            wrong.append(f"{who}: intervals of {'too few' if few else 'enough'} runs: {ends}, {gap['verdict']}")
        if sum(p["delta_ns"] for p in gap["parts"]) + gap["unexplained_ns"] != gap["gap_ns"]:
            wrong.append(f"{who}: parts do not sum")
        for proof in gap["proofs"]:
            cause = sum(p["delta_ns"] for p in gap["parts"] if proof["variant"] in p["switches"])
            if (proof["predicted_ns"] != cause
                    or proof["predicted_gap_ns"] + cause != gap["gap_ns"]):
                wrong.append(f"{who}: {proof['variant']} predicts other than its parts")
            if abs(proof["went_away_ns"] + proof["gap_ns"] - gap["gap_ns"]) > 1:
                wrong.append(f"{who}: {proof['variant']}: what went away is not the difference")
            if not any(r["variant"] == proof["variant"] for r in report["runs"]):
                wrong.append(f"{who}: {proof['variant']} has no runs")
    return wrong


def check_sites(run):
    """Waits of a bucket are not longer than the bucket; what is idle is not contended."""
    wrong = []
    waited = {}
    for s in run["sites"]:
        if s["kind"] in ("futex", "klock", "blocked"):
            waited[s["bucket"]] = waited.get(s["bucket"], 0) + s["total_ns"]
        if s["idle"] != (s["class"] == "idle wait"):
            wrong.append(f"run {run['id']}: idle and class disagree: {s['stack']}")
        if s["kernel_frames"] > len(s["stack"]):
            wrong.append(f"run {run['id']}: kernel_frames: {s['stack']}")
    for bucket, ns in waited.items():
        if ns > run["total_buckets"][bucket] * 1.001 + 1000:
            wrong.append(f"run {run['id']}: sites of {bucket} sum to more than it")
    return wrong


def check_folded(text):
    """Each line is frames without blanks at their ends, and a count."""
    wrong = []
    for l in text.splitlines():
        frames, _, count = l.rpartition(" ")
        if not count.isdigit() or not int(count) or not all(frames.split(";")):
            wrong.append(f"no folded line: {l!r}")
        if not l.isprintable():
            wrong.append(f"not printable: {l!r}")
    return wrong


def against(path, got, update):
    if update:
        with open(path, "w", encoding="utf-8") as f:
            f.write(got)
    try:
        with open(path, encoding="utf-8") as f:
            expected = f.read()
    except FileNotFoundError:
        return [f"{path} is missing: make golden-update, then look at it"]
    return list(difflib.unified_diff(expected.splitlines(), got.splitlines(),
                                     os.path.relpath(path), "got", lineterm="", n=1))


def one(build, out, name, fmt, update):
    done = render(build, fmt, os.path.join(out, name + ".wg"))
    if done.returncode or done.stderr:
        return [f"status {done.returncode}: {done.stderr.decode(errors='replace').strip()}"]
    got = done.stdout.decode("utf-8")
    if fmt in FOLDED:
        wrong = check_folded(got)
        if not got and not os.path.exists(os.path.join(EXPECTED, name + FORMATS[fmt])):
            return wrong
    else:
        wrong = check_json(got) if fmt == "json" else check_text(got, fmt)
    return wrong + against(os.path.join(EXPECTED, name + FORMATS[fmt]), got, update)


def refused(build, out, name, update):
    done = render(build, "text", os.path.join(out, name + ".wg"))
    said = done.stderr.decode("utf-8").replace(out, "FOLDER")
    wrong = [] if done.returncode == 1 and not done.stdout else [f"status {done.returncode}"]
    if said.count("\n") != 1:
        wrong.append("more than one line: " + said)
    return wrong + against(os.path.join(EXPECTED, name + ".err"), said, update)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="take the reports as they are for the expected ones")
    parser.add_argument("build", metavar="BUILD")
    args = parser.parse_args()
    update, build = args.update, args.build
    tally = {True: 0, False: 0}
    os.makedirs(EXPECTED, exist_ok=True)

    def tell(what, wrong):
        tally[not wrong] += 1
        if wrong:
            print(f"FAIL {what}", *wrong, sep="\n  ")

    with tempfile.TemporaryDirectory() as out:
        subprocess.run([os.path.join(build, "cases"), out], check=True)
        names = sorted(f[:-3] for f in os.listdir(out) if f.endswith(".wg"))
        for name in names:
            for fmt in FORMATS:
                tell(f"{name} {fmt}", one(build, out, name, fmt, update))
        for name in from_sql(os.path.join(HERE, "bad"), out):
            tell(f"{name} refused", refused(build, out, name, update))
        left = [f for f in os.listdir(out) if not f.endswith(".wg")]
        tell("nothing left beside the recordings", left)
    print(f"SUITE golden: {tally[True]} passed, {tally[False]} failed, 0 skipped")
    return 1 if tally[False] else 0


if __name__ == "__main__":
    sys.exit(main())
