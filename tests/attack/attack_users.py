# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Root's rights are not lent out: what wallgap starts runs as the user who called sudo."""

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time

import attack
from live import (PLANTED, WALLGAP, CannotRun, Failure, Mark, for_each, load_report, run, test,
                  wallgap)

NOBODY = pwd.getpwnam("nobody")
SUDO = {"SUDO_UID": NOBODY.pw_uid, "SUDO_GID": NOBODY.pw_gid}
GROUPS = [0, grp.getgrnam("daemon").gr_gid, grp.getgrnam("adm").gr_gid]  # root's own, not to be kept


@contextlib.contextmanager
def open_folder(mode=0o1777):
    """A folder that others can write to, as /tmp is."""
    with tempfile.TemporaryDirectory(prefix="wallgap-attack-") as path:
        os.chmod(path, mode)
        yield path


def as_root_in_groups():
    os.setgroups(GROUPS)


def said_of_itself(done):
    """NAME=value of the lines that a command printed."""
    return dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)


TELL = ("echo uid=$(id -u); echo ruid=$(id -ru); echo gid=$(id -g); echo groups=$(id -G); "
        "echo home=$HOME; echo user=$USER; echo logname=$LOGNAME; echo cwd=$(pwd); "
        "grep -E '^(Uid|Gid|Cap(Inh|Prm|Eff|Amb)):' /proc/self/status | sed 's/:/=/'; "
        "echo fds=$(readlink /proc/self/fd/* | grep -c anon_inode); : >made")


def check_is_nobody(check, said, folder):
    want = {"uid": f"{NOBODY.pw_uid}", "ruid": f"{NOBODY.pw_uid}", "gid": f"{NOBODY.pw_gid}",
            "groups": " ".join(map(str, sorted(set(os.getgrouplist("nobody", NOBODY.pw_gid))))),
            "home": NOBODY.pw_dir, "user": "nobody", "logname": "nobody", "cwd": folder, "fds": "0"}
    for what, value in want.items():
        check.equal(what, said.get(what), value)
    for ids, number in (("Uid", NOBODY.pw_uid), ("Gid", NOBODY.pw_gid)):
        check.equal(ids, said.get(ids, "").split(), [str(number)] * 4)
    for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        check.equal(caps, int(said.get(caps, "1"), 16), 0)
    made = os.stat(os.path.join(folder, "made"))
    check.equal("owner of what it made", (made.st_uid, made.st_gid), NOBODY[2:4])


@test
def test_users_record(check):
    """A command of record's is the caller's: ids, groups, capabilities, environment, descriptors."""
    with open_folder() as folder:
        for options, env in (((), SUDO), (("--user", "nobody"), {}),
                             (("--user", str(NOBODY.pw_uid)), {"SUDO_UID": 1, "SUDO_GID": 1})):
            done = wallgap("record", "-o", "r.wg", *options, "--", "sh", "-c", TELL, cwd=folder,
                           preexec=as_root_in_groups, **env)
            check.equal("status", done.status, 0)
            check_is_nobody(check, said_of_itself(done), folder)
            check.that("run as nobody" in done.out, f"the report does not say who: {done.out[:200]}")
            os.unlink(os.path.join(folder, "made"))
            os.unlink(os.path.join(folder, "r.wg"))


@test
def test_users_session(check):
    """The places of root's own session are not shown to the user."""
    session = {f"XDG_{name}": "/root/x" for name in (
        "RUNTIME_DIR", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "STATE_HOME")}
    session["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/run/user/0/bus"
    with open_folder() as folder:
        for options, kept in (((), 0), (("--user", "root"), len(session))):
            done = wallgap("record", "-o", "r.wg", *options, "--", "env", cwd=folder, **SUDO, **session,
                           XDG_SEAT="seat0")
            check.equal("status", done.status, 0)
            said = said_of_itself(done)
            check.equal(f"variables of the session {options}", len(session.keys() & said.keys()), kept)
            check.equal("one that says nothing of a user", said.get("XDG_SEAT"), "seat0")
            os.unlink(os.path.join(folder, "r.wg"))


@test
def test_users_compare(check):
    """So are the two of compare."""
    with open_folder() as folder:
        done = wallgap("compare", "-r", 1, "-o", "c.wg", "--show-output", "--a", TELL, "--b", TELL,
                       cwd=folder, preexec=as_root_in_groups, **SUDO)
        check.equal("status", done.status, 0)
        check_is_nobody(check, said_of_itself(done), folder)
        check.equal("runs", done.out.count(f"uid={NOBODY.pw_uid}\n"), 4)  # ruid= ends so too
        check.that("run as nobody" in done.out, "the report does not say who")


@test
def test_users_root_stays(check):
    """Root stays root where nobody called sudo, root did, or --user says so."""
    with open_folder() as folder:
        for options, env in (((), {}), ((), {"SUDO_UID": 0, "SUDO_GID": 0}),
                             (("--user", "root"), SUDO)):
            done = wallgap("record", "-o", "r.wg", *options, "--", "sh", "-c", TELL, cwd=folder, **env)
            check.equal("status", done.status, 0)
            check.equal("uid", said_of_itself(done).get("uid"), "0")
            check.that("run as root" in done.out, "the report does not say who")
            os.unlink(os.path.join(folder, "r.wg"))


@test
def test_users_unknown(check):
    """Who is not known is one line and status 2, and nothing is run."""
    cases = ((("--user", "no-such-user"), {}), (("--user", "4294967295"), {}), (("--user", ""), {}),
             ((), {"SUDO_UID": "junk"}), ((), {"SUDO_UID": ""}), ((), {"SUDO_UID": -1}),
             ((), {"SUDO_UID": "99999999999"}), ((), {"SUDO_UID": 4294967294}),
             ((), {"SUDO_UID": 65534, "SUDO_GID": "junk"}), (("--user", "root", "-p", "1"), {}))
    with open_folder() as folder:
        for options, env in cases:
            argvs = [("record", *options)] if "-p" in options else [
                ("record", *options, "--", "touch", "made"), ("bench", "--quick", *options),
                ("compare", *options, "--a", "touch made", "--b", "touch made")]
            for argv in argvs:
                done = wallgap(*argv, cwd=folder, **env)
                check.equal(f"status of {argv} {env}", done.status, 2)
                check.equal(f"lines of {argv} {env}: {done.err}", done.err.count("\n"), 1)
        check.equal("files", os.listdir(folder), [])


@test
def test_users_may_not(check):
    """What root may run and the user may not is not run, and the line says whose right it was."""
    with open_folder() as folder:
        tool = os.path.join(folder, "tool")
        with open(tool, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\ntouch made\n")
        os.chmod(tool, 0o700)
        done = wallgap("record", "-o", "r.wg", "--", tool, cwd=folder, **SUDO)
        check.equal("status", done.status, 126)
        check.that("as user nobody" in done.err and "--user root" in done.err, done.err)
        check.equal("files", os.listdir(folder), ["tool"])
        # by PATH: the user's, where root would have found another
        for name in ("a", "b"):
            os.mkdir(os.path.join(folder, name), 0o700 if name == "a" else 0o755)
            with open(os.path.join(folder, name, "tool"), "w", encoding="ascii") as f:
                f.write(f"#!/bin/sh\necho found={name}\n")
            os.chmod(os.path.join(folder, name, "tool"), 0o755)
        path = f"{folder}/a:{folder}/b:/usr/bin:/bin"
        done = run([WALLGAP, "record", "-o", "r.wg", "--", "tool"], cwd=folder, PATH=path, **SUDO)
        check.equal("found in PATH", said_of_itself(done).get("found"), "b")


@contextlib.contextmanager
def protected_symlinks(value):
    path = "/proc/sys/fs/protected_symlinks"
    with open(path, encoding="ascii") as f:
        old = f.read()
    with open(path, "w", encoding="ascii") as f:
        f.write(value)
    try:
        yield
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(old)


def next_pids(count):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as f:
        return range(pid + 1, min(pid + count, int(f.read())))


def as_nobody(fn):
    """In a child that is nobody."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(*[NOBODY.pw_gid] * 3)
            os.setresuid(*[NOBODY.pw_uid] * 3)
            fn()
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(pid, 0)[1]:
        raise Failure("nobody could not do it")


@contextlib.contextmanager
def links_planted(victim, count):
    """Links of nobody's where V8 will open its maps, for the next PIDs."""
    planted = [f"/tmp/perf-{pid}.map" for pid in next_pids(count)]

    def plant():
        for path in planted:
            with contextlib.suppress(FileExistsError):
                os.symlink(victim, path)

    as_nobody(plant)
    try:
        yield
    finally:
        for path in planted:
            if os.path.islink(path):
                os.unlink(path)


@for_each(unprotected="0", protected="1")
def test_users_perf_map(check, protect):
    """Links at the names of node's perf maps: what they lead to stays, node works and has names."""
    if not shutil.which("node"):
        raise CannotRun("no node in PATH: make deps installs it")
    with open_folder(0o755) as folder:
        victim, path = os.path.join(folder, "victim"), os.path.join(folder, "r.wg")
        with open(victim, "w", encoding="ascii") as f:
            f.write("root's\n")
        os.chmod(victim, 0o600)
        with protected_symlinks(protect), links_planted(victim, attack.count(3000, 10000)):
            done = wallgap("bench", "--quick", "--workloads", "crypto", "--runtimes", "node",
                           "--models", "threads,procs", "-r", 1, "-o", path, cwd=folder)
        check.equal(f"status ({done.tail()})", done.status, 0)
        with open(victim, encoding="ascii") as f:
            check.equal("root's file", f.read(), "root's\n")
        frames = {name for site in load_report(path)["runs"][0]["sites"] for name in site["stack"]}
        check.that(any("hashTexts" in name for name in frames), "JIT code of node has no names")


def owner(path):
    try:
        return os.lstat(path).st_uid
    except FileNotFoundError:
        return None


def tree(folder):
    """wallgap with the runners of native and node, below /tmp, for the user to run."""
    top, build = os.path.dirname(WALLGAP), os.path.dirname(PLANTED)
    shutil.copy(WALLGAP, folder)
    os.mkdir(os.path.join(folder, "build"))
    shutil.copy(os.path.join(build, "wallgap-native"), os.path.join(folder, "build"))
    shutil.copytree(os.path.join(top, "workloads", "node"), os.path.join(folder, "workloads", "node"))
    return os.path.join(folder, "wallgap")


@test
def test_users_bench(check):
    """Runners are the caller's, from a tree below /tmp too; nothing of theirs is left in /tmp."""
    with open_folder(0o755) as folder:
        program, path = tree(folder), os.path.join(folder, "r.wg")
        seen, before = set(), set(os.listdir("/tmp"))
        mark = Mark()
        p = subprocess.Popen([program, "bench", "--quick", "--workloads", "math", "--runtimes",
                              "native,node", "--models", "procs", "-r", "2", "-o", path],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=mark.env(**SUDO))
        while p.poll() is None:
            for pid, comm in mark.alive():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as f:
                    seen.add((comm, f.read().split("Uid:")[1].split("\n")[0]))
            time.sleep(0.05)
        out, err = (text.decode() for text in p.communicate())
        check.equal(f"status ({err.strip()})", p.returncode, 0)
        check.that("run as nobody" in out, "the report does not say who")
        for name in ("wallgap-native", "node"):
            # a child of ours is root's until its exec, and then named wallgap
            check.equal(f"ids of {name}", {ids for comm, ids in seen if comm == name},
                        {"\t".join(["", *[str(NOBODY.pw_uid)] * 4])})
        left = [n for n in set(os.listdir("/tmp")) - before if n.startswith(("perf-", "v8", "isolate-"))]
        check.equal("left in /tmp", [n for n in left if owner(f"/tmp/{n}") == NOBODY.pw_uid], [])
        check.equal("runs", {r["runtime"] for r in load_report(path)["runs"]}, {"native", "node"})
        os.chmod(os.path.join(folder, "build"), 0o700)
        os.chmod(os.path.join(folder, "workloads"), 0o700)
        done = run([program, "bench", "--quick", "--workloads", "math", "--runtimes", "node", "-r", "1",
                    "-o", path], **SUDO)
        check.equal("status where the user may not read the runner", done.status, 1)
        check.that("user nobody may not use" in done.err and "--user root" in done.err, done.err)
