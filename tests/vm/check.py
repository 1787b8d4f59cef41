#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Judge what a VM sent back: one line "passed|failed|skipped TEXT" per check.

    check.py run|refuse VERSION FOLDER

FOLDER has NAME.out, NAME.err and NAME.status of each job. "run": the tool must load there, attach
by fexit, and its ledgers must close and agree with the kernel's counters. "refuse": it must say in
one line that it cannot run, and leave with status 77.
"""

import json
import os
import re
import sys

CANNOT = 77
CLOSURE_SHARE = 0.001
STACKS_WHOLE = 0.99
# Programs that the kernel may leave out where it is preemptible: see recursion_misses in user/collect/collector.c.
# Of 11 threads that end together (jobs) one that loses the CPU there makes the 10 others miss it; and that twice.
MISSED_MAX = {"on_exit": 20}
CLOSURE_NS = 20_000
SPLAT = re.compile(r"BUG: |WARNING: CPU|Oops|Call Trace|detected stall|soft lockup")

# What doctor may miss, and the counts that are unknown without it.
COUNTED_BY = {
    "TLB flush tracepoint": ["tlb_remote_flushes", "tlb_local_flushes"],
    "tracepoints of interrupts between CPUs": ["ipis_sent"],
}

# What a planted program must show, summed over its threads: a bucket, and ns that it has at least.
LEAST = {
    "pipe": ("ipc", 1),
    "futex": ("futex", 1),
    "store": ("cpu_fault", 1),
    "load": ("cpu_fault", 1),
    "sleeps": ("sleep", 53 * 1_009_000),
    "vfork": ("child", 7 * 3_000_000),
    "waitv": ("futex", 53 * 1_009_000),
}

# Threads without quota for so many times what the kernel counts for their CPUs: from, to. Of two on one CPU, one may
# not be there when the quota runs out: at the ends, or in its sleep.
QUOTA = {"quota": (1, 1), "quotaone": (1.7, 2), "quotawoken": (1, 2)}
QUOTA_SHARE = 0.02


class Jobs:
    """What the jobs left, by name."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, name, kind):
        try:
            with open(os.path.join(self.folder, f"{name}.{kind}"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def status(self, name):
        text = self.read(name, "status").strip()
        return int(text) if text else None

    def why(self, name):
        """One line on a job that failed."""
        status = self.status(name)
        if status is None:
            return "did not run"
        lines = (self.read(name, "err") or self.read(name, "out")).strip().splitlines()
        return f"status {status}: {lines[-1] if lines else 'no message'}"

    def recorded(self):
        """Names of the recordings that were asked for."""
        end = ".record.status"
        return sorted(name[:-len(end)] for name in os.listdir(self.folder) if name.endswith(end))


def check(good, what, why=""):
    print("passed" if good else "failed", what if good or not why else f"{what}: {why}")
    return good


def closure_errors(threads):
    """Ledgers that do not add up to the time in which the thread was there."""
    errors = []
    for t in threads:
        total = sum(t["buckets"].values())
        if abs(total - t["wall_ns"]) > max(CLOSURE_SHARE * t["wall_ns"], CLOSURE_NS):
            errors.append(f"{t['comm']} sums to {total} of {t['wall_ns']} ns")
    return errors


def counter_errors(threads):
    """Counts that are not the kernel's."""
    pairs = [("switches_voluntary", "nvcsw"), ("switches_involuntary", "nivcsw"), ("faults_minor", "min_flt"),
             ("faults_major", "maj_flt")]
    return [f"{t['comm']} has {t[ours]} {ours}, by the kernel {t['kernel'][kernel]}"
            for t in threads for ours, kernel in pairs if t[ours] != t["kernel"][kernel]]


def missed_runs(text):
    """Of a text report: which programs the kernel left out, how often."""
    told = re.search(r"missed runs [\d,]+ \([^:)]*:([^)]*)\)", " ".join(text.split()))
    return {name: int(cnt) for name, cnt in re.findall(r"(\w+) (\d+)", told.group(1))} if told else {}


def missed_errors(cnt, missed, preemption):
    may_miss = {} if preemption in ("none", "voluntary") else MISSED_MAX
    errors = [f"{n} runs of {name} missed" for name, n in missed.items() if n > may_miss.get(name, 0)]
    if cnt != sum(missed.values()):
        errors.append(f"{cnt} missed runs, told are {missed}")
    return errors


def loss_errors(losses, missed, preemption):
    errors = [f"lost {cnt} {what}" for what, cnt in losses.items() if cnt and what != "missed runs"]
    return errors + missed_errors(losses["missed runs"], missed, preemption)


def unknown_errors(threads, missing):
    """Counts of events that this kernel does not tell of must be null, not 0; the others known."""
    errors = []
    for cap, counts in COUNTED_BY.items():
        for count in counts:
            wrong = sum((t[count] is None) != (cap in missing) for t in threads)
            if wrong:
                errors.append(f"{count} is {'known' if cap in missing else 'unknown'} in {wrong} threads")
    return errors


def bucket_errors(name, threads):
    bucket, least = LEAST.get(name, (None, 0))
    ns = sum(t["buckets"][bucket] for t in threads) if bucket else 0
    return [f"{bucket} is {ns} ns, not {least} or more"] if ns < least else []


def stack_errors(name, report):
    """Futex waits whose call path does not reach the thread's entry: the walk is this kernel's own."""
    errors = []
    for run in report["runs"]:
        waits = run["stacks"]["waits"]
        sites = [s for s in run["sites"] if s["kind"] == "futex"]
        whole = sum(s["count"] for s in sites if s["stack_end"] == "complete")
        if whole < STACKS_WHOLE * sum(s["count"] for s in sites):
            errors.append(f"call paths of futex waits: {whole} whole of {sum(s['count'] for s in sites)}, {waits}")
        if name == "futex" and not sites:
            errors.append("no futex wait has a call path")
    return errors


def quota_errors(name, threads, truth):
    """Time without CPU quota, against what the kernel counts of the cgroup: for each CPU, while threads wait there."""
    if name not in QUOTA:
        return []
    least, most = QUOTA[name]
    ns, kernel = sum(t["quota_ns"] for t in threads), json.loads(truth)["throttled_ns"]
    good = kernel and least * (1 - QUOTA_SHARE) <= ns / kernel <= most * (1 + QUOTA_SHARE)
    return [] if good else [f"without quota for {ns} ns, {kernel} by the kernel"]


def check_recording(name, report, text, truth, missing):
    threads = [t for run in report["runs"] for t in run["threads"]]
    errors = closure_errors(threads) + counter_errors(threads)
    errors += loss_errors(report["losses"], missed_runs(text), report["host"]["preemption"])
    errors += unknown_errors(threads, missing) + bucket_errors(name, threads) + stack_errors(name, report)
    errors += quota_errors(name, threads, truth)
    if not threads:
        errors.append("no threads")
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    check(not errors, f"{name}: {len(threads)} ledgers close, counts are the kernel's, nothing lost",
          "; ".join(errors[:3]) + more)


def check_runs(jobs):
    check(jobs.status("btf") == 0, "the kernel has BTF")
    check(jobs.status("doctor") == 0, "doctor", jobs.why("doctor"))
    names = jobs.recorded()
    check(names, "recordings made", "none")
    missing = re.findall(r"^no +(.*)", jobs.read("doctor", "out"), re.M)
    fault_ends, preemption = set(), set()
    for name in names:
        job = f"{name}.record"
        if jobs.status(job) == CANNOT and "planted:" in jobs.read(job, "err"):
            print(f"skipped {name}: {jobs.why(job)}")
        elif jobs.status(job) != 0:
            check(False, f"{name}: loads and records", jobs.why(job))
        elif jobs.status(f"{name}.json") != 0:
            check(False, f"{name}: reports", jobs.why(f"{name}.json"))
        else:
            report = json.loads(jobs.read(f"{name}.json", "out"))
            fault_ends.add(report["host"]["fault_end"])
            preemption.add(report["host"]["preemption"])
            check_recording(name, report, jobs.read(f"{name}.text", "out"), jobs.read(name, "truth"), missing)
    splats = [line for line in jobs.read("dmesg", "out").splitlines() if SPLAT.search(line)]
    check(not splats, "the kernel did not complain", splats[0] if splats else "")
    # A preemptible kernel may leave programs at fexit out.
    want = {"fexit"} if preemption <= {"none", "voluntary"} else {"perf"}
    check(fault_ends == want, f"fault ends come from {'fexit' if want == {'fexit'} else 'perf events'}, "
          f"preemption {', '.join(sorted(preemption))}", f"from {sorted(fault_ends)}")


def check_refusals(jobs):
    for name in jobs.recorded():
        job = f"{name}.record"
        lines = jobs.read(job, "err").strip().splitlines()
        check(jobs.status(job) == CANNOT and len(lines) == 1, f"{name}: refuses in one line, status {CANNOT}",
              f"{len(lines)} lines, {jobs.why(job)}")
    said = jobs.read("futex.record", "err")
    check("5.15" in said, "the refusal names what is needed", said.strip() or "nothing")


def main():
    expect, version, folder = sys.argv[1:4]
    jobs = Jobs(folder)
    check(jobs.read("uname", "out").strip() == version, "the kernel asked for", jobs.read("uname", "out").strip())
    if expect == "refuse":
        check_refusals(jobs)
    else:
        check_runs(jobs)


if __name__ == "__main__":
    main()
