# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Saving in folders that others write to: what is not ours is neither followed nor replaced."""

import fcntl
import os
import sqlite3
import subprocess
import time

import attack
from attack_users import NOBODY, SUDO, as_nobody, open_folder
from live import WALLGAP, for_each, run, test, wallgap


def is_recording(path):
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
        return db.execute("SELECT count(*) FROM recording").fetchone()[0] == 1


def victim_in(folder):
    path = os.path.join(folder, "victim.db")
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE kept (x)")
    os.chmod(path, 0o600)
    with open(path, "rb") as f:
        return path, f.read()


def check_victim(check, path, was):
    with open(path, "rb") as f:
        check.that(f.read() == was, "root's file was written to")
    st = os.stat(path)
    check.equal("root's file is", (st.st_uid, st.st_mode & 0o777), (0, 0o600))


def plant(kind, path, victim):
    if kind == "link":
        os.symlink(victim, path)
    elif kind == "dangling":
        os.symlink(path + ".made", path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        os.mkdir(path)
    else:
        with open(path, "w", encoding="utf-8") as f:
            f.write("nobody's\n")


def names_to_come(seconds):
    return [time.strftime("wallgap-%Y%m%d-%H%M%S.wg", time.localtime(time.time() + s))
            for s in range(seconds)]


@test
def test_output_default_name(check):
    """Whatever stands at the name that a recording would get, it gets another."""
    for kind in ("link", "dangling", "fifo", "folder", "file"):
        with open_folder(0o700) as safe, open_folder() as folder:
            victim, was = victim_in(safe)
            planted = names_to_come(20)
            as_nobody(lambda: [plant(kind, os.path.join(folder, name), victim) for name in planted])
            done = wallgap("record", "--", "true", cwd=folder)
            check.equal(f"status with a {kind} ({done.tail()})", done.status, 0)
            check_victim(check, victim, was)
            made = sorted(set(os.listdir(folder)) - set(planted))
            if check.equal(f"files made beside a {kind}", len(made), 1):
                check.that(made[0] in done.out, f"{made[0]} is not what is printed")
                check.that(is_recording(os.path.join(folder, made[0])), "no recording")


@test
def test_output_refused(check):
    """-o onto what is not ours: refused before anything is run."""
    for kind in ("link", "dangling", "fifo", "folder", "file"):
        with open_folder(0o700) as safe, open_folder() as folder:
            victim, was = victim_in(safe)
            path = os.path.join(folder, "x.wg")
            as_nobody(lambda: plant(kind, path, victim))
            before = os.lstat(path)
            for command in (("record", "-o", path, "--", "touch", os.path.join(safe, "ran")),
                            ("compare", "-o", path, "--a", f"touch {safe}/ran", "--b", "true")):
                done = wallgap(*command)
                check.equal(f"status of {command[0]} onto a {kind}", done.status, 1)
                check.equal(f"lines ({done.err})", done.err.count("\n"), 1)
            after = os.lstat(path)
            check.equal(f"{kind}", (after.st_ino, after.st_uid, after.st_mode, after.st_size),
                        (before.st_ino, before.st_uid, before.st_mode, before.st_size))
            check.equal("other files", sorted(os.listdir(folder) + os.listdir(safe)), ["victim.db", "x.wg"])
            check_victim(check, victim, was)


@test
def test_output_own(check):
    """In a folder like /tmp: a file of one's own is replaced, and stays one's own."""
    with open_folder() as folder:
        path = os.path.join(folder, "x.wg")
        for _ in range(2):
            done = wallgap("record", "-o", path, "--", "true", **SUDO)
            check.equal(f"status ({done.tail()})", done.status, 0)
            st = os.stat(path)
            check.equal("owner and mode", (st.st_uid, st.st_gid, st.st_mode & 0o777),
                        (NOBODY.pw_uid, NOBODY.pw_gid, 0o600))
            check.that(is_recording(path), "no recording")
        check.equal("files", os.listdir(folder), ["x.wg"])


def plant_stale(folder, n, kind, elsewhere):
    """A name like those that wallgap gives; what has it is to stay, but for "stale"."""
    path = os.path.join(folder, f".wallgap-{n:016x}.tmp")
    if kind == "link":
        os.symlink(elsewhere, path)
    elif kind == "hard link":
        os.link(elsewhere, path)
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        os.mkdir(path)
    else:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644 if kind == "readable" else 0o600)
        os.close(fd)
    return os.path.basename(path)


@for_each(root={}, sudo=SUDO)
def test_output_stale(check, env):
    """What a killed run has left goes at the next; whatever else has such a name stays."""
    with open_folder(0o700) as safe, open_folder() as folder:
        victim, was = victim_in(safe)
        stays = {plant_stale(folder, n, kind, victim)
                 for n, kind in enumerate(("link", "hard link", "fifo", "folder", "readable"))}
        as_nobody(lambda: [plant_stale(folder, 10, "theirs" if not env else "fifo", victim)])
        stays.add(f".wallgap-{10:016x}.tmp")
        stays |= {f".wallgap-{'0' * 15}.tmp", f".wallgap-{'0' * 17}.tmp", f".wallgap-{'G' * 16}.tmp", ".wallgap-.tmp"}
        for name in stays:
            path = os.path.join(folder, name)
            if not os.path.lexists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        held = plant_stale(folder, 20, "stale", victim)
        gone = {plant_stale(folder, 30, "stale", victim)}
        if env:
            as_nobody(lambda: [plant_stale(folder, 31, "stale", victim)])
            gone.add(f".wallgap-{31:016x}.tmp")
        with open(os.path.join(folder, held), "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = wallgap("record", "-o", os.path.join(folder, "x.wg"), "--", "true", **env)
            check.equal(f"status ({done.tail()})", done.status, 0)
            there = set(os.listdir(folder))
            check.equal("gone that ought to stay", sorted((stays | {held}) - there), [])
            check.equal("left that ought to go", sorted(there & gone), [])
        check_victim(check, victim, was)
        wallgap("record", "-o", os.path.join(folder, "x.wg"), "--", "true", **env)
        check.that(held not in os.listdir(folder), "what was locked stays when nobody locks it")


@for_each(link="/^link", rename="/^rename", sync="/^fsync", owner="/^fchown")
def test_output_killed(check, call):
    """kill -9 at each call that makes or names the file, where an older one is replaced."""
    with open_folder() as folder:
        path = os.path.join(folder, "x.wg")
        wallgap("record", "-o", path, "--", "true", **SUDO)
        for when in (1, 2):
            killed = run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                          "-e", f"inject={call}:signal=KILL:when={when}", WALLGAP, "record", "--freq", "0",
                          "-o", path, "--", "true"], **SUDO)
            check.that(is_recording(path), f"{call} {when}: the older one is lost (status {killed.status})")
            left = sorted(set(os.listdir(folder)) - {"x.wg"})
            if when == 1:
                check.that(killed.status in (-9, 137), f"{call}: not killed: status {killed.status}")
            check.note(f"{call} {when}: status {killed.status}, left {len(left)}")
        done = wallgap("record", "-o", path, "--", "true", **SUDO)
        check.equal(f"status ({done.tail()})", done.status, 0)
        check.equal("files", os.listdir(folder), ["x.wg"])


SWAP = """
import os, sys
folder, victim = sys.argv[1:]
os.chdir(folder)
while True:
    for name in os.listdir("."):
        if name.startswith("swap"):
            continue
        try:
            os.symlink(victim, "swapped")
        except OSError:
            pass
        try:
            os.rename("swapped", name)
        except OSError:
            pass
"""


@test
def test_output_swap(check):
    """One who owns the folder swaps all that appears there for a link while wallgap saves."""
    with open_folder(0o700) as safe, open_folder() as folder:
        victim, was = victim_in(safe)
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        swap = subprocess.Popen(["/usr/bin/python3", "-c", SWAP, folder, victim],
                                user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[])
        try:
            for i in range(attack.count(5, 100)):
                path = os.path.join(folder, f"x{i}.wg")
                subprocess.run([WALLGAP, "record", "--freq", "0", "-o", path, "--", "true"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                check_victim(check, victim, was)
        finally:
            swap.kill()
            swap.wait()
        check.equal("beside root's file", os.listdir(safe), ["victim.db"])


@test
def test_output_closed(check):
    """Begun with its standard descriptors closed: nothing of ours takes their places, and gets our words."""
    with open_folder() as folder:
        path, looked = os.path.join(folder, "x.wg"), os.path.join(folder, "looked")
        look = f"readlink /proc/$PPID/fd/0 /proc/$PPID/fd/1 /proc/$PPID/fd/2 >{looked}"
        p = subprocess.Popen([WALLGAP, "record", "-v", "-o", path, "--", "sh", "-c", look],
                             preexec_fn=lambda: os.closerange(0, 3))
        check.equal("status", p.wait(timeout=60), 1)  # the report went nowhere
        with open(looked, encoding="utf-8") as f:
            check.equal("descriptors 0 to 2", f.read().split("\n"), ["/dev/null"] * 3 + [""])
        check.that(is_recording(path), "no recording")
