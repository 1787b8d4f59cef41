# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""kill -9 of wallgap at random points, and of its second Ctrl-C: what it leaves behind.

Each round ends one run in the middle, in a folder and with a /dev/shm of its own, so that what others
do on the machine is not taken for ours. The points are random, and the same in every run of the attack."""

import contextlib
import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import attack
from live import WALLGAP, Failure, Mark, for_each, test, wallgap

SEED = 17
START_S = 60  # for a start on a machine that is busy
GONE_S = 10  # for what the kernel and dying programs take away a moment later
NOBODY = pwd.getpwnam("nobody")
SUDO = {"SUDO_UID": NOBODY.pw_uid, "SUDO_GID": NOBODY.pw_gid}
CACHE = "/var/cache/wallgap/unwind"
NAMED = ("prog", "map", "link")

# what is run; the command in it, which goes on; how many of 200 rounds
RUNS = {
    "record": (["record", "-d", "1", "--", "sleep", "30"], "sleep", 80),
    "compare": (["compare", "-r", "3", "--a", "sleep 0.05", "--b", "sleep 0.06"], "sleep", 60),
    "bench": (["bench", "--workloads", "math", "--runtimes", "native,node", "--quick"], None, 60),
}


@contextlib.contextmanager
def places():
    """A folder for recordings, and one to be /dev/shm; not below /tmp, which runners see one of their own of."""
    with tempfile.TemporaryDirectory(prefix="wallgap-kills-", dir="/var/tmp") as top:
        os.chmod(top, 0o755)
        for name in ("out", "shm"):
            os.mkdir(os.path.join(top, name))
            os.chmod(os.path.join(top, name), 0o1777)
        yield os.path.join(top, "out"), os.path.join(top, "shm")


def start(args, out, shm, mark, **env):
    """wallgap itself is the process that is returned: unshare and sh become it."""
    into = 'mount --bind "$0" /dev/shm && exec "$@"'
    return subprocess.Popen(
        ["unshare", "-m", "sh", "-c", into, shm, WALLGAP, args[0], "-o", "run.wg", *args[1:]],
        cwd=out, env=mark.env(**env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)


def bpf_of(pid):
    """(kind, id) of the BPF objects that a process holds."""
    held = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}") as f:
            held |= {(kind, int(n))
                     for kind, n in re.findall(r"^(prog|map|link)_id:\s*(\d+)", f.read(), re.M)}
    return held


def bpf_there():
    there = set()
    for kind in NAMED:
        said = subprocess.run(["bpftool", "-j", kind, "show"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout
        there |= {(kind, each["id"]) for each in json.loads(said or b"[]") if "id" in each}
    return there


def wait_gone(what, seconds=GONE_S):
    """What what() still returns when it has had its time."""
    end = time.monotonic() + seconds
    while (left := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def kill_in_the_middle(p, stopped_first):
    """What it held of BPF. A stopped one holds all that it ever will; one that runs dies in the middle."""
    held = set()
    with contextlib.suppress(OSError):
        if stopped_first:
            os.kill(p.pid, signal.SIGSTOP)
            time.sleep(0.01)
        held = bpf_of(p.pid)
        os.kill(p.pid, signal.SIGKILL)
    p.wait(timeout=30)
    return held


def end_all(pids):
    for pid, _ in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def check_processes(c, where, mark, command):
    """Nobody is left but the command, which the man page lets go on; it is ended here."""
    left = wait_gone(lambda: [each for each in mark.alive() if each[1] != command])
    c.equal(f"{where}: processes left", [comm for _, comm in left], [])
    end_all(left)
    end_all(mark.alive())
    mark.gone()


def litter(out, shm, pids, before):
    """What lies about that ought not to."""
    names = {f"{kind}{pid}{end}" for pid in pids
             for kind, end in (("perf-", ".map"), ("jit-", ".dump"))}
    found = [f"out/{name}" for name in os.listdir(out) if name != "run.wg"]
    found += [f"shm/{name}" for name in os.listdir(shm)]
    found += [f"/tmp/{name}" for name in names & set(os.listdir("/tmp")) - before]
    if os.path.isdir(CACHE):
        found += [f"cache/{name}" for name in os.listdir(CACHE)
                  if name.startswith(".") and name.rpartition(".")[2] in map(str, pids)]
    return found


def check_recording(c, where, out):
    """A whole one or none."""
    path = os.path.join(out, "run.wg")
    if os.path.exists(path):
        done = wallgap("report", path)
        c.equal(f"{where}: status of report: {done.tail()}", done.status, 0)


def one_round(c, where, args, command, at_s, stopped_first, older, env):
    """Returns whether it was still running then."""
    mark, before = Mark(), set(os.listdir("/tmp"))  # another's, of a process that had the number then
    with places() as (out, shm):
        if older:
            shutil.copyfile(older, os.path.join(out, "run.wg"))
            os.chown(os.path.join(out, "run.wg"), env.get("SUDO_UID", 0), -1)
        p = start(args, out, shm, mark, **env)
        time.sleep(at_s)
        running = p.poll() is None
        pids = {pid for pid, _ in mark.alive()} | {p.pid}
        held = kill_in_the_middle(p, stopped_first) if running else set()
        check_processes(c, where, mark, command)
        left = wait_gone(lambda: held & bpf_there())
        c.equal(f"{where}: BPF objects left", sorted(left), [])
        check_recording(c, where, out)
        c.equal(f"{where}: litter", litter(out, shm, pids, before), [])
        if older:
            c.that(os.path.exists(os.path.join(out, "run.wg")), f"{where}: the older one is lost")
    return running


def whole_run(args, older):
    """How long one takes that nobody ends; its recording goes to older."""
    mark = Mark()
    with places() as (out, shm):
        begin = time.monotonic()
        p = start(args, out, shm, mark)
        try:
            status = p.wait(timeout=120)
        except subprocess.TimeoutExpired:
            p.kill()
            raise Failure(f"{args[0]} did not end in 120 s") from None
        took = time.monotonic() - begin
        mark.gone(2)
        path = os.path.join(out, "run.wg")
        if status not in (0, 1) or not os.path.exists(path):
            raise Failure(f"{args[0]}: status {status}, recording {os.path.exists(path)}")
        shutil.copyfile(path, older)
    return took


@for_each(**{name: name for name in RUNS})
def test_kills(c, name):
    args, command, cnt = RUNS[name]
    rng = random.Random(f"{SEED} {name}")
    running = 0
    rounds = attack.count(3 if name == "record" else 2, cnt)
    with tempfile.TemporaryDirectory(prefix="wallgap-kills-", dir="/var/tmp") as tmp:
        older = os.path.join(tmp, "older.wg")
        whole_s = min(whole_run(args, older) for _ in range(2))  # the first may fill caches
        for i in range(rounds):
            at_s = rng.uniform(0, whole_s)
            env = SUDO if i % 3 == 1 else {}
            where = f"round {i}, {at_s:.3f} s of {whole_s:.3f}{', sudo' if env else ''}"
            running += one_round(c, where, args, command, at_s, i % 2 == 0,
                                 older if i % 4 >= 2 else None, env)
    c.at_least("rounds that were ended in the middle", running, (rounds + 1) // 2)
    c.note(f"{running} of {rounds} killed in the middle of {whole_s:.2f} s")


@test
def test_kills_second_signal(c):
    """The second Ctrl-C, at random after the first, which a deaf command holds up."""
    rng = random.Random(f"{SEED} second")
    deaf = ["record", "--", "sh", "-c", "trap '' INT TERM; while :; do sleep 1; done"]
    for i in range(attack.count(1, 40)):
        mark, at_s, before = Mark(), rng.uniform(0.16, 1), set(os.listdir("/tmp"))
        where = f"round {i}, {at_s:.3f} s after"
        with places() as (out, shm):
            p = start(deaf, out, shm, mark, **(SUDO if i % 2 == 0 else {}))
            if wait_gone(lambda: "sleep" not in [comm for _, comm in mark.alive()], START_S):
                raise Failure("the command did not start")
            pids, held = {pid for pid, _ in mark.alive()}, bpf_of(p.pid)
            os.kill(p.pid, signal.SIGINT)
            time.sleep(at_s)
            os.kill(p.pid, signal.SIGINT)
            c.equal(f"{where}: status", p.wait(timeout=30), 130)
            check_processes(c, where, mark, None)
            c.equal(f"{where}: BPF objects left", sorted(wait_gone(lambda: held & bpf_there())), [])
            check_recording(c, where, out)
            c.equal(f"{where}: litter", litter(out, shm, pids, before), [])


@for_each(once=1, twice=2)
def test_kills_sudo_sleep(c, times):
    """Another user's command is ended by the one who may: not a thread that gave CAP_KILL up."""
    for i in range(attack.count(1, 10)):
        mark = Mark()
        with places() as (out, shm):
            p = start(["record", "--", "sleep", "100"], out, shm, mark, **SUDO)
            if wait_gone(lambda: "sleep" not in [comm for _, comm in mark.alive()], START_S):
                raise Failure("the command did not start")
            time.sleep(0.3)
            for _ in range(times):
                with contextlib.suppress(OSError):
                    os.kill(p.pid, signal.SIGINT)
                time.sleep(0.2)
            c.equal(f"round {i}: status", p.wait(timeout=30), 130)
            check_processes(c, f"round {i}", mark, None)


DEAF = "#!/bin/sh\nexec sleep 100\n"
DEAF_CHILD = "#!/bin/sh\ntrap '' TERM INT HUP\nsh -c 'sleep 101; true' &\nexec sleep 100\n"


@for_each(root=({}, DEAF), sudo=(SUDO, DEAF), root_child=({}, DEAF_CHILD), sudo_child=(SUDO, DEAF_CHILD))
def test_kills_deaf_runner(c, case):
    """A runner that never looks whether anybody is there, alone or with children: they end with wallgap."""
    env, script = case
    for i in range(attack.count(1, 10)):
        mark, before = Mark(), set(os.listdir("/tmp"))
        with places() as (out, shm):
            path = os.path.join(out, "run.wg")
            with open(path, "w") as f:  # the only name that may lie there
                f.write(script)
            os.chmod(path, 0o755)
            p = subprocess.Popen([WALLGAP, "bench", "--workloads", "math", "--runtimes",
                                  f"deaf={path}", "-o", "none.wg"], cwd=out, env=mark.env(**env),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
            if wait_gone(lambda: [comm for _, comm in mark.alive()].count("sleep") < script.count("sleep"),
                         START_S):
                raise Failure(f"the runner did not start: status {p.poll()}")
            pids = {pid for pid, _ in mark.alive()}
            held = kill_in_the_middle(p, i % 2 == 1)
            check_processes(c, f"round {i}", mark, None)
            c.equal(f"round {i}: BPF objects left", sorted(wait_gone(lambda: held & bpf_there())), [])
            c.equal(f"round {i}: litter", litter(out, shm, pids, before), [])
