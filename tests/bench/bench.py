#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tracing with wallgap costs, next to nothing, to empty programs and to the usual tools.

Everything is paired: bare and traced runs of one target in turn (A B B A ...), and what is shown
is the median of the differences with their range. One function per table below; each returns the
table and the raw figures. The tables go to stdout and build/bench.txt, the figures to
build/bench.json.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import figures
import runtimes
import tracers
from figures import Table, differences, paired, show_spread, spread, verdict
from tracers import Unavailable

AIM_FLOOR = 1.5         # times the cost of empty programs
AIM_TOOLS = 0.25        # of the cheapest of the usual tools
AIM_SLOWDOWN = 0.01     # of a workload without a storm
AIM_PATH_NS = 60        # of the critical path, added per wakeup
AIM_SCALE = 0.10        # how far the cost per switch may move, 2 to 10,000 tracked threads
AIM_STORM_PER_S = 400_000
AIM_START_MS = 300
AIM_RSS_MB = 64
AIM_STACK_NS = 1500     # of a futex wait, for its stack
AIM_SAMPLING = 0.01     # of CPU, at 997 Hz
AIM_TABLES_MS = 300     # unwind tables of a binary of 100 MB
STACK_DEPTH = 10        # calls between a thread's entry and its wait

NICE = -15  # of all that runs here: one busy stranger would take a time slice at every switch

# --workload, --n: a quarter of a second or so each; and what it has thousands of, so that no aim holds.
WORKLOADS = [("math", 15_000_000, ""), ("crypto", 200_000, ""), ("crypto-fetched", 300_000, ""),
             ("crypto-private", 200_000, ""), ("transfer", 104_857_600, "faults"),
             ("crypto-query", 40_000, "switches"), ("churn", 1_500, "faults"), ("populate", 2, "lock waits")]


class Bench:
    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.tmp = tempfile.mkdtemp(prefix="bench.", dir=build)
        cpus = sorted(os.sched_getaffinity(0))
        self.cpus = cpus
        self.tool_cpu, self.target_cpu = cpus[0], cpus[-1]
        self.seconds = 0.2 if quick else 0.4
        self.rounds = 4 if quick else 12       # of the headline: bare, empty, wallgap
        self.tool_rounds = 2 if quick else 6   # of each other tool

    def program(self, name):
        return os.path.join(self.build, "bench", name)

    def target(self, name, *args, seconds=None):
        return [self.program(name), "-t", str(seconds or self.seconds), "-c", str(self.target_cpu), *args]

    def bare(self, cpu="tool"):
        return tracers.Tracer(self.tmp, self.tool_cpu if cpu == "tool" else cpu)

    def wallgap(self, cpu="tool", *options):
        return tracers.Wallgap(self.tmp, "./wallgap", self.tool_cpu if cpu == "tool" else cpu, options)

    def empty(self):
        return tracers.Empty(self.tmp, self.program("empty"), self.tool_cpu)


def cost_row(table, letter, name, added, floor, base_ns):
    """One tracer in a cost table; floor is what the empty programs add, or None."""
    s = spread(added)
    against = "" if floor is None else f"{s['median'] / floor:.2f}" if floor > 0 else "-"
    table.add(f"({letter}) {name}" if letter else f"    {name}", show_spread(s),
              f"{100 * s['median'] / base_ns:+.0f}%", against)
    return s


def cost_per_event(bench, what, target, tools):
    """ns added per event: bare, empty programs and wallgap side by side, then each usual tool."""
    bare, empty, wallgap = bench.bare(), bench.empty(), bench.wallgap("tool", "--no-stacks", "--no-path")
    values = paired([bare, empty, wallgap], bench.rounds, lambda t: t.run(target)["ns_per_event"])
    base_ns = statistics.median(values[bare])
    raw = {t.name: v for t, v in values.items()}

    table = Table(f"Cost per {what}: ns added, median [min..max] of {bench.rounds} pairs (tools: "
                  f"{bench.tool_rounds})", ["", "ns added", "of bare", "x (b)"])
    table.add("(a) nothing", f"bare: {show_spread(spread(values[bare]))}", "", "")
    empty_added, wallgap_added = (differences(values[bare], values[t]) for t in (empty, wallgap))
    floor = statistics.median(empty_added)
    cost_row(table, "b", f"empty programs, fault ends by {empty.fault_end}", empty_added, floor, base_ns)
    ours = cost_row(table, "", wallgap.name, wallgap_added, floor, base_ns)

    others = []
    for letter, tool in tools:
        try:
            pairs = paired([bare, tool], bench.tool_rounds, lambda t: t.run(target)["ns_per_event"])
        except Unavailable as e:
            table.add(f"({letter}) {tool.name}", f"n/a: {e}")
            raw[tool.name] = str(e)
            continue
        raw[tool.name] = {"bare": pairs[bare], "traced": pairs[tool]}
        cost = cost_row(table, letter, tool.name, differences(pairs[bare], pairs[tool]), floor, base_ns)
        if "counts only" not in tool.name:
            others.append(cost["median"])

    ratio = figures.ratio_of_medians(wallgap_added, empty_added)
    lines = []
    if ratio:
        lines.append(f"  wallgap / (b) = {ratio['ratio']:.2f} (95%: {ratio['lo']:.2f} to {ratio['hi']:.2f}); "
                     f"aim at most {AIM_FLOOR}: {verdict(ratio['ratio'], AIM_FLOOR)}")
    if others:
        share = ours["median"] / min(others)
        lines.append(f"  wallgap / cheapest of the others that time it = {share:.2f}; "
                     f"aim under {AIM_TOOLS}: {verdict(share, AIM_TOOLS)}")
    return table.text() + "\n".join(lines) + "\n", {"ns": raw, "ratio_to_empty": ratio}


def switches(bench):
    return cost_per_event(bench, "context switch (futex ping-pong on one CPU)", bench.target("pingpong"),
                          tracers.for_switches(bench.tmp, bench.tool_cpu))


WAKING_PROGRAMS = ("on_waking", "on_wakeup", "on_switch")
STATS = "/proc/sys/kernel/bpf_stats_enabled"


def programs_ns(tracer, target):
    """ns a handover spends in our programs, by the kernel's run-time statistics of BPF programs."""
    with open(STATS, "w", encoding="ascii") as f:
        f.write("1")
    try:
        with subprocess.Popen(tracer.command(target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            last = {}
            while run.poll() is None:
                done = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=False)
                if done.returncode:
                    raise Unavailable(f"bpftool: {tracers.reason(done.stderr or done.stdout)}")
                now = {p["name"]: p["run_time_ns"] / p["run_cnt"] for p in json.loads(done.stdout)
                       if p.get("name") in WAKING_PROGRAMS and p.get("run_cnt", 0) > 10000}
                last = now if len(now) >= len(last) else last
                time.sleep(0.5)
    finally:
        with open(STATS, "w", encoding="ascii") as f:
            f.write("0")
    if len(last) < len(WAKING_PROGRAMS):
        raise Unavailable("no statistics of our programs")
    return sum(last.values())


def path(bench):
    """What keeping the critical path adds to a wakeup: one a switch in the ping-pong."""
    rounds = bench.rounds
    without, kept = bench.wallgap("tool", "--no-path"), bench.wallgap()
    table = Table(f"Critical path: ns added per wakeup (ping-pong on one CPU), {rounds} pairs, with call paths",
                  ["", "added", "of it in our programs"])
    raw, worst = {}, 0
    for name, options in (("out of a futex wait", ()), ("out of a read from a pipe", ("-p",))):
        target, long = (bench.target("pingpong", *options, seconds=s) for s in (None, 2))
        values = paired([without, kept], rounds, lambda t, target=target: t.run(target)["ns_per_event"])
        ran = paired([without, kept], rounds, lambda t, target=long: programs_ns(t, target))
        added, inside = differences(values[without], values[kept]), differences(ran[without], ran[kept])
        raw[name] = {"without": values[without], "kept": values[kept], "programs_without": ran[without],
                     "programs_kept": ran[kept]}
        table.add(name, show_spread(spread(added)), show_spread(spread(inside)))
        worst = max(worst, statistics.median(inside))
    return table.text() + f"  in our programs, both; aim under {AIM_PATH_NS} ns: {verdict(worst, AIM_PATH_NS)}\n", raw


def faults(bench):
    return cost_per_event(bench, "page fault (anonymous, minor)", bench.target("faults"),
                          tracers.for_faults(bench.tmp, bench.tool_cpu))


def stacks(bench):
    """ns a futex wait costs with its whole stack, against the ledger alone and offcputime's frame pointers."""
    target = bench.target("pingpong", "-d", str(STACK_DEPTH))
    bare, ledger, full = bench.bare(), bench.wallgap("tool", "--no-stacks", "--no-path"), bench.wallgap("tool", "--no-path")
    values = paired([bare, ledger, full], bench.rounds, lambda t: t.run(target)["ns_per_event"])
    full.run(target)
    seen = [site for run in full.report()["runs"] for site in run["sites"] if site["kind"] == "futex"]
    frames = max((len(site["stack"]) for site in seen), default=0)
    table = Table(f"Cost of a futex wait with its stack of {frames} frames: ns, {bench.rounds} pairs", ["", "ns added"])
    table.add("nothing", f"bare: {show_spread(spread(values[bare]))}")
    for tracer in (ledger, full):
        table.add(tracer.name, show_spread(spread(differences(values[bare], values[tracer]))))
    added = spread(differences(values[ledger], values[full]))
    table.add("the stacks alone", show_spread(added))
    raw = {"ns": {t.name: v for t, v in values.items()}, "frames": frames}
    tool = tracers.Beside("offcputime (libbpf-tools), frame pointers", ["offcputime", "-p", "{pid}"], bench.tmp,
                          bench.tool_cpu)
    line = ""
    try:
        pairs = paired([bare, tool], bench.tool_rounds, lambda t: t.run(target)["ns_per_event"])
        theirs = spread(differences(pairs[bare], pairs[tool]))
        table.add(tool.name, show_spread(theirs))
        raw["offcputime"] = {"bare": pairs[bare], "traced": pairs[tool]}
        ours = statistics.median(differences(values[bare], values[full]))
        line = (f"  wallgap in all / offcputime = {ours / theirs['median']:.2f}; aim under 1: "
                f"{verdict(ours, theirs['median'])}\n")
    except Unavailable as e:
        table.add(tool.name, f"n/a: {e}")
    return (table.text() + f"  the stacks add {added['median']:,.0f} ns a wait; aim under {AIM_STACK_NS:,}: "
            f"{verdict(added['median'], AIM_STACK_NS)}\n" + line, raw)


def sampling(bench):
    """The share of a CPU that samples with stacks take: what a spinning thread loses, --freq 997 against --freq 0."""
    rounds = 4 if bench.quick else 16
    target = bench.target("gaps", "-d", str(STACK_DEPTH), seconds=1)
    off, plain, on = (bench.wallgap("tool", *options) for options in
                      (("--freq", "0"), ("--no-stacks", "--freq", "997"), ("--freq", "997")))
    perf = tracers.Starter("perf record -F 997 -e cpu-clock, no stacks",
                           ["perf", "record", "-q", "-F", "997", "-e", "cpu-clock", "-o", "/dev/null", "--"],
                           bench.tmp, bench.tool_cpu)
    cases = [bench.bare(), perf, off, plain, on] if shutil.which("perf") else [bench.bare(), off, plain, on]
    values = paired(cases, rounds, lambda t: t.run(target)["share"])
    table = Table(f"On-CPU sampling at 997 Hz: % of the CPU lost to interrupts, {rounds} pairs", ["", "%"])
    for case in cases:
        table.add(case.name, show_spread(spread(values[case]), 100, 2))
    added, stacks_added = differences(values[off], values[on]), differences(values[plain], values[on])
    lo, hi = figures.median_interval(added)
    table.add("the samples with their stacks", show_spread(spread(added), 100, 2))
    table.add("of these the stacks", show_spread(spread(stacks_added), 100, 2))
    return (table.text() + f"  the samples take {100 * statistics.median(added):.2f}% (95%: {100 * lo:.2f} to "
            f"{100 * hi:.2f}); aim under {100 * AIM_SAMPLING:.0f}: "
            f"{figures.verdict_of_interval(lo, hi, AIM_SAMPLING)}\n",
            {t.name: v for t, v in values.items()})


def tables(bench):
    """Unwind tables: built from the file, and taken from the cache, ms."""
    rounds = 3 if bench.quick else 10
    table = Table(f"Unwind tables, {rounds} times", ["", "MB", "build, ms", "from the cache, ms", "aim"])
    raw = {}
    for path in filter(os.path.exists, map(os.path.realpath, filter(None, [shutil.which("node"), shutil.which("bun"),
                                           shutil.which("qemu-system-x86_64"), "/lib/x86_64-linux-gnu/libc.so.6"]))):
        done = subprocess.run([bench.program("tables"), path, str(rounds)], capture_output=True, text=True, check=False)
        if done.returncode:
            table.add(path, f"n/a: {tracers.reason(done.stderr)}")
            continue
        got = json.loads(done.stdout)
        raw[path] = got
        build = spread(got["build_ms"])
        table.add(os.path.basename(path), f"{os.path.getsize(path) / 1e6:.0f}", show_spread(build, 1, 1),
                  show_spread(spread(got["cache_ms"]), 1, 1), f"under {AIM_TABLES_MS}: {verdict(build['median'], AIM_TABLES_MS)}")
    return table.text(), raw


# Left out: once programs are loaded the kernel clears up for a while, some ms of CPU time.
START_REPEATS = 2


# What the constants of model/cost.c were not fitted to: an estimate must hold for these as well.
STRANGERS = [("vfork", 700, ["vfork"]),
             ("shell loop", 2, ["run", "sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done"]),
             ("subshells", 2, ["run", "sh", "-c", "i=0; while [ $i -lt 200 ]; do (:); i=$((i + 1)); done"]),
             ("pipelines", 2, ["run", "sh", "-c", "i=0; while [ $i -lt 30 ]; do echo $i | cat | wc -c; i=$((i + 1)); done"]),
             ("find -exec", 2, ["run", "find", "tests/bench", "tests/unit", "-name", "*.c", "-exec", "true", "{}", ";"])]


def starts(bench):
    """What watching adds to a process that is started, and what wallgap says of it."""
    rounds = 4 if bench.quick else 12
    bare, empty, wallgap = bench.bare(None), bench.empty(), bench.wallgap(None)
    table = Table(f"Processes started one after the other, {rounds} pairs: us added to each",
                  ["", "bare, us", "empty programs", "wallgap", "slower by, %", "its report, %", "inside"])
    raw = {}
    fitted = [("fork", 700, ["fork"]), ("exec", 400, ["exec"]), ("spawn", 400, ["spawn"])]
    for how, count, args in fitted + STRANGERS:
        said = []

        def us(tracer, target=[bench.program("starts"), "-n", str(count), "-o", "/dev/stdout", *args], said=said):
            took = tracer.run(target, result=False)
            if tracer is wallgap:
                said.append(wallgap.report()["overhead"])
            return json.loads(re.search(r'\{"ns_per_event".*\}', took)[0])["ns_per_event"] / 1000

        values = paired([bare, empty, wallgap], rounds, us)
        slower = spread([b / a - 1 for a, b in zip(values[bare], values[wallgap])])
        known = [o for o in said if o["slower_hi"] is not None]
        lo, hi = (statistics.median(o[k] for o in known) if known else float("nan") for k in ("slower_lo", "slower_hi"))
        table.add(how, show_spread(spread(values[bare])), show_spread(spread(differences(values[bare], values[empty]))),
                  show_spread(spread(differences(values[bare], values[wallgap]))), show_spread(slower, 100, 0),
                  f"{100 * lo:.0f} to {100 * hi:.0f}", "yes" if lo <= slower["median"] <= hi else "NO")
        raw[how] = {"us": {t.name: v for t, v in values.items()}, "stated": [lo, hi]}
    return table.text(), raw


def workload_command(bench, workload, n):
    """By hand the native runner prints the seconds of each repeat, a line each."""
    return [os.path.join(bench.build, "wallgap-native"), "--workload", workload, "--model", "threads",
            "--workers", str(min(2, len(bench.cpus))), "--n", str(n), "--repeats", "4" if bench.quick else "6"]


def slowdown(bench):
    """The same binary, traced and not, by its own clock; beside it what wallgap's own report says."""
    rounds = 2 if bench.quick else 10
    table = Table(f"Slowdown of the native workloads (threads, 2 workers) under wallgap record, %, {rounds} pairs",
                  ["", "bare, ms", "slowdown", "95%", "its report", "aim"])
    raw = {}
    bare, wallgap = bench.bare(None), bench.wallgap(None)
    for workload, n, storm in WORKLOADS:
        command = workload_command(bench, workload, n)

        def wall_ms(tracer):
            lines = tracer.run(command, result=False).splitlines()
            walls = [float(line) for line in lines if re.fullmatch(r"\d+\.\d+", line)]
            if len(walls) <= START_REPEATS:
                raise Unavailable("the runner printed no wall time")
            return 1e3 * statistics.median(walls[START_REPEATS:])

        try:
            values = paired([bare, wallgap], rounds, wall_ms)
            said = wallgap.report()["overhead"]
        except Unavailable as e:
            table.add(workload, f"n/a: {e}")
            continue
        share = [b / a - 1 for a, b in zip(values[bare], values[wallgap])]
        lo, hi = figures.median_interval(share)
        raw[workload] = {"bare_ms": values[bare], "traced_ms": values[wallgap], "reported": [said["slower_lo"], said["slower_hi"]]}
        table.add(workload, show_spread(spread(values[bare])), show_spread(spread(share), 100, 1),
                  f"{100 * lo:.1f}..{100 * hi:.1f}", "-" if said["slower_lo"] is None else f"{100 * said['slower_lo']:.1f} to " +
                  ("more" if said["slower_hi"] is None else f"{100 * said['slower_hi']:.1f}"),
                  f"none: {storm}" if storm else f"under 1: {figures.verdict_of_interval(lo, hi, AIM_SLOWDOWN)}")
    return table.text(), raw


def scale(bench):
    """Cost per switch with more and more tracked threads asleep beside the pair."""
    counts = [0, 98, 9998] if bench.quick else [0, 98, 998, 9998]
    rounds = 3 if bench.quick else 10
    bare, wallgap = bench.bare(), bench.wallgap()
    cases = [(tracer, idle) for idle in counts for tracer in (bare, wallgap)]
    values = paired(cases, rounds, lambda c: c[0].run(bench.target("pingpong", "-i", str(c[1])))["ns_per_event"])
    table = Table(f"Cost per switch by number of tracked threads: ns, {rounds} pairs", ["threads", "bare", "added"])
    medians, raw = [], {}
    for idle in counts:
        added = differences(values[bare, idle], values[wallgap, idle])
        medians.append(statistics.median(added))
        raw[idle + 2] = {"bare": values[bare, idle], "traced": values[wallgap, idle]}
        table.add(f"{idle + 2:,}", show_spread(spread(values[bare, idle])), show_spread(spread(added)))
    move = medians[-1] / medians[0] - 1
    flat = max(abs(m / medians[0] - 1) for m in medians)
    return (table.text() + f"  from 2 to {counts[-1] + 2:,} threads the cost moves by {100 * move:+.0f}%, by "
            f"{100 * flat:.0f}% at most; aim within 10%: {verdict(flat, AIM_SCALE)}\n",
            {"ns": raw, "move": move})


def losses_of(report):
    lost = {name: cnt for name, cnt in report["losses"].items() if cnt}
    return lost, ", ".join(f"{cnt} {name}" for name, cnt in lost.items()) or "none"


def loss(bench):
    """Nothing may be lost with many threads alive, nor in a storm of switches on all CPUs."""
    table = Table("Losses under load (wallgap record)", ["", "rate reached", "threads seen", "lost", "aim"])
    all_cpus = ",".join(str(cpu) for cpu in bench.cpus)
    seconds = 1 if bench.quick else 3
    cases = [("10,000 live threads", bench.target("pingpong", "-i", "9998", seconds=seconds), 10_001, 0),
             (f"storm of switches on {len(bench.cpus)} CPUs",
              [bench.program("pingpong"), "-t", str(seconds), "-c", all_cpus], 1, AIM_STORM_PER_S)]
    raw = {}
    for name, target, threads_min, rate_min in cases:
        wallgap = bench.wallgap(None)
        try:
            result = wallgap.run(target)
            report = wallgap.report()
        except Unavailable as e:
            table.add(name, f"n/a: {e}")
            continue
        lost, lost_text = losses_of(report)
        threads = sum(len(run["threads"]) for run in report["runs"])
        good = not lost and threads >= threads_min and result["per_s"] >= rate_min
        table.add(name, f"{result['per_s']:,.0f} switches/s", f"{threads:,}", lost_text, "yes" if good else "NO")
        raw[name] = {"per_s": result["per_s"], "threads": threads, "losses": lost}
    return table.text() + f"  aim: no loss, and at least {AIM_STORM_PER_S:,} switches/s in the storm\n", raw


def peak_rss_mb(command):
    """Run a command; the highest VmHWM seen of it alone (its children are other processes), MB."""
    peak = 0
    # Its own exec, not ours, is what counts: VmHWM belongs to the memory of one exec.
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as p:
        drain = threading.Thread(target=p.stderr.read)
        drain.start()
        while p.poll() is None:
            try:
                with open(f"/proc/{p.pid}/status", encoding="ascii", errors="replace") as f:
                    found = re.search(r"^VmHWM:\s+(\d+)", f.read(), re.M)
                peak = max(peak, int(found[1]) if found else 0)
            except OSError:
                pass
            time.sleep(0.002)
        drain.join()
        if p.returncode:
            raise Unavailable(f"status {p.returncode}")
    return peak / 1024


def start_ms(bench, wallgap):
    first = bench.program("first")
    command = [first] + wallgap.command([first])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    stamps = [int(line) for line in done.stdout.splitlines() if line.strip().isdigit()]
    if done.returncode or len(stamps) < 2:
        raise Unavailable(f"status {done.returncode}: {tracers.reason(done.stderr)}")
    return (stamps[1] - stamps[0]) / 1e6


def own(bench):
    """Start time and memory of wallgap itself."""
    table = Table("wallgap itself", ["", "seen", "aim"])
    wallgap = bench.wallgap(None)
    raw = {}
    try:
        values = [start_ms(bench, wallgap) for _ in range(3 if bench.quick else 10)]
        s = spread(values)
        raw["start_ms"] = values
        table.add("from exec to the target's first instruction, ms", show_spread(s, 1, 0),
                  f"under {AIM_START_MS}: {verdict(s['median'], AIM_START_MS)}")
    except Unavailable as e:
        table.add("from exec to the target's first instruction, ms", f"n/a: {e}")
    for name, target in [("2 threads", bench.target("pingpong")),
                         ("10,000 threads", bench.target("pingpong", "-i", "9998"))]:
        try:
            mb = peak_rss_mb(wallgap.command(target))
        except Unavailable as e:
            table.add(f"peak resident memory, {name}, MB", f"n/a: {e}")
            continue
        raw[f"rss_mb, {name}"] = mb
        table.add(f"peak resident memory, {name}, MB", f"{mb:.0f}",
                  f"under {AIM_RSS_MB}: {verdict(mb, AIM_RSS_MB)}")
    return table.text(), raw


TABLES = {"switches": switches, "path": path, "faults": faults, "stacks": stacks, "sampling": sampling, "tables": tables,
          "starts": starts, "slowdown": slowdown, "runtimes": runtimes.runtimes, "scale": scale, "loss": loss, "own": own}


def cpu_ticks():
    """user, nice, system, idle, iowait, irq, softirq, steal of all CPUs since boot."""
    with open("/proc/stat", encoding="ascii") as f:
        return [int(x) for x in f.readline().split()[1:9]]


def heading(bench):
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.M)
    where = (f"tracers on CPU {bench.tool_cpu}, targets on CPU {bench.target_cpu}"
             if bench.tool_cpu != bench.target_cpu else "tracers and targets share the only CPU")
    return (f"wallgap bench of costs: linux {platform.release()}, {len(bench.cpus)} CPUs "
            f"({model[1] if model else platform.machine()})\n{where}; all at nice {NICE}, in turn A B B A\n")


def run_tables(bench, names):
    text, raw = [heading(bench)], {}
    ticks, begin = cpu_ticks(), time.monotonic()
    print(text[0], flush=True)
    for name in names:
        try:
            part, raw[name] = TABLES[name](bench)
        except Unavailable as e:
            part, raw[name] = f"{name}: FAILED: {e}\n", None
        print(part, flush=True)
        text.append(part)
    spent = [b - a for a, b in zip(ticks, cpu_ticks())]
    part = f"steal {100 * spent[7] / max(1, sum(spent)):.1f}% of CPU time; took {time.monotonic() - begin:.0f} s\n"
    print(part, end="")
    return "\n".join(text + [part]), raw


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build", help="folder of the built programs")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("tables", nargs="*", help=f"which tables (default: all): {', '.join(TABLES)}")
    args = parser.parse_args()
    wrong = [name for name in args.tables if name not in TABLES]
    if wrong:
        parser.error(f"no table {wrong[0]}")
    if os.geteuid() != 0:
        sys.exit("bench: needs root, like the tracers it compares")

    os.nice(NICE)
    bench = Bench(args.build, args.quick)
    try:
        text, raw = run_tables(bench, args.tables or TABLES)
    finally:
        shutil.rmtree(bench.tmp, ignore_errors=True)
    with open(os.path.join(args.build, "bench.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(args.build, "bench.json"), "w", encoding="utf-8") as f:
        json.dump({"kernel": platform.release(), "quick": args.quick, "tables": raw}, f, indent=1)
    return 1 if any(part is None for part in raw.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
