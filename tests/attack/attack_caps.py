# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Capabilities taken away, one by one, and given to those who are not root. `doctor` and `record` must
agree on whether wallgap can run, nothing may crash, and what is lost must be named."""

import json
import os
import pwd
import re
import shutil
import subprocess

import attack
import live
from live import CannotRun, Failure, for_each, run, scratch, test

# By name: what stops everything; what costs something, which is then said; what is not used.
NEEDED = ("bpf,sys_admin", "perfmon,sys_admin")
LOSES = {
    "checkpoint_restore,sys_admin": "CAP_CHECKPOINT_RESTORE",
    "sys_ptrace": "CAP_SYS_PTRACE",
    "dac_read_search,dac_override": "CAP_DAC_READ_SEARCH",
    "syslog": "CAP_SYSLOG",
    "sys_nice": "CAP_SYS_NICE",
    "chown": "CAP_CHOWN",
    "kill": "CAP_KILL",
}
NOTHING = ("sys_resource", "setuid", "setgid", "bpf", "perfmon", "checkpoint_restore", "dac_read_search",
           "fowner", "net_admin", "ipc_lock", "setpcap", "sys_chroot", "mknod")
ENOUGH = ("bpf", "perfmon", "checkpoint_restore")
BUSY = "import time\nwhile 1:\n open('/proc/self/stat').read(); time.sleep(.001)"
WORK = "import time\nfor i in range(100): open('/proc/self/stat').read(); time.sleep(.001)"
PYTHON = ["/usr/bin/python3", "-c"]


def without(caps):
    """The words that run a program as root without these capabilities."""
    return ["setpriv", "--bounding-set", ",".join("-" + cap for cap in caps.split(","))]


def as_nobody(*caps):
    """The words that run a program as nobody, with these capabilities."""
    words = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    given = ",".join("+" + cap for cap in caps)
    return words + (["--inh-caps", given, "--ambient-caps", given] if caps else [])


def installed(tmp, mode=0o755):
    """A copy of the program where nobody can reach it."""
    os.chmod(tmp, 0o777)
    copy = shutil.copy(live.WALLGAP, os.path.join(tmp, "wallgap"))
    os.chmod(copy, mode)
    return copy


def report_of(path):
    done = live.wallgap("report", "--format", "json", path)
    if done.status:
        raise Failure(f"report of what was recorded: {done.tail()}")
    return json.loads(done.out)


def user_functions(report):
    """Frames of the program and its C library that have names."""
    return [f for r in report["runs"] for s in r["sites"] for f in s["stack"]
            if re.match("_?Py[A-Z_]|__libc_start", f)]


def both(check, what, words, tmp, **env):
    """record and doctor under these words: (status, what record said, the report or None)."""
    binary, out = os.path.join(tmp, "wallgap"), os.path.join(tmp, "a.wg")
    if os.path.exists(out):
        os.unlink(out)
    record = run([*words, binary, "record", "-o", out, "--", *PYTHON, WORK], cwd=tmp, **env)
    doctor = run([*words, binary, "doctor"], cwd=tmp, **env)
    check.that(record.status in (0, 77), f"{what}: record ends with {record.status}: {record.tail()}")
    check.equal(f"{what}: status of doctor, record's being {record.status} ({record.tail()})",
                doctor.status, record.status)
    check.equal(f"{what}: recording there", os.path.exists(out), record.status == 0)
    check.equal(f"{what}: files", sorted(set(os.listdir(tmp)) - {"wallgap", "a.wg"}), [])
    check.equal(f"{what}: NO by doctor", bool(re.search(r"^NO ", doctor.out, re.M)), doctor.status != 0)
    return record, doctor


@test
def test_caps_needed(check):
    """Without them nothing runs, and one line says so and names them."""
    with scratch() as tmp:
        installed(tmp)
        for caps in NEEDED:
            name = "CAP_" + caps.split(",")[0].upper()
            record, doctor = both(check, f"without {caps}", without(caps), tmp)
            check.equal(f"without {caps}: status", record.status, 77)
            for done in (record, doctor):
                check.that(name in done.err, f"without {caps}: {name} is not named in {done.tail()!r}")
                check.equal(f"without {caps}: lines", len(done.err.strip().splitlines()), 1)


@test
def test_caps_lost(check):
    """Without each of these it runs, says what is lost, and says so only then."""
    with scratch() as tmp:
        installed(tmp)
        for caps, name in LOSES.items():
            record, doctor = both(check, f"without {caps}", without(caps), tmp, SUDO_UID="0", SUDO_GID="0")
            check.equal(f"without {caps}: status", record.status, 0)
            if name == "CAP_SYSLOG" and not kernel_names_hidden():
                continue
            check.equal(f"without {caps}: named by record", re.findall(r"without (CAP_\w+):", record.err),
                        [name])
            check.equal(f"without {caps}: named by doctor", re.findall(r"^no +(CAP_\w+)", doctor.out, re.M),
                        [name] + ["CAP_SYS_ADMIN"] * ("sys_admin" in caps))


def kernel_names_hidden():
    done = run([*without("syslog"), "head", "-n", "300", "/proc/kallsyms"])
    return not re.search(r"^[89a-f]", done.out, re.M)


@test
def test_caps_chown(check):
    """Who cannot give the recording away keeps it: root's, mode 0600, and whole."""
    with scratch() as tmp:
        path = os.path.join(tmp, "r.wg")
        done = run([*without("chown"), live.WALLGAP, "record", "-o", path, "--user", "root", "--", "true"],
                        SUDO_UID="65534", SUDO_GID="65534")
        check.equal(f"status ({done.tail()})", done.status, 0)
        check.that("without CAP_CHOWN" in done.err, done.err)
        st = os.stat(path)
        check.equal("owner and mode", (st.st_uid, st.st_mode & 0o777), (0, 0o600))
        live.load_report(path)


@test
def test_caps_unused(check):
    """Nothing is lost without each of these: another includes it, or it is not used."""
    with scratch() as tmp:
        installed(tmp)
        for caps in NOTHING[:attack.count(3, len(NOTHING))]:
            record, doctor = both(check, f"without {caps}", without(caps), tmp)
            check.equal(f"without {caps}: status", record.status, 0)
            check.equal(f"without {caps}: said", record.err, "")
            check.equal(f"without {caps}: by doctor", re.findall(r"^no +(CAP_\w+)", doctor.out, re.M), [])
            check.at_least(f"without {caps}: functions with names",
                           len(user_functions(report_of(os.path.join(tmp, "a.wg")))), 1)


@for_each(setuid="setuid", setgid="setgid")
def test_caps_become(check, caps):
    """Another user's command, for whom one must become that user: refused, and doctor says so before."""
    nobody = pwd.getpwnam("nobody")
    sudo = {"SUDO_UID": nobody.pw_uid, "SUDO_GID": nobody.pw_gid}
    name = "CAP_" + caps.upper()
    with scratch() as tmp:
        binary = installed(tmp)
        for env, asked in ((sudo, []), ({}, ["--user", "nobody"])):
            ran, out = os.path.join(tmp, "ran"), os.path.join(tmp, "a.wg")
            done = run([*without(caps), binary, "record", "-o", out, *asked, "--", "touch", ran], cwd=tmp, **env)
            check.that(done.status not in (0, 77), f"without {caps}, {asked}: status {done.status}")
            check.that("as user nobody" in done.err, f"without {caps}: {done.tail()!r}")
            check.equal(f"without {caps}: files", os.listdir(tmp), ["wallgap"])
            doctor = run([*without(caps), binary, "doctor"], cwd=tmp, **env)
            check.equal(f"without {caps}, {asked}: named by doctor", re.findall(r"^no +(CAP_\w+)", doctor.out, re.M),
                        [] if asked else [name])
            check.equal("named by record", re.findall(r"without (CAP_\w+):", done.err), [] if asked else [name])


@test
def test_caps_bench(check):
    """Without CAP_SYS_ADMIN runners share /tmp: the pools run, the loss is said by bench and by doctor."""
    with scratch() as tmp:
        out = os.path.join(tmp, "a.wg")
        words = without("sys_admin")
        done = run([*words, live.WALLGAP, "bench", "--quick", "--workloads", "math", "--models", "single",
                    "--runtimes", "native", "-o", out], cwd=tmp)
        check.equal(f"status ({done.tail()})", done.status, 0)
        check.that("/tmp of their own" in done.err, f"bench does not say it: {done.err!r}")
        doctor = run([*words, live.WALLGAP, "doctor"], cwd=tmp)
        check.equal("by doctor", re.findall(r"^no +(CAP_\w+)", doctor.out, re.M), ["CAP_SYS_ADMIN"])
        check.equal("status of doctor", doctor.status, 0)
        record = run([*words, live.WALLGAP, "record", "-o", out, "--", "true"], cwd=tmp)
        check.equal("said by record", record.err, "")


@test
def test_caps_all_but_one(check):
    """All dropped at once but those needed: the least that runs as root."""
    with scratch() as tmp:
        installed(tmp)
        words = ["setpriv", "--bounding-set", "-all,+bpf,+perfmon"]
        record, _ = both(check, "bpf and perfmon alone", words, tmp)
        check.equal("bpf and perfmon alone: status", record.status, 0)
        record, _ = both(check, "none at all", ["setpriv", "--bounding-set", "-all"], tmp)
        check.equal("none at all: status", record.status, 77)


# --- not root ---

@for_each(none=((), 77), bpf=(("bpf",), 77), perfmon=(("perfmon",), 77), two=(("bpf", "perfmon"), 0),
          enough=(ENOUGH, 0), admin=(("sys_admin",), 0))
def test_caps_nobody(check, case):
    """A user other than root is let in by capabilities alone, and what is recorded is that user's."""
    caps, status = case
    with scratch() as tmp:
        installed(tmp)
        record, _ = both(check, f"nobody with {caps}", as_nobody(*caps), tmp)
        check.equal(f"nobody with {caps}: status", record.status, status)
        if status:
            check.that("root" in record.err, f"not root is not said: {record.tail()!r}")
            return
        path = os.path.join(tmp, "a.wg")
        st = os.stat(path)
        check.equal("owner", pwd.getpwuid(st.st_uid).pw_name, "nobody")
        check.equal("mode", st.st_mode & 0o777, 0o600)
        report = report_of(path)
        live.check_report(check, report)
        named = len(user_functions(report))
        if "checkpoint_restore" in caps or "sys_admin" in caps:
            check.at_least("functions of the command with names", named, 1)


@test
def test_caps_file(check):
    """The same by capabilities of the file (setcap), of which the command gets none."""
    with scratch() as tmp:
        binary = installed(tmp)
        try:
            subprocess.run(["setcap", "cap_bpf,cap_perfmon,cap_checkpoint_restore+ep", binary], check=True,
                           capture_output=True)
        except (OSError, subprocess.CalledProcessError) as e:
            raise live.Skip(f"no capabilities of files here: {e}") from None
        path = os.path.join(tmp, "a.wg")
        done = run([*as_nobody(), binary, "record", "-o", path, "--", "grep", "^Cap", "/proc/self/status"],
                   cwd=tmp)
        check.equal("status", done.status, 0)
        check.that(re.search(r"CapEff:\s+0+$", done.out, re.M), f"the command has capabilities: {done.out!r}")
        check.equal("owner", os.path.exists(path) and pwd.getpwuid(os.stat(path).st_uid).pw_name, "nobody")


@test
def test_caps_not_lent(check):
    """What was lent to wallgap for its own use is not handed on to the command."""
    with scratch() as tmp:
        installed(tmp)
        path = os.path.join(tmp, "a.wg")
        done = run([*as_nobody(*ENOUGH), os.path.join(tmp, "wallgap"), "record", "-o", path, "--", "grep",
                    "^Cap", "/proc/self/status"], cwd=tmp)
        check.equal("status", done.status, 0)
        check.that(re.search(r"CapEff:\s+0+$", done.out, re.M), f"the command has capabilities: {done.out!r}")


@for_each(root=("root", "sys_ptrace"), files=("root", "checkpoint_restore,sys_admin"), nobody=("nobody", "dac_read_search,dac_override"))
def test_caps_other_process(check, case):
    """A process that runs already: by -p, with and without what its mappings need."""
    user, needs = case
    with scratch() as tmp:
        installed(tmp)
        victim = subprocess.Popen(([] if user == "root" else as_nobody()) + [*PYTHON, BUSY])
        try:
            named = {}
            for words in ([], without(needs)):
                path = os.path.join(tmp, "a.wg")
                done = run([*words, os.path.join(tmp, "wallgap"), "record", "-o", path, "-p",
                            str(victim.pid), "-d", "1"], cwd=tmp)
                if done.status == 77:
                    raise CannotRun(done.tail())
                check.equal("status", done.status, 0)
                named[bool(words)] = len(user_functions(report_of(path)))
        finally:
            victim.kill()
            victim.wait()
        check.at_least(f"functions of {user}'s process with names", named[False], 1)
        check.equal(f"the same without {needs}", named[True], 0)
