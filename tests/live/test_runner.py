# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The scripts that run tests, themselves. What a failure becomes while the CPUs are taken away: with tests that
are made up, and with what the hypervisor took made up as well. What the scripts do when asked for help, and
with a runner that says half a word. What is installed to run, and what to test."""

import os
import shutil
import subprocess
import sys
import time

import live
from live import for_each, run, scratch, test

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Fake:
    """A test that does this; how often it ran."""

    def __init__(self, body, timed=False):
        self.body, self.timed, self.ran = body, timed, 0

    def __call__(self, check):
        self.ran += 1
        self.body(check)


def stolen(body, share=0.5):
    """The same while so much of the CPUs was taken away."""
    def with_steal(check):
        check.stolen = share
        body(check)
    return with_steal


def late(check):
    check.near("a duration", 200, 100)


def exact(check):
    check.equal("a count", 7, 8)


def both(check):
    late(check)
    exact(check)


def marked(check):
    with check.of_time():
        late(check)


def fails(check):
    raise live.Failure("it hangs")



def verdict_of(fake, left=3):
    import run
    real, live.cpu_times = live.cpu_times, lambda: (0, 0)
    try:
        return run.judge(fake, left)[::2]
    finally:
        live.cpu_times = real


@test
def test_selftest_verdicts(c):
    """Nothing but checks that depend on time, and steal beside them, makes a skip of a failure."""
    cases = {
        "passes": (Fake(stolen(lambda check: None), True), ("ok", False), 1),
        "time, in a test of time": (Fake(stolen(late), True), ("skip", True), 3),
        "time, in a test of time, little steal": (Fake(stolen(late, 0.029), True), ("FAIL", False), 1),
        "time, in a test of time, no steal": (Fake(late, True), ("FAIL", False), 1),
        "time, in another test": (Fake(stolen(late)), ("FAIL", False), 1),
        "time, marked in another test": (Fake(stolen(marked)), ("skip", True), 3),
        "a count": (Fake(stolen(exact)), ("FAIL", False), 1),
        "a count, in a test of time": (Fake(stolen(exact), True), ("FAIL", False), 1),
        "a count beside time": (Fake(stolen(both), True), ("FAIL", False), 1),
        "a hang": (Fake(stolen(fails), True), ("FAIL", False), 1),
        "a hang after a duration": (Fake(stolen(lambda check: (late(check), fails(check))), True), ("FAIL", False), 1),
        "no place left": (Fake(stolen(late), True), ("FAIL", False), 3),
    }
    for what, (fake, want, times) in cases.items():
        c.equal(what, verdict_of(fake, 0 if what == "no place left" else 3), want)
        c.equal(f"times that '{what}' ran", fake.ran, times)


@test
def test_selftest_skips(c):
    """Three of a run are skipped so; each one more is a failure, and so is what is exact between them."""
    import run
    said, real = [], live.cpu_times
    live.cpu_times = lambda: (0, 0)
    tests = [(f"late_{i}", Fake(stolen(late), True)) for i in range(5)]
    tests.insert(2, ("exact", Fake(stolen(exact))))
    tests.insert(3, ("fine", Fake(stolen(lambda check: None))))
    try:
        verdicts = run.run_all(tests, say=lambda line, flush: said.append(line))
    finally:
        live.cpu_times = real
    c.equal("verdicts", verdicts, ["skip", "skip", "FAIL", "ok", "skip", "FAIL", "FAIL"])
    c.equal("lines", len(said), len(tests))
    c.that("hypervisor" in said[0] and "skipped so before" in said[-1], f"what is said: {said}")


@test
def test_selftest_marks(c):
    """Tests that are marked to depend on time are some, and none of the command line's is."""
    marks = {name: getattr(fn, "timed", False) for name, fn in live.TESTS}
    c.between("tests that depend on time", sum(marks.values()), 50, len(marks) // 2)
    c.equal("of the command line's", [n for n, t in marks.items() if t and n.startswith(("cli_", "selftest_"))], [])


@for_each(live="live/run.py", attack="attack/run.py", golden="golden/run.py", runners="runners/run.py", lint="lint.py")
def test_selftest_help(c, script):
    """Help is told and nothing is started; an option that there is not is an error."""
    for option, wants in (("--help", True), ("-h", True), ("--nosuch", False)):
        done = run([sys.executable, os.path.join(TESTS, script), option], timeout=20)
        c.equal(f"{option} succeeds", done.status == 0, wants)
        c.that("SUITE" not in done.out.splitlines()[-1:] and "passed" not in done.out.splitlines()[-1:],
               f"{option} runs tests: {done.out[-200:]}")
        c.that(len(done.out + done.err) > (100 if wants else 10), f"{option} says {done.out + done.err!r}")


HALF = """import os, sys, time
os.write(int(os.environ["WALLGAP_OUT_FD"]), %r)
time.sleep(1000)
"""


@for_each(half=b'{"type":"hel', nothing=b"", junk=b"\xff\n")
def test_selftest_half(c, said):
    """A runner that answers half, or not at all, fails its tests soon, and it is said why."""
    with scratch() as tmp:
        path = os.path.join(tmp, "runner.py")
        with open(path, "w", encoding="utf-8") as f:
            f.write(HALF % said)
        begin = time.monotonic()
        done = run([sys.executable, os.path.join(TESTS, "runners/run.py"), "--patience", "1", "--runner",
                    f"half={sys.executable} {path}", "half_hello", "half_lines", "half_work", "half_stop"], timeout=100)
        lines = done.out.splitlines()
        c.equal("status", done.status, 1)
        c.at_most("seconds", time.monotonic() - begin, 60)
        c.equal("tests that did not fail", [l for l in lines[:-1] if not l.startswith("FAIL half_")], [])
        c.that(lines[-1].startswith("SUITE runners: 0 passed, "), f"the last line is {lines[-1]}")
        if said != b"\xff\n":
            word = "no end of line" if said else "nothing came"
            c.that(all(word in line for line in lines[:3]), f"no '{word}' in {lines[:3]}")
            c.that(all("not tried" in line for line in lines[3:-1]), f"tried on: {lines[3:6]}")


NEEDED = ("sh env make gcc cc ld as cpp clang clang-14 bpftool pkg-config grep sed sort head tail cut cat rm mkdir mktemp id "
          "dirname basename cmp uname expr tr awk ls echo printf true false test touch cp ln").split()


@test
def test_selftest_deps(c):
    """To run takes no qemu, gdb or busybox; to test does. By what would be installed where nothing is but the
    compiler."""
    tools = ("qemu", "gdb", "busybox", "cmocka", "sqlite3 ", "clang-format", "cpio")
    with scratch() as tmp:
        for word in NEEDED:
            if found := shutil.which(word):
                os.symlink(found, os.path.join(tmp, word))
        for fake in ("apt-get", "apt-cache", "npm", "node"):
            with open(os.path.join(tmp, fake), "w", encoding="utf-8") as f:
                f.write(f'#!/bin/sh\necho {fake} "$@" >>{tmp}/log\n[ {fake} != apt-cache ] || echo Filename: x\n')
            os.chmod(os.path.join(tmp, fake), 0o755)
        os.mkdir(os.path.join(tmp, "pc"))
        for target, extra, wanted in (("deps", [], False), ("deps", ["WITH=test"], True), ("run", ["-n"], False),
                                      ("test", ["-n"], True)):
            log = os.path.join(tmp, "log")
            if os.path.exists(log):
                os.unlink(log)
            env = {"PATH": tmp, "HOME": tmp, "PKG_CONFIG_LIBDIR": os.path.join(tmp, "pc")}
            done = subprocess.run(["make", "-C", os.path.dirname(TESTS), target, *extra, "BUN=none"], env=env,
                                  capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            text = done.stdout + (open(log, encoding="utf-8").read() if os.path.exists(log) else "")
            if extra == ["-n"]:
                asked = "WITH=test" in text or " test " in next((l for l in text.splitlines() if "deps.sh" in l), "")
                c.equal(f"make {target} asks for what tests take", asked, wanted)
                continue
            c.that("install" in text and "libbpf-dev" in text, f"make {target} {extra} installs nothing: {text[-300:]}{done.stderr[-300:]}")
            got = [t for t in tools if t in text.replace("libsqlite3", "")]
            c.equal(f"make {target} {' '.join(extra)} installs of the tests' tools", bool(got), wanted)
            if wanted:
                c.that({"qemu", "gdb", "busybox"} <= set(got), f"of the tests' tools only {got}")
