#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Conformance of runners to the protocol (workloads/protocol.md): without root, without wallgap.

    tests/runners/run.py [-l] [-v] [--runner NAME=COMMAND]... [NAME...]     from the root of the tree

NAME is a test or the beginning of some: "node" or "bun_crash". -l lists them, -v tells how long each
took. With --runner, only the runners given are checked: COMMAND is split into words at spaces.
Without: the runners of the tree. Prints one line a test and, last,
"SUITE runners: N passed, N failed, N skipped"; status 1 when any failed. A runtime that is not
there is a skip, with WALLGAP_REQUIRE_LIVE=1 a failure.

A runner that does not answer within --patience seconds has failed the test. After three tests in which it
did not, its others fail untried. No test goes on for more than ten times as long."""

import argparse
import hashlib
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import loader  # noqa: E402
from loader import Failure, Runner, Silent, call_of, faults_of, files_of  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GIVE_UP = 3  # tests in which a runner does not answer
REQUIRED = os.environ.get("WALLGAP_REQUIRE_LIVE") == "1"
MODELS = ("single", "threads", "procs")
# Size of a task: enough to be more than one round of anything, small enough to be quick.
SIZES = {"math": 20_000, "crypto": 2_000, "transfer": 4096 * 300 + 5}
END_S = 3  # a runner ends within two seconds of stop; one more for a busy machine
FUTEX = {"x86_64": (202, 449, 455), "aarch64": (98, 449, 455)}.get(platform.machine(), ())


class Skip(Exception):
    """Why this cannot be tested here."""


class Check:
    def __init__(self):
        self.wrong = []

    def that(self, holds, text):
        if not holds:
            self.wrong.append(text)

    def equal(self, what, got, wanted):
        self.that(got == wanted, f"{what} is {got!r}, not {wanted!r}")


# --- what the checksums must be ---

def text_of_last(n):
    return hashlib.sha512(f"{n - 1}-{{result}}".encode()).hexdigest()


def sum_of_words(n):
    return f"{sum(p * 2654435761 % 2**32 for p in range(-(-n // 4096))) % 2**32:08x}"


def sum_of_waves(n):
    total = 0.0
    for i in range(n):
        total += math.sqrt(i) * math.sin(i)
    return total


def check_checksum(c, workload, n, checksum):
    if workload == "crypto":
        c.equal("checksum of crypto", checksum, text_of_last(n))
    elif workload == "transfer":
        c.equal("checksum of transfer", checksum, sum_of_words(n))
    else:
        # Runtimes bring their own sin(): see the protocol for the tolerance.
        off = abs(float(checksum) - sum_of_waves(n))
        c.that(off <= 1e-12 * math.sqrt(n), f"checksum of math is {checksum}, off by {off}")
        c.equal("checksum of math in 17 digits", checksum, f"{float(checksum):.17g}")


# --- tests; each gets a Check and a runner's command ---

def test_hello(c, command):
    with Runner(command) as r:
        hello = r.expect("hello")
        c.equal("protocol", hello["protocol"], 1)
        c.that(hello["runtime"] and hello["version"], f"no runtime or version: {hello}")
        for lib in hello["libs"]:
            c.that(lib["name"] and isinstance(lib["version"], str), f"not a library: {lib}")
        c.that(all(isinstance(f, str) for f in hello.get("flags", [])), "flags that are no strings")
        c.that(set(hello["models"]) & set(MODELS), f"models: {hello['models']}")
        c.that(set(hello["workloads"]) & set(SIZES), f"workloads: {hello['workloads']}")
        r.close_in()
        c.that(r.status(END_S) is not None, "it stays when the loader is gone")


def has(command, model, workload="math"):
    with Runner(command) as r:
        hello = r.expect("hello")
    if model not in hello["models"] or workload not in hello["workloads"]:
        raise Skip(f"it has no {model} or no {workload}")


def check_lanes(c, r, lanes, model, workers):
    c.equal("number of lanes", len(lanes), workers)
    tids, tgids = {l["tid"] for l in lanes}, {l["tgid"] for l in lanes}
    c.equal("different threads", len(tids), workers)
    for lane in lanes:
        path = f"/proc/{lane['tgid']}/task/{lane['tid']}"
        c.that(os.path.isdir(path), f"{path} does not exist")
        c.that(lane["cpu"] == -1, f"a lane is on CPU {lane['cpu']} that was not asked for")
    if model == "procs":
        c.equal("different processes", len(tgids), workers)
        c.that(r.process.pid not in tgids, "the orchestrator's process has a lane")
        for tgid in tgids:
            c.equal(f"pipes of ours in child {tgid}", files_of(tgid) & r.pipes, set())
    else:
        c.equal("processes", tgids, {r.process.pid})


def check_asleep(c, lanes):
    """In time: a lane is allowed to be about to sleep."""
    deadline = time.monotonic() + 2
    for lane in lanes:
        call = None
        # one may be at a lock of its runtime for a moment: only who stays there waits for work so
        while (call is None or call in FUTEX) and time.monotonic() < deadline:
            call = call_of(lane["tgid"], lane["tid"])
        c.that(call is None or call not in FUTEX, f"lane {lane['tid']} waits for work on a futex")


def check_done(c, done, tasks, workers, before_ns, after_ns):
    begin_ns, end_ns = done["begin_ns"], done["end_ns"]
    # A runtime with doubles only rounds times.
    c.that(before_ns - 1000 <= begin_ns <= end_ns <= after_ns + 1000,
           f"window {begin_ns} to {end_ns}, seen from outside {before_ns} to {after_ns}")
    c.equal("indices", sorted(t["index"] for t in done["tasks"]), list(range(tasks)))
    last_ns = {}
    for t in sorted(done["tasks"], key=lambda t: t["index"]):
        c.equal(f"lane of task {t['index']}", t["lane"], t["index"] % workers)
        c.that(begin_ns <= t["begin_ns"] <= t["end_ns"] <= end_ns,
               f"task {t} is not within {begin_ns} to {end_ns}")
        c.that(t["begin_ns"] >= last_ns.get(t["lane"], 0), f"task {t} overlaps the one before")
        last_ns[t["lane"]] = t["end_ns"]
    sums = {t["checksum"] for t in done["tasks"]}
    c.equal("different checksums", len(sums), 1)
    return sums.pop()


def work(c, command, model, workload, tasks=3, **fields):
    """Three times go; the checksum of all."""
    has(command, model, workload)
    workers, n = 1 if model == "single" else 2, SIZES[workload]
    with Runner(command) as r:
        ready = r.set_up(workload, model, workers, tasks, n, timeout_s=50, **fields)
        c.equal("n of ready", ready["n"], n)
        c.that(isinstance(ready["detail"], str), "no detail in ready")
        check_lanes(c, r, ready["lanes"], model, workers)
        if "detail" not in ready or "futex" not in ready["detail"]:
            check_asleep(c, ready["lanes"])
        sums = set()
        for _ in range(3):
            before_ns = time.monotonic_ns()
            done = r.go()
            sums.add(check_done(c, done, tasks, workers, before_ns, time.monotonic_ns()))
        check_lanes(c, r, ready["lanes"], model, workers)
        r.send("stop")
        c.equal("exit status after stop", r.status(END_S), 0)
        c.equal("left after stop", r.left(END_S), [])
    c.equal("different checksums of three goes", len(sums), 1)
    return sums.pop()


def each_work(model, workload):
    def test_work(c, command):
        check_checksum(c, workload, SIZES[workload], work(c, command, model, workload))
    return test_work


def each_untouched(model):
    def test_untouched(c, command):
        c.equal("checksum", work(c, command, model, "transfer", touch=False), "untouched")
    return test_untouched


def test_native_pages(c, command):
    """touch decides over page faults; other runtimes have memory that they use again."""
    pages = 5000
    for model in MODELS:
        for touch in (True, False):
            with Runner(command) as r:
                lanes = r.set_up("transfer", model, n=4096 * pages, touch=touch)["lanes"]
                before = sum(faults_of(l["tgid"]) for l in lanes)
                r.go()
                faults = sum(faults_of(l["tgid"]) for l in lanes) - before
                c.that((faults > pages) == touch, f"{faults} faults, {model}, touch {touch}")


def says_error(c, r, what, *words):
    """One error message, then the end. Its text."""
    return check_error(c, r, r.read(), what, *words)


def check_error(c, r, message, what, *words):
    if not message or message["type"] != "error":
        c.that(False, f"{what}: {message} instead of an error")
        return ""
    for word in words:
        c.that(word in message["text"], f"{what}: no \"{word}\" in \"{message['text']}\"")
    c.that(r.read_line(END_S) == "", f"{what}: something follows the error")
    c.that(r.status(END_S) not in (None, 0), f"{what}: exit status {r.process.returncode}")
    c.equal(f"{what}: left", r.left(END_S), [])
    return message["text"]


def test_junk(c, command):
    good = {"workload": "math", "model": "single", "workers": 1, "tasks": 1, "n": 10}
    cases = {
        "no JSON": ("junk\n",),
        "no object": ("[1]\n",),
        "no type": ('{"kind":"go"}\n',),
        "unknown type": ('{"type":"dance"}\n',),
    }
    for what, lines in cases.items():
        with Runner(command) as r:
            r.expect("hello")
            for line in lines:
                r.send_text(line)
            says_error(c, r, what)
    wrong = [{"workload": "no such"}, {"model": "no such"}, {"workers": 0}, {"workers": 2},
             {"workers": "1"}, {"tasks": 0}, {"tasks": 50_001}, {"n": -1}, {"n": 10**13},
             {"cpus": [0, 0]}, {"cpus": "0"}, {"timeout_s": -1}, {"touch": 3}]
    for change in wrong:
        with Runner(command) as r:
            r.expect("hello")
            r.send("setup", **{**good, **change})
            says_error(c, r, f"set-up with {change}")
    with Runner(command) as r:
        r.expect("hello")
        r.send("go")
        says_error(c, r, "go before set-up")
    with Runner(command) as r:
        r.expect("hello")
        r.send("setup", **good)
        r.expect("ready")  # what comes before that means that the loader gives up
        r.send("setup", **good)
        c.that("error" in (m["type"] for m in iter(r.read, None)), "a second set-up is taken")


def test_lines(c, command):
    """Messages in pieces and several at once; fields that nobody knows."""
    has(command, "single")
    with Runner(command) as r:
        r.expect("hello")
        for piece in ('{"type":"setup","workload":"math","model":"single","workers":1,"ta',
                      'sks":2,"n":10,"cpus":null,"later":{"a":[1]},"more":nu', 'll}\n'):
            r.send_text(piece)
            time.sleep(0.05)
        r.expect("ready")
        r.go()
        r.send_text('{"type":"stop"}\n{"type":"stop"}\n')
        c.equal("exit status", r.status(END_S), 0)


def each_crash(model):
    def test_crash(c, command):
        has(command, model)
        lane = 0 if model == "single" else 1
        with Runner(command, WALLGAP_TEST_CRASH=str(lane)) as r:
            r.set_up("math", model, n=1000)
            r.send("go")
            if model == "procs":
                says_error(c, r, "a crash", f"lane {lane}", "signal 11")
                return
            c.equal("message", r.read(), None)
            c.equal("exit status", r.status(END_S), -signal.SIGSEGV)
    return test_crash


def each_hang(model):
    def test_hang(c, command):
        has(command, model)
        lane = 0 if model == "single" else 1
        with Runner(command, WALLGAP_TEST_HANG=str(lane)) as r:
            r.set_up("math", model, n=1000, timeout_s=1)
            r.send("go")
            message = r.read(3)
            if message:
                c.equal("type", message["type"], "error")
                c.that(f"lane {lane}" in message["text"], message["text"])
                c.that(r.status(END_S) not in (None, 0), f"exit status {r.process.returncode}")
            else:  # it need not keep the time
                r.send("stop")
                c.equal("exit status after stop", r.status(END_S), 0)
            c.equal("left", r.left(END_S), [])
    return test_hang


def each_wrong(model, workload):
    def test_wrong(c, command):
        has(command, model, workload)
        with Runner(command, WALLGAP_TEST_WRONG="1") as r:
            r.set_up(workload, model, n=SIZES[workload])
            r.send("go")
            says_error(c, r, "a wrong checksum", "wrong")
    return test_wrong


def busy(command, model, building):
    """A runner whose lanes work for longer than anybody waits: at one task of the warm-up, or, after
    go, at one of very many small ones, between which a runtime with one thread hears the loader."""
    has(command, model, "crypto")
    r = Runner(command)
    if building:
        r.expect("hello")
        r.send("setup", workload="math", model=model, workers=2, tasks=2, n=10**12)
        time.sleep(0.7)
    else:
        r.set_up("crypto", model, tasks=20_000, n=3000)
        r.send("go")
        time.sleep(0.2)
    return r


def check_gone(c, r):
    c.equal("left", r.left(END_S), [])
    while line := r.read_line(END_S):  # what it said before
        pass
    c.equal("end of what it says", line, "")  # none: somebody holds the loader's pipe


def each_stop(model, building):
    def test_stop(c, command):
        with busy(command, model, building) as r:
            r.send("stop")
            c.equal("exit status", r.status(END_S), 0)
            check_gone(c, r)
    return test_stop


def each_stop_any_moment(model):
    """What a runner's end takes down, its lanes still use: each stop meets them elsewhere."""
    def test_stop_any_moment(c, command):
        has(command, model, "crypto")
        for ms in range(20, 50, 3):
            with Runner(command) as r:
                r.set_up("crypto", model, workers=4, tasks=20_000, n=3000)
                r.send("go")
                time.sleep(ms / 1000)
                r.send("stop")
                c.equal(f"exit status, stopped {ms} ms after go", r.status(END_S), 0)
                check_gone(c, r)
    return test_stop_any_moment


def each_loader_gone(model, building):
    def test_loader_gone(c, command):
        with busy(command, model, building) as r:
            r.close_in()
            c.that(r.status(END_S) is not None, "it works on though the loader is gone")
            check_gone(c, r)
    return test_loader_gone


def each_signal(model, building, number):
    def test_signal(c, command):
        with busy(command, model, building) as r:
            r.kill_group(number)
            c.that(r.status(END_S) is not None, f"it survives {number.name}")
            check_gone(c, r)
    return test_signal


def each_killed(building):
    def test_killed(c, command):
        if not shutil.which("setpriv") and "native" not in command[0]:
            raise Skip("no setpriv: a child at work outlives the orchestrator until it is done")
        with busy(command, "procs", building) as r:
            r.process.kill()
            r.status(END_S)
            check_gone(c, r)
    return test_killed


def each_worker_killed(working):
    def test_worker_killed(c, command):
        has(command, "procs", "crypto")
        with Runner(command) as r:
            lanes = r.set_up("crypto", "procs", tasks=20_000, n=3000)["lanes"]
            if working:
                r.send("go")
                time.sleep(0.2)
            os.kill(lanes[1]["tgid"], signal.SIGKILL)
            if not working:  # it may notice at once, or when it needs the worker
                time.sleep(0.3)
                r.send("go")
            says_error(c, r, "a killed worker", "lane 1", "signal 9")
    return test_worker_killed


def each_limit(model):
    """More workers than the user may have threads. The user is one that has no others."""
    def test_limit(c, command):
        has(command, model)
        if os.geteuid() or not shutil.which("setpriv") or not shutil.which("prlimit"):
            raise Skip("needs root, setpriv and prlimit, to be a user with a limit")
        user = 60_000 + os.getpid() % 5000
        with Runner(["setpriv", f"--reuid={user}", "--clear-groups", "prlimit", "--nproc=40:40",
                     *command]) as r:
            hello = r.read()
            if not hello:
                raise Skip(f"another user cannot start it: {r.noise()}")
            r.send("setup", workload="math", model=model, workers=200, tasks=200, n=10)
            line = r.read_line()
            what = "200 workers where there is room for 40"
            if line == "":
                # a thread of its own that the runtime itself cannot make may be the end of it
                c.that(r.status(END_S) not in (None, 0), f"{what}: status {r.process.returncode}")
                c.equal(f"{what}: left", r.left(END_S), [])
            else:
                check_error(c, r, json.loads(line) if line else None, what)
    return test_limit


def test_hand(c, command):
    def run(*options):
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    for model in MODELS:
        status, out, err = run("--workload", "transfer", "--model", model, "--workers", "2",
                               "--tasks", "3", "--n", "100000", "--repeats", "2", "--no-touch")
        c.equal(f"status with {model}", status, 0)
        c.equal(f"errors with {model}", err, "")
        c.equal(f"lines with {model}", len([float(line) for line in out.split()]), 2)
    status, out, _ = run("--help")
    c.equal("status of --help", status, 0)
    c.that("--no-touch" in out, "--help does not tell all options")
    for options in ((), ("--workload", "math"), ("--workload", "x", "--model", "single"),
                    ("--workload", "math", "--model", "threads", "--n", "x"), ("--what",)):
        status, out, err = run(*options)
        c.equal(f"status with {options}", status, 2)
        c.that(err and not out, f"no message with {options}")


# --- the table ---

def tests_of(name):
    """Name and function of all that is asked of a runner."""
    yield "hello", test_hello
    yield "junk", test_junk
    yield "lines", test_lines
    for model in MODELS:
        for workload in SIZES:
            yield f"work_{model}_{workload}", each_work(model, workload)
        if model != "single":
            yield f"limit_{model}", each_limit(model)
        yield f"untouched_{model}", each_untouched(model)
        yield f"crash_{model}", each_crash(model)
        yield f"hang_{model}", each_hang(model)
    if name == "native":
        yield "pages", test_native_pages
    for model in ("threads", "procs"):
        yield f"wrong_{model}", each_wrong(model, "crypto")
        yield f"wrong_{model}_buffer", each_wrong(model, "transfer")
    for when in ("working", "building"):
        for model in MODELS if when == "working" else MODELS[1:]:
            building = when == "building"
            yield f"stop_{when}_{model}", each_stop(model, building)
            yield f"loader_gone_{when}_{model}", each_loader_gone(model, building)
            yield f"term_{when}_{model}", each_signal(model, building, signal.SIGTERM)
        yield f"killed_{when}", each_killed(when == "building")
    for model in ("threads", "procs"):
        yield f"stop_any_moment_{model}", each_stop_any_moment(model)
    yield "worker_killed_idle", each_worker_killed(False)
    yield "worker_killed_working", each_worker_killed(True)
    if name in ("native", "node", "bun"):
        yield "hand", test_hand


def find_bun():
    built = os.path.join(ROOT, "build/bun/bun")
    return built if os.access(built, os.X_OK) else shutil.which("bun")


def runners_of_tree():
    """Name -> command, or the reason why there is none."""
    native = os.path.join(ROOT, "build/wallgap-native")
    node, bun = shutil.which("node"), find_bun()
    script = os.path.join(ROOT, "workloads/%s/runner.mjs")
    return {
        "native": [native] if os.access(native, os.X_OK) else "it is not built: make",
        "node": [node, script % "node"] if node else "no node in PATH",
        "bun": [bun, script % "bun"] if bun else "no bun in build or PATH: make deps",
        "python": [sys.executable, os.path.join(ROOT, "workloads/python/runner.py")],
    }


def out_of_time(*_):
    raise Silent(f"no end within {10 * loader.PATIENCE_S} s")


def try_one(test, command):
    """What was wrong, and whether the runner kept us waiting."""
    c, silent = Check(), False
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(10 * loader.PATIENCE_S)
    try:
        test(c, command)
    except Silent as e:
        silent = True
        c.wrong.append(str(e))
    except Failure as e:
        c.wrong.append(str(e))
    except Skip:
        raise
    except Exception as e:  # a fault of the runner's messages, or of the test
        c.wrong.append(f"{type(e).__name__}: {e}")
    finally:
        signal.alarm(0)
    return c.wrong, silent


def run_one(test, command, waited):
    """ok, FAIL or skip; what to say of it. waited: how often each runner kept us waiting."""
    if isinstance(command, str):
        return ("FAIL" if REQUIRED else "skip"), command
    who = " ".join(command)
    if waited.get(who, 0) >= GIVE_UP:
        return "FAIL", f"not tried: it did not answer in {GIVE_UP} tests before"
    try:
        wrong, silent = try_one(test, command)
    except Skip as e:
        return "skip", str(e)
    waited[who] = waited.get(who, 0) + silent
    return ("FAIL" if wrong else "ok"), "; ".join(text[:300] for text in wrong[:5])


def options(args):
    head, _, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(usage=rest.strip().splitlines()[0].split("  ")[0], description=head,
                                     epilog=rest.partition("\n\n")[2].partition("\n\n")[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-l", "--list", action="store_true", help="list the tests")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell how long each took")
    parser.add_argument("--runner", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--patience", type=int, default=loader.PATIENCE_S, metavar="SECONDS",
                        help="for one answer (%(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args(args)
    for runner in chosen.runner:
        if not all(runner.partition("=")[::2]):
            parser.error(f"--runner takes NAME=COMMAND, not '{runner}'")
    return chosen


def main(args):
    o = options(args)
    loader.PATIENCE_S = o.patience
    runners = {name: command.split() for name, _, command in (r.partition("=") for r in o.runner)}
    runners = runners or runners_of_tree()
    tests = [(f"{runner}_{name}", test, command) for runner, command in runners.items()
             for name, test in tests_of(runner)]
    tests = [t for t in tests if not o.names or any(t[0].startswith(w) for w in o.names)]
    if o.list:
        print("\n".join(name for name, _, _ in tests))
        return 0
    if not tests:
        raise SystemExit(f"no such test: {' '.join(o.names)}")
    verdicts, waited = [], {}
    for name, test, command in tests:
        begin = time.monotonic()
        verdict, text = run_one(test, command, waited)
        verdicts.append(verdict)
        took = f" ({time.monotonic() - begin:.1f} s)" if o.verbose else ""
        print(f"{verdict} {name}{took}" + (f": {text}" if text else ""), flush=True)
    failed = verdicts.count("FAIL")
    print(f"SUITE runners: {verdicts.count('ok')} passed, {failed} failed, "
          f"{verdicts.count('skip')} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
