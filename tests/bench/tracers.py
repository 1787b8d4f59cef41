# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Run a target bare, or under one tracer; the target reports its own figures.

In: the command of a target that takes -o FILE and leaves one line of JSON there.
Out: that JSON. The tracer's user space stays on one CPU, the target pins itself to another.
A tracer that cannot run here raises Unavailable with what it said; nothing is silently left out.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import time

TIMEOUT_S = 120


class Unavailable(Exception):
    """The reason, one line."""


def reason(text):
    """What a program says when it fails, one line: the first that tells, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("raise ") and
               re.search(r"[Ee]rror|[Ff]ail|[Uu]nable|cannot|not permitted", line)]
    line = (telling[:1] or lines[-1:] or ["no message"])[0]
    return line.split(". ")[0][:120]


def on_cpu(cpu):
    return (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None


def stop(proc, sig=signal.SIGINT, wait_s=20):
    """End a process that we started, and wait until its probes are gone with it."""
    if proc.poll() is None:
        proc.send_signal(sig)
    try:
        proc.wait(wait_s)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()


class Tracer:
    """Bare: no tracer at all. The others say how they differ."""

    name = "nothing"

    def __init__(self, tmp, cpu=None):
        self.tmp = tmp  # folder for files that nobody keeps
        self.cpu = cpu  # of the tracer's user space; None: anywhere

    def command(self, target):
        """The command that runs the target, and the tracer if it starts the target itself."""
        return target

    def run(self, target, result=True):
        """Run the target to its end; its JSON, or with result=False its stdout."""
        out = tempfile.NamedTemporaryFile("r", dir=self.tmp, prefix="target.")
        with out:
            extra = ["-o", out.name] if result else []
            stdout = self.run_command(target + extra)
            if not result:
                return stdout
            text = out.read()
        if not text.strip():
            raise Unavailable("the target left no figures")
        return json.loads(text)

    def run_command(self, target):
        command = self.command(target)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  errors="replace", preexec_fn=on_cpu(self.cpu), timeout=TIMEOUT_S)
        except FileNotFoundError:
            raise Unavailable(f"{command[0]} is not installed") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"not done after {TIMEOUT_S} s") from None
        if done.returncode != 0:
            raise Unavailable(f"status {done.returncode}: {reason(done.stderr or done.stdout)}")
        return done.stdout


class Wallgap(Tracer):
    def __init__(self, tmp, program, cpu=None, options=()):
        super().__init__(tmp, cpu)
        self.program = program
        self.options = list(options)
        self.name = " ".join(["wallgap record", *self.options])
        self.recording = os.path.join(tmp, "bench.wg")

    def command(self, target):
        if os.path.exists(self.recording):
            os.unlink(self.recording)
        return [self.program, "record", *self.options, "-o", self.recording, "--"] + target

    def report(self):
        done = subprocess.run([self.program, "report", "--format", "json", self.recording],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise Unavailable(f"report: {reason(done.stderr)}")
        return json.loads(done.stdout)


class Starter(Tracer):
    """A tracer that attaches itself, then starts the target: perf and bpftrace -c."""

    def __init__(self, name, prefix, tmp, cpu=None, quoted=False):
        super().__init__(tmp, cpu)
        self.name = name
        self.prefix = prefix
        self.quoted = quoted  # the target is one argument

    def command(self, target):
        return self.prefix + ([" ".join(target)] if self.quoted else target)


class Empty(Tracer):
    """The empty programs: attached to the whole system before the target starts."""

    name = "empty programs"

    def __init__(self, tmp, loader, cpu=None):
        super().__init__(tmp, cpu)
        self.loader = loader
        self.fault_end = None

    def run_command(self, target):
        with subprocess.Popen([self.loader], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, preexec_fn=on_cpu(self.cpu)) as p:
            words = p.stdout.readline().split()
            if words[:1] != ["ready"]:
                raise Unavailable(reason(p.stderr.read()))
            self.fault_end = words[1]
            try:
                return super().run_command(target)
            finally:
                p.stdin.close()
                p.wait()


class Beside(Tracer):
    """A tracer that is given the pid of a target which waits at its gate (-g) until it is attached."""

    def __init__(self, name, argv, tmp, cpu=None):
        super().__init__(tmp, cpu)
        self.name = name
        self.argv = argv  # {pid} is filled in

    def run_command(self, target):
        gated = [target[0], "-g"] + target[1:]
        with subprocess.Popen(gated, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                              preexec_fn=on_cpu(self.cpu)) as t:
            tracer = None
            try:
                tracer = self.start(t.pid)
                t.communicate("\n", timeout=TIMEOUT_S)
            finally:
                t.kill()
                if tracer:
                    stop(tracer)
        return ""

    def start(self, pid):
        argv = [word.format(pid=pid) for word in self.argv]
        said = tempfile.TemporaryFile("w+", dir=self.tmp, errors="replace")
        try:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                 preexec_fn=on_cpu(self.cpu))
        except FileNotFoundError:
            raise Unavailable(f"{argv[0]} is not installed") from None
        if not wait_attached(p):
            stop(p)
            said.seek(0)
            raise Unavailable(reason(said.read()))
        return p


def links(pid):
    """BPF links and perf events that a process holds: how many, and is it asleep?"""
    cnt = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            cnt += "bpf_link" in target or "bpf-link" in target or "perf_event" in target
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            asleep = f.read().rpartition(")")[2].split()[0] == "S"
    except OSError:
        return 0, False
    return cnt, asleep


def wait_attached(proc, wait_s=30):
    """True once it holds links, as many as before, and sleeps, for a third of a second."""
    calm, seen, end = 0, 0, time.monotonic() + wait_s
    while time.monotonic() < end and proc.poll() is None:
        cnt, asleep = links(proc.pid)
        calm = calm + 1 if asleep and cnt and cnt == seen else 0
        seen = cnt
        if calm >= 6:
            return True
        time.sleep(0.05)
    return False


FUTEX_WAITS = """
tracepoint:syscalls:sys_enter_futex { @from[tid] = nsecs; }
tracepoint:syscalls:sys_exit_futex /@from[tid]/ { @cnt[tid] = count(); delete(@from[tid]); }
"""
FAULT_TIME = """
tracepoint:exceptions:page_fault_user { @from[tid] = nsecs; }
software:page-faults:1 /@from[tid]/ { @ns[tid] = sum(nsecs - @from[tid]); delete(@from[tid]); }
"""
FAULT_COUNT = "tracepoint:exceptions:page_fault_user { @cnt[tid] = count(); }"


def for_switches(tmp, cpu):
    """What people use today to see why a thread waits, (c) to (f)."""
    return [
        ("c", Beside("bcc offcputime (libbpf-tools)", ["offcputime", "-p", "{pid}"], tmp, cpu)),
        ("c", Beside("bcc offcputime (bpfcc-tools)", ["offcputime-bpfcc", "-f", "-p", "{pid}"], tmp, cpu)),
        ("d", Starter("perf sched record", ["perf", "sched", "record", "-o", "/dev/null", "--"], tmp, cpu)),
        ("e", Starter("bpftrace, futex enter and exit", ["bpftrace", "-e", FUTEX_WAITS, "-c"], tmp, cpu,
                      quoted=True)),
        ("f", Starter("perf trace -s", ["perf", "trace", "-s", "--"], tmp, cpu)),
    ]


def for_faults(tmp, cpu):
    """The same tools told to look at page faults; offcputime has nothing of the kind.

    Only bpftrace can time a fault; the others say that it happened, and where.
    """
    return [
        ("d", Starter("perf record -e page-faults -c 1 (counts only)",
                      ["perf", "record", "-q", "-e", "page-faults", "-c", "1", "-o", "/dev/null", "--"],
                      tmp, cpu)),
        ("e", Starter("bpftrace, time in faults", ["bpftrace", "-e", FAULT_TIME, "-c"], tmp, cpu,
                      quoted=True)),
        ("e", Starter("bpftrace, page_fault_user (counts only)", ["bpftrace", "-e", FAULT_COUNT, "-c"], tmp, cpu,
                      quoted=True)),
        ("f", Starter("perf trace -s -F all (counts only)", ["perf", "trace", "-s", "-F", "all", "--"], tmp, cpu)),
    ]
