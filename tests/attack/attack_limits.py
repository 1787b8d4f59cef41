# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Limits of resources, and numbers given to -p: what was measured is kept, or one line says what was
missing; what is watched is left alone."""

import os
import resource
import shutil
import subprocess
import sys
import threading

import attack
from live import Mark, for_each, load_report, scratch, test, wallgap

DSO_CNT = 680
LIBRARY = """
#include <unistd.h>
#define PLAIN __attribute__((noinline)) int
PLAIN answer(void) { return 42; }
PLAIN inner(int us) { return usleep(us) + 1; }
PLAIN outer(int us) { return inner(us) + 2; }
"""
LOAD_ALL = """
import ctypes, glob, sys, time
held = [ctypes.CDLL(path) for path in sorted(glob.glob(sys.argv[1] + "/lib*.so"))]
assert len(held) == int(sys.argv[2]) and all(lib.answer() == 42 for lib in held)
time.sleep(0.5)
for lib in held:
    lib.outer(100)
"""


def limited(which, value):
    return lambda: resource.setrlimit(which, (value, value))


def one_line(c, what, done):
    c.equal(f"{what}: lines on stderr: {done.err}", done.err.count("\n"), 1)


@test
def test_limit_files(c):
    """A program with more libraries than we may have files open: the rest is counted, nothing else lost."""
    with scratch() as tmp:
        source, first, out = (os.path.join(tmp, name) for name in ("l.c", "lib0.so", "r.wg"))
        with open(source, "w", encoding="ascii") as f:
            f.write(LIBRARY)
        # its functions keep no frame pointer: without their tables nobody can tell who called them
        subprocess.run(["gcc", "-O1", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-shared",
                        "-fPIC", "-o", first, source], check=True)
        for i in range(1, DSO_CNT):
            shutil.copy(first, os.path.join(tmp, f"lib{i}.so"))
        done = wallgap("record", "-o", out, "--", sys.executable, "-c", LOAD_ALL, tmp, DSO_CNT,
                       preexec=limited(resource.RLIMIT_NOFILE, 300))
        c.equal(f"status ({done.tail()})", done.status, 0)
        report = load_report(out)
        lost = report["losses"].get("descriptors", 0)
        c.at_least("mappings without a file", lost, DSO_CNT // 2)
        c.that("descriptors" in done.out, "the report does not tell of it")
        check_cut_short(c, report["runs"][0]["sites"])


def check_cut_short(c, sites):
    """A call path ends at code of a file that was not read, and says so; those of the others are whole."""
    sleeps = [s for s in sites if s["bucket"] == "sleep"]
    whole = [s for s in sleeps if s["stack_end"] == "complete"]
    cut = [s for s in sleeps if "[unknown]" in s["stack"]]
    c.at_least("waits with their whole call path", sum(s["count"] for s in whole), 100)
    c.at_least("waits below code that was not read", sum(s["count"] for s in cut), DSO_CNT // 4)
    for s in cut:
        c.equal(f"above code that was not read ({s['stack_end']})",
                s["stack"][s["stack"].index("[unknown]") + 1:], [])
        c.equal("how it ends", s["stack_end"], "unsupported")
    for s in whole:
        c.at_least(f"frames of {s['stack']}", len(s["stack"]) - s["kernel_frames"], 4)


MEGABYTES = range(20, 124, 2) if attack.full() else (24, 40, 56, 72, 84, 88, 92, 104, 160)


@for_each(**{f"{mb}_mb": mb for mb in MEGABYTES})
def test_limit_memory(c, mb):
    """With too little address space the line says so, and nothing of the kernel."""
    with scratch() as tmp:
        out = os.path.join(tmp, "r.wg")
        done = wallgap("record", "-o", out, "--", "true",
                       preexec=limited(resource.RLIMIT_AS, mb << 20))
        if not done.status:
            load_report(out)
        else:
            c.that("no kernel BTF" not in done.err, f"not the truth: {done.err}")
            c.that("emory" in done.err, f"memory is not named: {done.err}")
            c.equal("status: not 77, which is for what this kernel cannot do, nor a crash", done.status, 1)
            c.equal("files left", os.listdir(tmp), [])
        c.note(f"status {done.status}")


@for_each(descriptors=(resource.RLIMIT_NOFILE, 40), length=(resource.RLIMIT_FSIZE, 4096))
def test_limit_fails(c, limit):
    """What cannot be saved, or begun, is one line and leaves nothing half-written."""
    with scratch() as tmp:
        done = wallgap("record", "-o", os.path.join(tmp, "r.wg"), "--", "true", preexec=limited(*limit))
        c.equal("status", done.status, 1)
        c.that("wallgap record: " in done.err, f"no line: {done.err}")
        c.equal("files left", os.listdir(tmp), [])


# --- -p

class Sleeper:
    """A process that does nothing, killed at the end."""

    def __enter__(self):
        self.mark = Mark()
        self.p = subprocess.Popen(["sleep", "1000"], env=self.mark.env())
        return self.p

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()


@test
def test_pid_left_alone(c):
    """What -p watches goes on when the time is over, and when we are interrupted."""
    with scratch() as tmp, Sleeper() as p:
        done = wallgap("record", "-o", os.path.join(tmp, "r.wg"), "-p", p.pid, "-d", 1)
        c.equal(f"status ({done.tail()})", done.status, 0)
        c.equal("status of what was watched", p.poll(), None)
        done = wallgap("record", "-o", os.path.join(tmp, "s.wg"), "-p", p.pid, "-d", 60,
                       preexec=lambda: interrupt_soon(os.getpid()))
        c.equal(f"status ({done.tail()})", done.status, 130)
        c.equal("status of what was watched", p.poll(), None)


def interrupt_soon(pid):
    """In the child that becomes wallgap: another sends it SIGINT in three seconds."""
    if os.fork() == 0:
        os.setsid()
        os.execlp("sh", "sh", "-c", f"sleep 3; kill -INT {pid}")


@test
def test_pid_twice(c):
    """-p again adds a process; the same number again does not."""
    with scratch() as tmp, Sleeper() as one, Sleeper() as two:
        out = os.path.join(tmp, "r.wg")
        done = wallgap("record", "-o", out, "-p", one.pid, "-p", two.pid, "-p", one.pid, "-d", 1)
        c.equal(f"status ({done.tail()})", done.status, 0)
        got = load_report(out)["runs"][0]
        c.equal("watched", sorted(t["tgid"] for t in got["threads"]), sorted((one.pid, two.pid)))
        c.equal("label", got["label"], f"processes {one.pid}, {two.pid}")
        c.equal("still there", [one.poll(), two.poll()], [None, None])


@test
def test_pid_is_none(c):
    """A number that is no process to watch: one line that says what it is."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    gone = subprocess.Popen(["true"])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
    cases = {"thread of process": thread.native_id, "thread of the kernel": 2, "has ended": gone.pid,
             "no such process": 4_194_304 + 7}
    for words, number in cases.items():
        said = wallgap("record", "-p", number, "-d", 1)
        c.equal(f"status of -p {number}", said.status, 1)
        c.that(words in said.err, f"-p {number}: {said.err}")
        one_line(c, f"-p {number}", said)
    done.set()
    thread.join()
    gone.wait()


@test
def test_pid_first(c):
    """Process 1, which some kernels hide from all tracing: watched, or said so, and never "no such process"."""
    with scratch() as tmp:
        said = wallgap("record", "-o", os.path.join(tmp, "r.wg"), "-p", 1, "-d", 1)
    if said.status:
        c.equal("status", said.status, 1)
        one_line(c, "-p 1", said)
        c.that("process 1 (" in said.err and "no such" not in said.err, said.err)


@test
def test_limits_not_the_kernel(c):
    """Too few descriptors for the programs: the line blames the limit, not the kernel."""
    with scratch() as tmp:
        for most in (20, 64):
            said = wallgap("record", "-o", os.path.join(tmp, "r.wg"), "--", "true",
                           preexec=limited(resource.RLIMIT_NOFILE, most))
            c.equal(f"status with {most}", said.status, 1)
            one_line(c, f"{most} descriptors", said)
            c.that("ulimit" in said.err and "kernel allows" not in said.err, said.err)
