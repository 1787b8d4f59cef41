# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What wallgap keeps of root's power while it reads files of others, thread by thread, and that nothing
of what it gives up is missing in the commands that it starts. What its filter refuses is in
tests/unit/test_confine.c."""

import os
import subprocess
import time

import attack
import live
from live import Failure, Mark, run, scratch, test

CAPS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7,
        "SETPCAP": 8, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_NICE": 23, "SYS_RESOURCE": 24, "SYSLOG": 34,
        "BPF": 39, "CHECKPOINT_RESTORE": 40}
READS = ("BPF", "CHECKPOINT_RESTORE", "SYS_PTRACE", "DAC_READ_SEARCH")
SAVES = READS + ("SYSLOG", "KILL", "DAC_OVERRIDE", "CHOWN", "FOWNER")
STARTS = SAVES + ("SYS_NICE", "SETUID", "SETGID", "SETPCAP", "SYS_ADMIN", "SYS_RESOURCE")
KEYS = "CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp".split()
STATUS = ["grep", "-E", "^(" + "|".join(KEYS) + "):", "/proc/self/status"]


def mask(names):
    return sum(1 << CAPS[name] for name in names)


def parse(text):
    words = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: words[key].strip() for key in KEYS}


def status_of(path):
    with open(path + "/status") as f:
        return parse(f.read())


def wait_for(what, truth, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = truth()
        if found:
            return found
        time.sleep(0.02)
    raise Failure(f"waited {seconds} s for {what}")


def threads_of(pid):
    """Of wallgap: the main thread's status, and the others'."""
    folder = f"/proc/{pid}/task"
    main, others = status_of(f"{folder}/{pid}"), []
    for tid in os.listdir(folder):
        try:
            others += [status_of(f"{folder}/{tid}")] if tid != str(pid) else []
        except (FileNotFoundError, ProcessLookupError):
            pass  # one that measures the machine's speed, and has ended
    return main, others


def filtered(status):
    return status["Seccomp"] == "2"


def check_caps(check, what, status, names):
    for key in ("CapEff", "CapPrm"):
        more = int(status[key], 16) & ~mask(names)
        check.equal(f"{what}: {key} that it has no use for", f"{more:x}", "0")
    check.equal(f"{what}: CapAmb", int(status["CapAmb"], 16), 0)


def check_confined(check, what, pid):
    """All threads of a wallgap that will start no other command."""
    def all_filtered():
        main, others = threads_of(pid)
        return others and all(map(filtered, [main, *others]))

    wait_for(f"{what}: the filter of all threads", all_filtered)
    main, others = threads_of(pid)
    check.at_least(f"{what}: threads beside the main one", len(others), 1)
    check_caps(check, f"{what}: main thread", main, SAVES)
    for status in others:
        check_caps(check, f"{what}: thread", status, READS)
    for status in [main, *others]:
        check.equal(f"{what}: no_new_privs", status["NoNewPrivs"], "1")


class Started:
    """A wallgap that runs while we look at it."""

    def __init__(self, *args, **kw):
        self.mark = Mark()
        self.p = subprocess.Popen([live.WALLGAP, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=self.mark.env(), start_new_session=True, **kw)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
            self.p.communicate()
        self.mark.gone(1)

    def end(self, check, what):
        out, err = self.p.communicate(timeout=120)
        check.equal(f"{what}: status ({err.decode(errors='replace').strip()!r})", self.p.returncode, 0)
        check.equal(f"{what}: stderr", err.decode(errors="replace"), "")
        return out.decode(errors="replace")


def exe_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:  # ended meanwhile
        return ""


def children(pid, name):
    """The processes that pid has started and that run a program of that name by now."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        found = f.read().split()
    return [child for child in found if os.path.basename(exe_of(child)) == name]


@test
def test_confine_record(check):
    """While the command runs."""
    with scratch() as tmp, Started("record", "-o", os.path.join(tmp, "a.wg"), "--", "sleep", "2") as w:
        wait_for("the command", lambda: children(w.p.pid, os.path.basename(os.path.realpath("/bin/sleep"))))
        check_confined(check, "record", w.p.pid)
        w.end(check, "record")


@test
def test_confine_process(check):
    """With -p there is no command at all."""
    with scratch() as tmp, subprocess.Popen(["sleep", "100"]) as victim:
        try:
            with Started("record", "-o", os.path.join(tmp, "a.wg"), "-p", str(victim.pid), "-d", "2") as w:
                check_confined(check, "record -p", w.p.pid)
                w.end(check, "record -p")
        finally:
            victim.kill()


@test
def test_confine_commands(check):
    """Each of several commands has all that one without wallgap has, and the last one finds us confined."""
    want = parse(run(STATUS).out)
    with scratch() as tmp:
        said = os.path.join(tmp, "said")
        text = f"grep -E '{STATUS[2]}' {STATUS[3]} >>{said}; echo end >>{said}"
        times = attack.count(2, 20)
        for args in (["record", "-r", str(times), "--", "sh", "-c", text],
                     ["compare", "-r", str(times), "--a", text, "--b", text]):
            if os.path.exists(said):
                os.unlink(said)
            args[1:1] = ["-o", os.path.join(tmp, args[0] + ".wg")]
            done = live.wallgap(*args, cwd=tmp)
            check.equal(f"{args[0]}: status ({done.tail()})", done.status, 0)
            with open(said) as f:
                got = f.read().split("end\n")[:-1]
            check.equal(f"{args[0]}: commands", len(got), times * (2 if args[0] == "compare" else 1))
            for one in got:
                check.equal(f"{args[0]}: rights of the command", parse(one), want)


@test
def test_confine_bench(check):
    """The runners have all that is theirs; what starts them keeps that much, and its threads less."""
    if os.sep + "san" + os.sep in live.WALLGAP:
        raise live.Skip("no runner beside the program that was built with sanitizers")
    with scratch() as tmp, Started("bench", "--quick", "--runtimes", "native", "--workloads", "math", "-r", "5",
                                   "-o", os.path.join(tmp, "a.wg"), cwd=tmp) as w:
        runners = wait_for("a runner", lambda: children(w.p.pid, "wallgap-native"))
        for pid in runners:
            status = status_of(f"/proc/{pid}")
            check.equal("runner: Seccomp", status["Seccomp"], "0")
            check.equal("runner: NoNewPrivs", status["NoNewPrivs"], "0")
        main, others = threads_of(w.p.pid)
        check_caps(check, "bench: main thread", main, STARTS)
        check.equal("bench: main thread: Seccomp", main["Seccomp"], "0")
        # one that measures the machine's speed reads nothing, and is the main thread's like
        check.at_least("bench: threads with a filter", sum(map(filtered, others)), 1)
        for status in filter(filtered, others):
            check_caps(check, "bench: thread", status, READS)
        w.p.communicate(timeout=200)
        check.equal("bench: status", w.p.returncode, 0)
