# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Hostile runners: programs that bench runs as its caller, and whose messages it reads as root. Whatever
they say, bench ends in time and with one line, stays small, prints nothing that a terminal would obey,
does nothing for them that they may not do themselves, and leaves nothing of them running."""

import os
import resource
import subprocess

import attack
from attack_recordings import ESCAPES, HIDDEN
from attack_users import NOBODY, SUDO, open_folder
from live import Mark, for_each, load_report, test

WALL_S = 120
CPU_S = 30  # of wallgap and of what it started
RSS_MAX = 400_000_000  # a message of 16 MiB is taken apart into some twenty times that

# A runner that does what it must, but for what LIES change: {message: {field: value}}, or a function of
# what it would send, which returns the text to be sent.
RUNNER = """#!{python}
import json, os, sys, threading, time
out = int(os.environ["WALLGAP_OUT_FD"])
asked = os.fdopen(int(os.environ["WALLGAP_IN_FD"]))

def put(text):
    text = text if isinstance(text, bytes) else text.encode()
    while text:
        text = text[os.write(out, text):]

def send(kind, **fields):
    lie = LIES.get(kind)
    message = dict(fields, type=kind)
    if callable(lie):
        return put(lie(message))
    message.update(lie or {{}})
    put(json.dumps(message) + "\\n")

LIES = {{}}
{lies}
send("hello", protocol=1, runtime="evil", version="1", libs=[], flags=[],
     models=["single", "threads", "procs"], workloads=["math"])
work, told, tids, lanes = threading.Semaphore(0), threading.Semaphore(0), [], []
for line in asked:
    got = json.loads(line)
    if got["type"] == "setup":
        lanes = range(got["workers"])
        send("ready", lanes=[dict(tid=os.getpid(), tgid=os.getpid(), cpu=-1) for _ in lanes], n=1, detail="d")
        tasks = got["tasks"]
    elif got["type"] == "go":
        now = time.monotonic_ns()
        send("done", begin_ns=now, end_ns=now + 1000,
             tasks=[dict(index=i, lane=i % len(lanes), begin_ns=now, end_ns=now + 1000, checksum="c")
                    for i in range(tasks)])
    elif got["type"] == "stop":
        break
"""

ALL_TASKS = 'lambda m: json.dumps(dict(m, tasks=[dict(t, %s) for t in m["tasks"]])) + "\\n"'
ALL_LANES = 'lambda m: json.dumps(dict(m, lanes=[dict(l, %s) for l in m["lanes"]])) + "\\n"'

LIES = {
    "honest": "",
    "junk": 'LIES["hello"] = lambda m: os.urandom(5000).replace(b"\\n", b"") + b"\\n"',
    "nul": 'LIES["hello"] = lambda m: b"\\0" * 4096 + b"\\n"',
    "deep": 'LIES["hello"] = lambda m: "[" * 5_000_000 + "\\n"',
    "deep_field": 'LIES["ready"] = lambda m: \'{"type":"ready","lanes":\' + "{\\"a\\":" * 1_000_000 + "\\n"',
    "endless": 'LIES["hello"] = lambda m: "x" * 40_000_000',
    "wide": 'LIES["ready"] = lambda m: \'{"type":"ready","lanes":[\' + "1," * 7_000_000 + "1]}\\n"',
    "libs": 'LIES["hello"] = {"libs": [{"name": "n%d" % i, "version": "v"} for i in range(200_000)]}',
    "texts_long": 'LIES["hello"] = {"version": "v" * 9_000_000}',
    "detail_long": 'LIES["ready"] = {"detail": "d" * 9_000_000}',
    "escapes": f'E = {ascii(ESCAPES)}\n'
               'LIES["hello"] = {"version": E, "runtime": E, "flags": [E], "libs": [{"name": E, "version": E}]}\n'
               'LIES["ready"] = {"detail": E}\n'
               f'LIES["done"] = {ALL_TASKS % "checksum=E"}',
    "escapes_error": f'E = {ascii(ESCAPES)}\n'
                     'LIES["ready"] = lambda m: json.dumps({"type": "error", "text": E * 3}) + "\\n"',
    "escapes_type": f'LIES["hello"] = {{"type": {ascii(ESCAPES)}}}',
    "last_words": f'os.write(2, {ascii(ESCAPES)}.encode()); sys.exit(3)',
    "no_utf8": 'LIES["hello"] = lambda m: b\'{"type":"hello","protocol":1,"version":"\\xff\\xfe"}\\n\'',
    "times_all": f'LIES["done"] = {ALL_TASKS % "begin_ns=0, end_ns=2**63-1"}',
    "times_large": f'LIES["done"] = {ALL_TASKS % "begin_ns=2**62, end_ns=2**63-1"}',
    "times_beyond": f'LIES["done"] = {ALL_TASKS % "begin_ns=0, end_ns=2**64"}',
    "times_nan": 'LIES["done"] = lambda m: \'{"type":"done","tasks":[{"index":0,"begin_ns":NaN}]}\\n\'',
    "times_real": f'LIES["done"] = {ALL_TASKS % "begin_ns=1e300, end_ns=1e301"}',
    "tasks_index": f'LIES["done"] = {ALL_TASKS % "index=2**31"}',
    "tasks_lane": f'LIES["done"] = {ALL_TASKS % "lane=-1"}',
    "n_all": 'LIES["ready"] = {"n": 2**63 - 1}',
    "cpu_none": f'LIES["ready"] = {ALL_LANES % "cpu=2**40"}',
    "lane_init": f'LIES["ready"] = {ALL_LANES % "tid=1, tgid=1"}',
    "lane_kernel": f'LIES["ready"] = {ALL_LANES % "tid=2, tgid=2"}',
    "lane_gone": f'LIES["ready"] = {ALL_LANES % "tid=2**31-1, tgid=2**31-1"}',
    "lane_one": f'LIES["ready"] = {ALL_LANES % "tid=os.getppid(), tgid=os.getppid()"}',
    "noise": 'threading.Thread(target=lambda: [os.write(1, b"\\x1b[31mx" * 9000) for _ in iter(int, 1)], '
             'daemon=True).start()',
    "heir": 'os.fork() and os._exit(0)',  # the child goes on
    "daemon": 'os.fork() or (os.setsid(), [os.write(out, b"") or time.sleep(0.1) for _ in iter(int, 1)])',
    "mute": 'LIES["done"] = lambda m: b""\n[__import__("signal").signal(s, 1) for s in (2, 15)]',
    "drip": 'LIES["hello"] = lambda m: [(put(b"x"), time.sleep(0.01)) for _ in iter(int, 1)]',
}
SHORT = ("honest", "deep", "wide", "escapes", "times_all", "lane_init")


def run_bench(mark, folder, runner):
    """Status, outputs and resources of a bench of that runner."""
    argv = [os.path.abspath(os.environ.get("WALLGAP", "wallgap")), "bench", "--quick", "--workloads", "math", "--models",
            "threads", "--workers", "2", "-r", "3", "--runtimes", f"evil={runner}", "-o", os.path.join(folder, "r.wg")]
    with open(os.path.join(folder, "out"), "w+b") as out, open(os.path.join(folder, "err"), "w+b") as err:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=mark.env(**SUDO),
                             start_new_session=True)
        try:
            p.wait(timeout=WALL_S)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            return None, b"", b""
        out.seek(0)
        err.seek(0)
        return p.returncode, out.read(), err.read()


def check_words(check, case, raw):
    """As one may print them on a terminal."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as e:
        check.that(False, f"{case}: no UTF-8: {e}")
        return
    check.equal(f"{case}: hidden", sorted({f"U+{ord(c):04X}" for c in text if c in HIDDEN}), [])


def one_runner(check, case):
    with open_folder(0o755) as folder, open_folder() as out:
        path, mark = os.path.join(folder, "runner"), Mark()
        with open(path, "w", encoding="ascii") as f:
            f.write(RUNNER.format(python="/usr/bin/python3", lies=LIES[case]))
        os.chmod(path, 0o755)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status, stdout, stderr = run_bench(mark, out, path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        left = mark.gone(3)
        if not check.that(status in (0, 1), f"{case}: status {status}: {stderr[-300:]!r}"):
            return
        check_words(check, f"{case} stdout", stdout)
        check_words(check, f"{case} stderr", stderr)
        check.at_most(f"{case}: CPU seconds", after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, CPU_S)
        # a session of its own is out of reach, as with any command
        check.equal(f"{case}: left running", [] if case == "daemon" else left, [])
        recording = os.path.join(out, "r.wg")
        check.equal(f"{case}: recorded", os.path.exists(recording), not status)
        if not status:
            report = load_report(recording)
            wall = [r["wall_ns"] for r in report["runs"]]
            check.that(all(0 < w < WALL_S * 10 ** 9 for w in wall), f"{case}: walls {wall}")


@for_each(**{case: case for case in LIES if attack.full() or case in SHORT})
def test_runner(check, case):
    """Each of the lies, through a whole bench."""
    one_runner(check, case)


@test
def test_runner_memory(check):
    """Of the messages of all of them: the largest that one may send does not make wallgap large."""
    with open_folder(0o755) as folder, open_folder() as out:
        path = os.path.join(folder, "runner")
        for case in ("wide", "libs", "deep", "texts_long") if attack.full() else ("wide",):
            with open(path, "w", encoding="ascii") as f:
                f.write(RUNNER.format(python="/usr/bin/python3", lies=LIES[case]))
            os.chmod(path, 0o755)
            pid = os.fork()
            if not pid:  # whose only child is wallgap, and not those of other tests
                run_bench(Mark(), out, path)
                with open(os.path.join(out, "rss"), "w", encoding="ascii") as f:
                    f.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
                os._exit(0)
            os.waitpid(pid, 0)
            with open(os.path.join(out, "rss"), encoding="ascii") as f:
                rss = int(f.read())
            check.at_most(f"{case}: memory", rss, RSS_MAX)
            check.note(f"{case} {rss >> 20} MiB")


@test
def test_runner_pins_others(check):
    """A runner names a process of root's as its lane, not pinned yet: nobody pins that."""
    with open_folder(0o755) as folder, open_folder() as out:
        path, sleeper = os.path.join(folder, "runner"), subprocess.Popen(["sleep", "1000"])
        try:
            allowed = os.sched_getaffinity(sleeper.pid)
            with open(path, "w", encoding="ascii") as f:
                f.write(RUNNER.format(python="/usr/bin/python3", lies='LIES["ready"] = ' + ALL_LANES % (
                    f"tid={sleeper.pid}, tgid={sleeper.pid}, cpu=None")))
            os.chmod(path, 0o755)
            status, _, stderr = run_bench(Mark(), out, path)
            check.that(status in (0, 1), f"status {status}: {stderr[-300:]!r}")
            check.equal("CPUs of root's process", os.sched_getaffinity(sleeper.pid), allowed)
        finally:
            sleeper.kill()
            sleeper.wait()
