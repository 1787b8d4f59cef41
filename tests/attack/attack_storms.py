# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Storms: more threads, processes, mappings and locks at once than any table holds. Nothing is lost,
or it is counted as lost; the sums hold; and wallgap's own memory stays small."""

import json
import os
import subprocess
import tempfile
import time

import attack
from live import (CannotRun, Failure, Mark, PLANTED, TIMEOUT_S, WALLGAP, check_sites, for_each,
                  load_report)

MEMORY_MB = 200

# form: how many in CI, how many in all
STORMS = {
    "ends": (3001, 20000),
    "threads": (3001, 20000),
    "forks": (2003, 50000),
    "zombies": (3001, 50000),
    "execs": (1409, 50000),
    "vforks": (1409, 50000),
    "chain": (1409, 20000),
    "taken": (701, 20000),
    "groups": (3000, 50000),
    "maps": (5003, 30000),
    "files": (5003, 100000),
    "locks": (50021, 100000),
    "words": (50021, 200000),
}


def own_peak(pid):
    """The most that process pid has had in memory so far, in MB; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def run_watched(argv, mark, **env):
    """Run argv to its end: its status, stderr, and the most memory it had."""
    peak, end = 0, time.monotonic() + TIMEOUT_S
    with tempfile.TemporaryFile() as err:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                             env=mark.env(**env))
        while p.poll() is None:
            peak = max(peak, own_peak(p.pid))
            if time.monotonic() > end:
                p.kill()
                p.wait()
                raise Failure(f"{' '.join(argv[-3:])} did not end in {TIMEOUT_S} s")
            time.sleep(0.005)
        err.seek(0)
        return p.returncode, err.read().decode(errors="replace"), peak


@for_each(**{form: form for form in STORMS})
def test_storm_of(c, form):
    n = attack.count(*STORMS[form])
    with tempfile.TemporaryDirectory(prefix="wallgap-attack-") as tmp:
        out, truth = os.path.join(tmp, "run.wg"), os.path.join(tmp, "truth.json")
        status, err, peak = run_watched(
            [WALLGAP, "record", "-o", out, "--", os.path.join(PLANTED, "crowd"), form, str(n)], Mark(),
            WALLGAP_TRUTH=truth)
        if status == 77:
            raise CannotRun(err.strip()[-200:])
        if status:
            raise Failure(f"status {status}: {err.strip()[-200:]}")
        report = load_report(out)
        with open(truth) as f:
            told = json.load(f)
    run = report["runs"][0]
    c.equal("threads", len(run["threads"]), told["tasks"] + 1)
    losses = {k: v for k, v in report["losses"].items() if v}
    # told, and no time with them: processes that had ended before their mappings were asked for
    c.at_most("unread processes", losses.pop("unread processes", 0), n / 500)
    c.equal("losses", losses, {})
    c.equal("sites that are lost", [s for s in run["sites"] if s["kind"] == "lost"][:3], [])
    check_sites(c, run)
    for t in run["threads"]:
        gap = abs(sum(t["buckets"].values()) - t["wall_ns"])
        if gap > max(t["wall_ns"] * 0.001, 20000):
            c.that(False, f"{t['comm']}/{t['tid']} does not close: {gap} ns")
    c.at_most("wallgap's own memory, MB", round(peak), MEMORY_MB)
    c.note(f"{n:,}: {len(run['threads']):,} threads, {len(run['sites']):,} sites, {peak:.0f} MB")
