# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Sites of a report: what the tests ask of runs[].sites[], in one place. A call path is a list of
names, leaf first; here its kernel part and its user part are apart."""

import json
import math
import os
import re
import signal
import subprocess
import time
from itertools import zip_longest

from live import (CannotRun, Failure, Mark, PLANTED, Recorded, Skip, TIMEOUT_S, WALLGAP,
                  load_report, of_time, scratch, show, wallgap)

# Of a thread, of a program, and of the loader before it.
THREAD_ENTRY = ("clone3", "clone", "__clone3", "__clone", "__GI___clone", "_start",
                "_dl_start_user")
HIST_BASE = 7  # bucket i of a histogram holds 2^(i + 7) up to 2^(i + 8) ns
COMPLETE = 0.99


def user_path(site):
    return site["stack"][site.get("kernel_frames", 0):]


def kernel_path(site):
    return site["stack"][:site.get("kernel_frames", 0)]


def bare(name):
    """Without what compilers hang on clones of a function."""
    return re.sub(r"(\.(part|constprop|isra|cold|lto_priv)\.?\d*)+$", "", name)


def own_part(path, first, last=None):
    """The path from the frame named first on (to that named last): what the program planted."""
    if first not in path:
        return []
    path = path[path.index(first):]
    return path[:path.index(last) + 1] if last in path else path


def chain(path, *names):
    """Whether these names stand in the path one right after the other."""
    return any(path[i:i + len(names)] == list(names) for i in range(len(path)))


def ordered(path, *names):
    """Whether these names stand in the path in this order, others between them or not."""
    left = iter(path)
    return all(name in left for name in names)


def waits(run, bucket=None, through=None):
    """Sites of blocked time; with that function on their path."""
    return [s for s in run["sites"] if s["kind"] in ("futex", "klock", "blocked", "lost") and
            bucket in (None, s["bucket"]) and (not through or through in user_path(s))]


def samples(run, through=None):
    return [s for s in run["sites"] if s["kind"] == "cpu" and
            (not through or through in user_path(s))]


def faults(run, through=None):
    return [s for s in run["sites"] if s["kind"] == "fault" and
            (not through or through in user_path(s))]


def total(sites, key="count"):
    return sum(s[key] for s in sites)


def histogram(sites):
    """Sum of the sites' histograms, a list of counts."""
    return [sum(column) for column in zip_longest(*(s["histogram"] for s in sites), fillvalue=0)]


def bucket_of(ns):
    return max(0, int(math.log2(ns)) - HIST_BASE)


def tops(sites, count=4):
    """The largest, in a few words, for messages."""
    return "; ".join(f"{s['count']}x {s['stack_end']} {' < '.join(s['stack'][:14])}"
                     for s in sorted(sites, key=lambda s: -s["count"])[:count]) or "none"


def is_without_user(site):
    """In the kernel while there is no user memory: in exec, at the end, or not yet out of fork."""
    return site["stack_end"] == "none" and any(
        f in ("bprm_execve", "do_exit", "begin_new_exec", "ret_from_fork") or "sys_execve" in f or
        "do_execve" in f for f in kernel_path(site))


FIRST_MOMENTS = 3


def end_of(path):
    """The outermost function. A stripped program's _start is known by whom it calls."""
    if len(path) > 1 and path[-1].startswith("[") and "libc_start_main" in path[-2]:
        return "_start"
    return path[-1] if path else "nothing"


def check_complete(check, what, sites, share=COMPLETE):
    """That so much of the sites, by count, has a whole call path."""
    sites = [s for s in sites if not is_without_user(s)]
    n = total(sites)
    if not check.that(n, f"no {what}"):
        return
    whole = total([s for s in sites if s["stack_end"] == "complete"])
    rest = [s for s in sites if s["stack_end"] != "complete"]
    # The first moments of a program pass before its mappings are known: a fixed number, not a share.
    first = min(total([s for s in rest if s["stack_end"] == "unmapped"]), FIRST_MOMENTS)
    check.that(whole + first >= share * n, f"{what}: {whole:,} of {n:,} paths are whole: {tops(rest)}")
    ends = {end_of(user_path(s)) for s in sites if s["stack_end"] == "complete"}
    strange = [e for e in ends if bare(e) not in THREAD_ENTRY and "+0x" not in e]
    check.equal(f"{what}: ends of whole paths that are no thread's entry", strange, [])
    check.note(f"{what}: {whole / n:.2%} of {n:,} whole")


def check_covered(check, run, bucket, share=0.01, slack_ns=1_000_000):
    """That the sites of a blocked bucket add up to the threads' own time in it."""
    have = total(waits(run, bucket), "total_ns")
    want = sum(t["buckets"].get(bucket, 0) for t in run["threads"])
    check.near(f"time of the {bucket} sites against the bucket", have, want, share, slack_ns)


def sampling_hz(run):
    hz = run.get("sample_hz") or 0
    if not hz:
        raise Failure("the run has no samples: no sample_hz")
    return hz


@of_time
def check_sampled(check, what, sites, cpu_ns, run, sigmas=5):
    """That the number of samples agrees with a known amount of CPU time. Samples come at regular
    times, so their count scatters less than a Poisson process would."""
    want = cpu_ns * sampling_hz(run) / 1e9
    room = sigmas * math.sqrt(want) + 2 + want * 0.02
    check.between(f"samples {what}", total(sites), want - room, want + room)
    check.note(f"{what}: {total(sites):,} samples, {want:.0f} wanted")


# --- running what record() of live does not ---

def native(workload, model, n=None):
    """The runner by hand, as `wallgap record` may run it."""
    program = os.path.join(os.path.dirname(PLANTED), "wallgap-native")
    if not os.access(program, os.X_OK):
        raise Failure(f"{program} is not there: make first")
    return [program, "--workload", workload, "--model", model, *(["--n", n] if n else [])]


def record_command(argv, options=(), wants_status=0, truth=True, cwd=None, **env):
    """Record any command; its truth beside it when it leaves one."""
    with scratch() as tmp:
        out, path = os.path.join(tmp, "run.wg"), os.path.join(tmp, "truth.json")
        if truth:
            env["WALLGAP_TRUTH"] = path
        done = wallgap("record", "-o", out, *options, "--", *argv, cwd=cwd, **env)
        if done.status == 77 and wants_status != 77:
            raise (Skip if "planted: " in done.err else CannotRun)(done.tail())
        if done.status != wants_status:
            raise Failure(f"record {argv[0]}: status {done.status}: {done.tail()}")
        said = {"threads": []}
        if os.path.exists(path):
            with open(path) as f:
                said = json.load(f)
        return Recorded(load_report(out), said, done)


class Running:
    """A planted program beside us, killed at the end of the block."""

    def __init__(self, program, *args):
        self.argv, self.mark = [os.path.join(PLANTED, program), *map(str, args)], Mark()

    def __enter__(self):
        self.p = subprocess.Popen(self.argv, env=self.mark.env(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        self.pid = self.p.pid
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        self.p.wait()
        self.mark.gone()

    def comms(self):
        found = []
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{tid}/comm") as f:
                    found.append(f.read().strip())
            except OSError:
                pass
        return found

    def settled(self, comm, count, seconds=10):
        """Wait until so many threads of that name are there and rest."""
        end = time.monotonic() + seconds
        while self.comms().count(comm) < count:
            if self.p.poll() is not None:
                raise Failure(f"{self.argv[0]} ended by itself: status {self.p.returncode}")
            if time.monotonic() > end:
                raise Failure(f"{self.argv[0]}: {self.comms().count(comm)} of {count} threads "
                              f"{show(comm)} after {seconds} s")
            time.sleep(0.05)
        time.sleep(0.3)


class Watched(Running):
    """A planted program that wallgap runs, and watches from its exec on, for so many seconds."""

    def __init__(self, seconds, folder, program, *args):
        super().__init__(program, *args)
        self.seconds, self.out = seconds, os.path.join(folder, "run.wg")
        self.comm = program[:15]

    def __enter__(self):
        self.p = subprocess.Popen([WALLGAP, "record", "-o", self.out, "-d", str(self.seconds), "--", *self.argv],
                                  env=self.mark.env(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        self.pid = self.child()
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except OSError:
            pass
        self.p.wait()
        self.mark.gone()

    def child(self, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.p.poll() is None:
            with open(f"/proc/{self.p.pid}/task/{self.p.pid}/children") as f:
                for pid in f.read().split():
                    with open(f"/proc/{pid}/comm") as comm:
                        if comm.read().strip() == self.comm:
                            return int(pid)
            time.sleep(0.02)
        raise Failure(f"wallgap record did not start {self.argv[0]}")

    def report(self):
        self.p.wait(self.seconds + TIMEOUT_S)
        return load_report(self.out)


def record_pid(pid, seconds):
    with scratch() as tmp:
        out = os.path.join(tmp, "run.wg")
        done = wallgap("record", "-o", out, "-p", pid, "-d", seconds, timeout=TIMEOUT_S)
        if done.status == 77:
            raise CannotRun(done.tail())
        if done.status:
            raise Failure(f"record -p: status {done.status}: {done.tail()}")
        return load_report(out)
