# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tracing costs the runners of each runtime, and what the names of JIT code cost.

A case is one runner by hand, with one workload and model, in one mode:

    bare     the runner alone                    named    bare, with what makes the runtime write
    traced   the same under `wallgap record`              down the names of the code that it makes
                                                 both     named and traced: what a user of
                                                          `wallgap bench` pays for a report with names

Each round runs every case once, the modes of one runner next to each other, every other round
backwards (A B B A). A runner times its repeats itself, after a warm-up of its own, so the starts of
the runtime and of wallgap are traced but in no figure. Compared are the median wall seconds of the
repeats of two runs of one round; that is one pair, and its slowdown is mode / bare - 1.
"""

import collections
import contextlib
import os
import re
import select
import shutil
import signal
import stat
import statistics
import subprocess
import tempfile
import time

import figures
import tracers
from figures import Table, show_spread, spread
from tracers import Unavailable

AIM_TRACED = 0.01  # of wall time
AIM_NAMED = 0.03   # traced and with names, against bare

# The median of all pairs lies between the least and the most of n pairs but for a chance of 2^(1-n).
# With fewer than these no interval is a 95% one, and there is no verdict.
MIN_PAIRS = 6

WORKERS = 2
MODELS = ["threads", "procs"]
# Left out of the medians: compilers, and the kernel that clears up after programs were loaded.
START_REPEATS = 2

# --n, for repeats of 50 to 100 ms. Warm-ups do not shrink along with it.
SIZES = {
    "native": {"math": 5_000_000, "crypto": 100_000, "transfer": 104_857_600},
    "node": {"math": 1_000_000, "crypto": 30_000, "transfer": 52_428_800},
    "bun": {"math": 5_000_000, "crypto": 30_000, "transfer": 52_428_800},
}
# Nothing but page faults, thousands a second; its code is too little to have names measured. In
# threads of Bun it is memory that the collector gives again, or not: from one run to the next the
# same work takes 3 or 30 ms.
STORM = "transfer"

# How a runtime is told to write names, and on which file system (None: where the build is). Of
# V8's own log nobody wants to see anything, but it makes one. JavaScriptCore does an fsync for each
# function, which costs nothing in memory.
Names = collections.namedtuple("Names", "env args folder")
NAMES = {
    "node": Names([], ["--perf-basic-prof", "--interpreted-frames-native-stack", "--no-logfile-per-isolate",
                       "--logfile={folder}/v8.log"], None),
    "bun": Names(["BUN_JSC_useJITDump=1", "BUN_JSC_jitDumpDirectory={folder}"], [], "/dev/shm"),
}

Case = collections.namedtuple("Case", "runtime workload model mode")


def program(bench, runtime):
    """The command that starts a runner, as [program, its script]."""
    ours = {"native": "wallgap-native", "bun": "bun/bun"}.get(runtime, "")
    path = shutil.which(os.path.join(bench.build, ours)) or shutil.which(runtime)
    if not path:
        raise Unavailable("not installed")
    return [path] if runtime == "native" else [path, f"workloads/{runtime}/runner.mjs"]


def family(pid):
    """A process and all that descend from it now."""
    children = collections.defaultdict(list)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
            children[int(f.read().rpartition(")")[2].split()[1])].append(int(entry))
    found = [pid]
    for one in found:
        found += children[one]
    return found


def remove_maps(pids, since):
    """The perf maps of processes that are over. Others may have left some under the same numbers before."""
    for pid in pids:
        path = f"/tmp/perf-{pid}.map"
        with contextlib.suppress(OSError):
            st = os.lstat(path)
            if stat.S_ISREG(st.st_mode) and st.st_uid == os.geteuid() and st.st_mtime >= since:
                os.unlink(path)


def watch(p, pids):
    """The stdout of a runner, or of wallgap around one, to its end; pids: all its processes, added to.

    Once the first repeat is over the pool is complete, and nobody looks into /proc any more.
    """
    end = time.monotonic() + tracers.TIMEOUT_S
    while not select.select([p.stdout], [], [], 0.05)[0] and time.monotonic() < end:
        pids.update(family(p.pid))
    pids.update(family(p.pid))
    try:
        return p.communicate(timeout=max(1, end - time.monotonic()))[0]
    except subprocess.TimeoutExpired:
        raise Unavailable(f"not done after {tracers.TIMEOUT_S} s") from None


def run(bench, command):
    """Run to the end; stdout. Leaves no perf maps behind."""
    pids, since = set(), time.time() - 1
    with tempfile.TemporaryFile("w+", dir=bench.tmp, errors="replace") as said:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True) as p:
            try:
                out = watch(p, pids)
            finally:
                for pid in family(p.pid) if p.poll() is None else []:
                    os.kill(pid, signal.SIGKILL)
                p.wait()
                remove_maps(pids, since)
        if p.returncode:
            said.seek(0)
            raise Unavailable(f"status {p.returncode}: {tracers.reason(said.read())}")
    return out


def wall_ms(bench, case):
    """The median of one run's repeats."""
    tracer = bench.wallgap(None) if case.mode in ("traced", "both") else bench.bare(None)
    names = NAMES[case.runtime] if case.mode in ("named", "both") else Names([], [], None)
    command = program(bench, case.runtime)
    options = ["--workload", case.workload, "--model", case.model, "--workers", str(WORKERS),
               "--n", str(SIZES[case.runtime][case.workload]), "--repeats", "5" if bench.quick else "8"]
    with tempfile.TemporaryDirectory(prefix="wallgap-bench-", dir=names.folder or bench.tmp) as folder:
        env, args = ([word.format(folder=folder) for word in words] for words in (names.env, names.args))
        prefix = ["env", *env] if env else []
        out = run(bench, tracer.command([*prefix, command[0], *args, *command[1:], *options]))
    walls = [float(line) for line in out.splitlines() if re.fullmatch(r"\d+\.\d+", line)]
    if len(walls) <= START_REPEATS:
        raise Unavailable("the runner printed no wall time")
    return 1e3 * statistics.median(walls[START_REPEATS:])


def all_cases(quick):
    """Modes of one runner side by side. The quick ones are one model a workload, names of one."""
    cases = []
    for runtime, sizes in SIZES.items():
        for i, workload in enumerate(sizes):
            for model in [MODELS[i % 2]] if quick else MODELS:
                named = runtime in NAMES and workload != STORM and not (quick and workload != "crypto")
                modes = ["bare", "traced", "named", "both"] if named else ["bare", "traced"]
                cases += [Case(runtime, workload, model, mode) for mode in modes]
    return cases


class Measured:
    """Every case, round by round; None where it could not be had, and why."""

    def __init__(self, bench):
        self.reasons = {}
        self.cases = all_cases(bench.quick)
        self.values = figures.paired(self.cases, 2 if bench.quick else MIN_PAIRS, lambda c: self.measure(bench, c),
                                     40 if bench.quick else 330)
        self.pairs = len(self.values[self.cases[0]])

    def measure(self, bench, case):
        if case not in self.reasons:
            try:
                return wall_ms(bench, case)
            except Unavailable as e:
                self.reasons[case] = str(e)
        return None

    def slowdown(self, case, mode):
        """Of a bare case in this mode: a share for each pair. Raises Unavailable."""
        other = case._replace(mode=mode)
        for one in (case, other):
            if one in self.reasons:
                raise Unavailable(f"{one.mode}: {self.reasons[one]}")
        return [b / a - 1 for a, b in zip(self.values[case], self.values[other])]

    def bare(self, mode):
        """The bare cases that have this mode beside them."""
        return [c for c in self.cases if c.mode == "bare" and c._replace(mode=mode) in self.values]

    def raw(self):
        found = {}
        for case, ms in self.values.items():
            found.setdefault(" ".join(case[:3]), {})[case.mode] = self.reasons.get(case, ms)
        return found


def shown(share, aim, note=""):
    """Cells of a slowdown: median and range, interval, verdict."""
    if len(share) < MIN_PAIRS:
        return [show_spread(spread(share), 100, 1), "-", note or "too few pairs"]
    lo, hi = figures.median_interval(share)
    return [show_spread(spread(share), 100, 1), f"{100 * lo:.1f}..{100 * hi:.1f}",
            note or f"under {100 * aim:.0f}: {figures.verdict_of_interval(lo, hi, aim)}"]


def traced_table(measured):
    table = Table(f"Slowdown of the runners ({WORKERS} workers) under wallgap record, wall time in %, "
                  f"{measured.pairs} pairs", ["", "bare, ms", "slowdown", "95%", "aim"])
    for runtime in SIZES:
        together = []
        for case in (c for c in measured.bare("traced") if c.runtime == runtime):
            name = " ".join(case[:3])
            try:
                share = measured.slowdown(case, "traced")
            except Unavailable as e:
                table.add(name, f"n/a: {e}")
                continue
            storm = case.workload == STORM
            together += [] if storm else share
            table.add(name, show_spread(spread(measured.values[case]), 1, 1),
                      *shown(share, AIM_TRACED, "none: faults" if storm else ""))
        if together:
            table.add(f"{runtime}, all but {STORM}", f"{len(together)} pairs", *shown(together, AIM_TRACED))
    return table.text()


def named_table(measured):
    """Both columns against bare runs without names."""
    table = Table(f"Names of JIT code: what they add to bare wall time in %, {measured.pairs} pairs",
                  ["", "names alone", "95%", "names and traced", "95%", "aim"])
    for runtime in NAMES:
        alone, both = [], []
        for case in (c for c in measured.bare("both") if c.runtime == runtime):
            try:
                a, b = measured.slowdown(case, "named"), measured.slowdown(case, "both")
            except Unavailable as e:
                table.add(" ".join(case[:3]), f"n/a: {e}")
                continue
            alone += a
            both += b
            table.add(" ".join(case[:3]), *shown(a, AIM_NAMED)[:2], *shown(b, AIM_NAMED))
        if both:
            table.add(f"{runtime}, all {len(both)} pairs", *shown(alone, AIM_NAMED)[:2], *shown(both, AIM_NAMED))
    return table.text()


def runtimes(bench):
    """Traced against bare for each runtime, and with names of JIT code against bare."""
    measured = Measured(bench)
    if all(case in measured.reasons for case in measured.cases):
        raise Unavailable("no runner could be run")
    return traced_table(measured) + "\n" + named_table(measured), measured.raw()
