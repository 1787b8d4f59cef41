# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The command line: statuses, one-line errors, what goes where, and nothing left behind."""

import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from live import (Mark, PLANTED, TIMEOUT_S, WALLGAP, bpf_programs, check_report, for_each,
                  load_report, programs_left, run, scratch, test, wallgap)

COMMANDS = ("bench", "record", "report", "doctor")
ESCAPES = re.compile(r"[\x1b\r]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def check_refusal(c, done, status, *words):
    """Ended with status, one line on stderr that has the words, and nothing on stdout."""
    what = " ".join(os.path.basename(a) for a in done.argv[:8])
    lines = done.err.strip().splitlines()
    c.equal(f"status of `{what}`", done.status, status)
    c.that(len(lines) == 1, f"`{what}` says {len(lines)} lines on stderr, not one: {done.tail()}")
    c.equal(f"stdout of `{what}`", done.out[:80], "")
    for word in words:
        c.that(re.search(word, done.err, re.I), f"`{what}`: no /{word}/ in: {done.tail()}")


def check_clean(c, mark, programs, folder=None, keep=()):
    """No process, BPF program or file is left."""
    left = mark.gone()
    c.that(not left, f"left running: {left}")
    stay = programs_left(programs)
    c.that(not stay, f"BPF programs left: {sorted(stay)}")
    if folder:
        files = sorted(set(os.listdir(folder)) - set(keep))
        c.that(not files, f"files left: {files}")


def small_recording(folder, name="good.wg", options=()):
    path = os.path.join(folder, name)
    done = wallgap("record", "-o", path, *options, "--", "true")
    if done.status:
        raise AssertionError(f"record true: {done.status}: {done.tail()}")
    return path


# --- help, version, usage ---

@test
def test_cli_help(c):
    for args in [["--help"]] + [[command, "--help"] for command in COMMANDS]:
        done = wallgap(*args)
        c.equal(f"status of {args}", done.status, 0)
        c.at_least(f"characters of {args}", len(done.out), 100)
        c.equal(f"stderr of {args}", done.err, "")
        c.that(not ESCAPES.search(done.out), f"escape codes in {args}")
        long = [line for line in done.out.splitlines() if len(line) > 100]
        c.that(not long, f"{args} has lines over 100 columns: {long[:2]}")


@test
def test_cli_version(c):
    done = wallgap("--version")
    c.equal("status", done.status, 0)
    c.that(re.fullmatch(r"wallgap \d+\.\d+\.\d+\S*\n", done.out), f"says {done.out!r}")


@for_each(nothing=[], command=["nosuch"], option=["record", "--nosuch", "--", "true"],
          no_command=["record"], no_file=["report"], two_files=["report", "a", "b"],
          format=["report", "--format", "nosuch", "a"], no_value=["bench", "--workers"],
          no_number=["bench", "--workers", "two"], workload=["bench", "--workloads", "nosuch"],
          model=["bench", "--models", "nosuch"], zero_workers=["bench", "--workers", "0"],
          many_workers=["bench", "--workers", "100000"], zero_repeats=["bench", "--repeats", "0"],
          empty_workload=["bench", "--workloads", ""], operand=["bench", "nosuch"])
def test_cli_usage(c, args):
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        done = wallgap(*args, cwd=tmp, mark=mark)
        if args:
            check_refusal(c, done, 2)
        else:
            c.equal("status", done.status, 2)
        check_clean(c, mark, programs, tmp)


# --- recordings that cannot be written or read ---

@for_each(record=["record"], bench=["bench", "--quick", "--workloads", "math"])
def test_cli_unwritable(c, command):
    """Found before the work is done, not after it."""
    for where in ("/nonexistent/x.wg", "/proc/x.wg", "."):
        with scratch() as tmp:
            mark, programs = Mark(), bpf_programs()
            command_line = ["--", "touch", "ran"] if command[0] == "record" else []
            done = wallgap(*command, "-o", where, *command_line, cwd=tmp, mark=mark)
            check_refusal(c, done, 1)
            check_clean(c, mark, programs, tmp)


@test
def test_cli_keeps_old(c):
    """A recording that fails leaves the file that was there; one that works replaces it."""
    with scratch() as tmp:
        path = small_recording(tmp)
        before = open(path, "rb").read()
        done = wallgap("record", "-o", path, "--", "/nonexistent/command")
        c.equal("status", done.status, 127)
        c.that(open(path, "rb").read() == before, "the old recording was changed")
        done = wallgap("record", "-o", path, "--", "true")
        c.equal("status of the second", done.status, 0)
        c.that(open(path, "rb").read() != before, "the old recording was kept")
        c.equal("mode", oct(os.stat(path).st_mode & 0o777), oct(0o600))
        c.equal("files", os.listdir(tmp), ["good.wg"])


def spoil_text(path):
    open(path, "w").write("not a recording\n" * 100)


def spoil_empty(path):
    open(path, "w").close()


def spoil_cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def spoil_head(path):
    os.truncate(path, 50)


def spoil_middle(path):
    """Junk in the middle, the length right."""
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        f.write(b"\xa5" * 8192)


def spoil_newer(path):
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9999")
    db.commit()
    db.close()


def spoil_other(path):
    """SQLite, but not ours."""
    os.unlink(path)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()


@for_each(text=(spoil_text, "recording"), empty=(spoil_empty, ""), cut=(spoil_cut, ""),
          head=(spoil_head, ""), newer=(spoil_newer, "newer"), other=(spoil_other, "recording"),
          missing=(os.unlink, "no such file"))
def test_cli_spoilt(c, how):
    spoil, word = how
    with scratch() as tmp:
        path = small_recording(tmp)
        spoil(path)
        for form in ("text", "json"):
            check_refusal(c, wallgap("report", "--format", form, path), 1, *filter(None, [word]))
        c.that(set(os.listdir(tmp)) <= {"good.wg"}, f"files left: {os.listdir(tmp)}")


@test
def test_cli_spoilt_middle(c):
    """Where the damage shows is up to chance: it may not crash, hang or go on quietly wrong."""
    with scratch() as tmp:
        path = small_recording(tmp)
        spoil_middle(path)
        done = wallgap("report", "--format", "json", path)
        c.that(done.status in (0, 1), f"status {done.status}: {done.tail()}")
        if done.status:
            check_refusal(c, done, 1)
        else:
            json.loads(done.out)


@test
def test_cli_report_dir(c):
    with scratch() as tmp:
        check_refusal(c, wallgap("report", tmp), 1)


@test
def test_cli_report_itself(c):
    """A report does not take the place of its recording, by whatever name."""
    with scratch() as tmp:
        path, other = os.path.join(tmp, "a.wg"), os.path.join(tmp, "b.wg")
        c.equal("status", wallgap("record", "-o", path, "--", "true").status, 0)
        os.link(path, other)
        with open(path, "rb") as f:
            was = f.read()
        for where in (path, other, os.path.join(tmp, ".", "a.wg")):
            done = wallgap("report", "--format", "json", "-o", where, path)
            c.equal(f"status of -o {where}", done.status, 1)
            c.that("the recording itself" in done.err, done.err)
            with open(path, "rb") as f:
                c.that(f.read() == was, f"the recording was written over by -o {where}")


@test
def test_cli_report_no_stacks(c):
    with scratch() as tmp:
        path = small_recording(tmp, options=["--no-stacks"])
        done = wallgap("report", path)
        c.equal("status", done.status, 0)
        c.equal("stderr", done.err, "")


@test
def test_cli_report_same(c):
    """What record printed is what report prints of the file, but for the line that names it."""
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("record", "-o", path, "--", os.path.join(PLANTED, "faults"), "101")
        again = wallgap("report", path)
        c.equal("stderr of report", again.err, "")
        told = [line for line in done.out.splitlines() if path not in line]
        c.that(told == [line for line in again.out.splitlines() if path not in line],
               "record and report print different text")
        c.equal("second time", wallgap("report", path).out, again.out)
        out = os.path.join(tmp, "report.txt")
        c.equal("status of -o", wallgap("report", "-o", out, path).status, 0)
        c.equal("report -o", open(out).read(), again.out)


# --- who may ---

def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@test
def test_cli_not_root(c):
    with scratch() as tmp:
        os.chmod(tmp, 0o777)
        path = small_recording(tmp)
        os.chmod(path, 0o644)
        binary = shutil.copy(WALLGAP, os.path.join(tmp, "wallgap"))
        runner = os.path.join(os.path.dirname(PLANTED), "wallgap-native")
        for copy in (binary, shutil.copy(runner, os.path.join(tmp, "wallgap-native"))):
            os.chmod(copy, 0o755)
        keep = set(os.listdir(tmp))
        for mode in (0o777, 0o755):  # whether it may write here or not: that is the smaller trouble
            os.chmod(tmp, mode)
            for args in (["record", "--", "true"], ["bench", "--quick"], ["compare", "--a", "true", "--b", "true"]):
                done = run([binary, *args], cwd=tmp, preexec=as_nobody)
                check_refusal(c, done, 77, "root|sudo")
        done = run([binary, "report", path], cwd=tmp, preexec=as_nobody)
        c.equal("status of report without root", done.status, 0)
        c.that(len(done.out) > 100, "report without root says nothing")
        done = run([binary, "doctor"], cwd=tmp, preexec=as_nobody)
        c.that(done.status in (0, 1, 77), f"doctor without root: {done.status}: {done.tail()}")
        c.equal("files left", set(os.listdir(tmp)) - keep, set())


@test
def test_cli_doctor(c):
    done = wallgap("doctor")
    c.equal("status", done.status, 0)
    c.that(len(done.out.splitlines()) > 3, f"doctor says: {done.out!r}")
    c.that(not ESCAPES.search(done.out + done.err), "escape codes when piped")


# --- the command's own end ---

def shell(script):
    return ["sh", "-c", script]


@for_each(ok=(shell("exit 0"), 0), failed=(shell("exit 3"), 3), status=(shell("exit 255"), 255),
          signalled=(shell("kill -TERM $$"), 143), killed=(shell("kill -KILL $$"), 137))
def test_cli_status(c, case):
    command, status = case
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("record", "-o", path, "--", *command, cwd=tmp, mark=mark)
        c.equal("status", done.status, status)
        report = load_report(path)
        check_report(c, report)
        c.equal("exit_status in the recording", report["runs"][0]["exit_status"], status)
        check_clean(c, mark, programs, tmp, ["a.wg"])


@for_each(not_found=("/nonexistent/command", 127), not_in_path=("nosuch-command", 127),
          not_executable=("plain", 126), a_folder=("/tmp", 126))
def test_cli_cannot_exec(c, case):
    command, status = case
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        plain = os.path.join(tmp, "plain")
        open(plain, "w").write("#!/bin/sh\n")
        os.chmod(plain, 0o644)
        command = plain if command == "plain" else command
        done = wallgap("record", "-o", os.path.join(tmp, "a.wg"), "--", command, cwd=tmp, mark=mark)
        check_refusal(c, done, status, re.escape(os.path.basename(command)))
        check_clean(c, mark, programs, tmp, ["plain"])


@for_each(pipe=("echo a | cat", "sh -c 'echo a | cat'"), words=("sleep 1", "sh -c 'sleep 1'"),
          builtin=("ulimit", "word of the shell"))
def test_cli_needs_shell(c, case):
    """One word for a shell, where there is none between: said, and what to do."""
    word, hint = case
    with scratch() as tmp:
        done = wallgap("record", "-o", os.path.join(tmp, "a.wg"), "--", word, cwd=tmp)
        check_refusal(c, done, 127, re.escape(hint))
        c.equal("files left", os.listdir(tmp), [])


@for_each(exit=("exit 3", 3), export=("export A=1", 0), cd=("cd /", 0), plain=("true", 0), shell=("true | false", 1))
def test_cli_compare_shell(c, case):
    """compare runs what sh knows, programs or not, and says of a command that it failed."""
    command, status = case
    with scratch() as tmp:
        out = os.path.join(tmp, "a.wg")
        done = wallgap("compare", "--repeats", 1, "--a", command, "--b", "true", "-o", out)
        c.equal("status", done.status, 1 if status else 0)
        c.equal("said that it failed", f"a ended with status {status}" in done.err, status != 0)
        statuses = [r["exit_status"] for r in load_report(out)["runs"] if r["model"] == "a"]
        c.equal("exit status in the recording", statuses, [status])


@test
def test_cli_default_name(c):
    with scratch() as tmp:
        done = wallgap("record", "--", "true", cwd=tmp)
        c.equal("status", done.status, 0)
        files = os.listdir(tmp)
        if c.that(len(files) == 1 and re.fullmatch(r"wallgap-\d{8}-\d{6}\.wg", files[0]),
                  f"files: {files}"):
            c.that(files[0] in done.out.strip().splitlines()[-1], "its name is not printed last")
            load_report(os.path.join(tmp, files[0]))


@test
def test_cli_footprint(c):
    """wallgap's own memory, and the time until the command begins (which is shown, not judged)."""
    with scratch() as tmp:
        overhead = load_report(small_recording(tmp))["overhead"]
    c.between("own resident memory", overhead["wallgap_rss_peak_bytes"], 1, 64 << 20)
    c.between("start", overhead["start_ns"], 1, TIMEOUT_S * 10**9)
    c.note(f"{overhead['wallgap_rss_peak_bytes'] >> 20} MiB, command began after "
           f"{overhead['start_ns'] / 1e6:.0f} ms")


VERIFIED_MAX = 147_000


def verified_by_kernel(pid):
    """Instructions that the verifier went through for the programs that a process holds, by their kernel ids."""
    seen = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii", errors="replace") as f:
            info = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        if "verified_insns" in info:
            seen[info["prog_id"]] = int(info["verified_insns"])
    return seen


@test
def test_cli_start_verified(c):
    """Most of the start is the verifier's, some 2 us an instruction: so a change that makes it go through more of
    them is a slower start. A branch in one place may double all that follows."""
    mark = Mark()
    with scratch() as tmp:
        p = start_record(tmp, mark, "sleep 1000")
        seen = verified_by_kernel(p.pid)
        p.send_signal(signal.SIGINT)
        finish(p)
    c.equal("processes left", mark.gone(), [])
    if not seen:
        c.note("this kernel does not tell how much it has verified (Linux 5.16)")
        return
    c.between("programs", len(seen), 20, 100)
    c.at_most("instructions verified", sum(seen.values()), VERIFIED_MAX)
    c.note(f"{sum(seen.values()):,} instructions verified, of {len(seen)} programs")


@test
def test_cli_odd_words(c):
    """Arguments that are long, empty, or no text: the recording and the JSON stay whole."""
    words = ["", "a" * 5000, "\x1b[31mred", "tab\tnew\nline", "\"quoted\\", b"\xff\xfe\x80",
             "ä" * 300]
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = run([WALLGAP, "record", "-o", path, "--", "true", *words])
        c.equal("status", done.status, 0)
        c.that(not ESCAPES.search(done.out), "an argument's escape code is in the report")
        load_report(path)
        c.that(not ESCAPES.search(wallgap("report", path).out), "escape code in the report")


# --- what goes where ---

@test
def test_cli_streams(c):
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        # Spelt so that the words are in the command's output, but not in the command.
        done = wallgap("record", "-o", path, "--", *shell("echo to''-out; echo to''-err >&2"))
        c.that("to-out" in done.out and "to-err" not in done.out, "stdout of the command")
        c.that("to-err" in done.err and "to-out" not in done.err, "stderr of the command")
        c.that(path in done.out.strip().splitlines()[-1], "the file's name is not printed last")
        c.that(not ESCAPES.search(done.out + done.err), "escape codes when piped")
        for form in ("text", "json"):
            done = wallgap("report", "--format", form, path)
            c.equal(f"stderr of report {form}", done.err, "")
            c.that(not ESCAPES.search(done.out), f"escape codes in {form}")
        long = [line for line in wallgap("report", path).out.splitlines() if len(line) > 100]
        c.that(not long, f"lines over 100 columns: {long[:3]}")


@test
def test_cli_full_disk(c):
    """A report that cannot be written is an error, not silence."""
    with scratch() as tmp:
        path = small_recording(tmp)
        for form in ("text", "json"):
            with open("/dev/full", "w") as full:
                p = subprocess.run([WALLGAP, "report", "--format", form, path], stdout=full,
                                   stderr=subprocess.PIPE, timeout=TIMEOUT_S)
            c.equal(f"status of report {form} to a full disk", p.returncode, 1)
            c.equal("lines on stderr", len(p.stderr.decode().strip().splitlines()), 1)


def on_terminal(argv, **env):
    """Output of argv run on a terminal of its own."""
    pid, fd = pty.fork()
    if not pid:
        os.execve(argv[0], argv, {**os.environ, "TERM": "xterm", **env})
    out = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode(errors="replace")


@for_each(one=1, two=2)
def test_cli_compare_few(c, runs):
    """Under three runs of each there is a difference, but no interval and no verdict."""
    with scratch() as tmp:
        out = os.path.join(tmp, "few.wg")
        done = wallgap("compare", "--repeats", runs, "--a", "sleep 0.01", "--b", "sleep 0.02", "-o", out)
        c.equal("status", done.status, 0)
        c.that("no verdict" in done.out, "the text does not say that there is no verdict")
        for word in ("95%:", "no difference", "takes", "in words"):
            c.that(word not in done.out, f"{word!r} in the text: {done.out}")
        gap = load_report(out)["gaps"][0]
        c.equal("verdict", gap["verdict"], "undecided")
        c.between("gap", gap["gap_ns"], 5_000_000, 100_000_000)
        c.at_least("parts", len(gap["parts"]), 1)
        ends = [part[end] for part in [gap, *gap["parts"]] for end in ("lo_ns", "hi_ns")]
        c.equal("ends of intervals", set(ends), {None})
        c.that(not any(part["holds"] for part in gap["parts"]), "a part holds")


@test
def test_cli_no_color(c):
    with scratch() as tmp:
        path = small_recording(tmp)
        status, out = on_terminal([WALLGAP, "report", path], NO_COLOR="1")
        c.equal("status", status, 0)
        c.that(not COLOUR.search(out), "colour in report under NO_COLOR")
        record = [WALLGAP, "record", "-o", path, "--", "true"]
        c.that(not COLOUR.search(on_terminal(record, NO_COLOR="1")[1]), "colour in record")


# --- Ctrl-C ---

def start_record(tmp, mark, script):
    """Start a record whose command says on a pipe that it runs. Returns the process. Its output
    goes nowhere: a command that outlives wallgap would keep a pipe open."""
    ready = os.path.join(tmp, "ready")
    os.mkfifo(ready)
    p = subprocess.Popen([WALLGAP, "record", "-o", os.path.join(tmp, "a.wg"), "--",
                          *shell(f"echo > {ready}; {script}")], env=mark.env(),
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    with open(ready) as f:
        f.read()
    os.unlink(ready)
    time.sleep(0.2)
    return p


def finish(p, timeout=60):
    """Its status; None, after killing it, when it does not end."""
    try:
        return p.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        return None


def check_interrupted(c, tmp):
    report = load_report(os.path.join(tmp, "a.wg"))
    check_report(c, report)
    c.that(report["interrupted"], "the recording does not say that it was interrupted")
    c.at_least("wall of the run", report["runs"][0]["wall_ns"], 100_000_000)
    c.that(report["runs"][0]["threads"], "no threads seen")


@for_each(alone=False, group=True)
def test_cli_interrupt(c, group):
    """To wallgap alone, or to all of the terminal's foreground as Ctrl-C does."""
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        # To wallgap alone: what the command forked, into a session of its own too, must end with it.
        p = start_record(tmp, mark, "sleep 1000 & setsid sleep 1000 & sleep 1000; true")
        (os.killpg if group else os.kill)(p.pid, signal.SIGINT)
        c.equal("status", finish(p), 130)
        check_interrupted(c, tmp)
        check_clean(c, mark, programs, tmp, ["a.wg"])


@for_each(int="INT", term="TERM", hup="HUP", quit="QUIT", xcpu="XCPU", usr1="USR1", pwr="PWR")
def test_cli_signal(c, name):
    """Each signal that would end wallgap: the recording is kept, names it, and so does the status."""
    mark, programs, number = Mark(), bpf_programs(), getattr(signal, "SIG" + name)
    with scratch() as tmp:
        p = start_record(tmp, mark, "setsid sleep 1000 & sleep 1000")
        os.kill(p.pid, number)
        time.sleep(0.01)
        os.kill(p.pid, number)  # timeout(1) sends twice, SIGXCPU comes every second
        c.equal("status", finish(p), 128 + number)
        check_interrupted(c, tmp)
        c.equal("reason", load_report(os.path.join(tmp, "a.wg")).get("stopped_by"), "SIG" + name)
        check_clean(c, mark, programs, tmp, ["a.wg"])


@test
def test_cli_time_over(c):
    """-d ends a command that still runs, with all that it started, and says so."""
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        path = os.path.join(tmp, "a.wg")
        done = wallgap("record", "-o", path, "-d", 1, "--", "sh", "-c",
                       "(setsid sleep 1000 >/dev/null 2>&1 &); sleep 1000", mark=mark)
        c.equal("status", done.status, 0)
        c.that("1 s of -d are over" in done.err, f"stderr does not say it: {done.err}")
        c.that("stopped by -d 1" in done.out, f"the report does not say it: {done.out[:300]}")
        check_clean(c, mark, programs, tmp, ["a.wg"])
        done = wallgap("record", "-o", path, "-d", 100, "--", "true")
        c.that("stopped" not in done.out and not done.err, "says so of one that ended: " + done.err)


@test
def test_cli_interrupt_deaf(c):
    """A command that ignores it may not keep wallgap from ending."""
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        p = start_record(tmp, mark, "trap '' INT TERM; while :; do sleep 1; done")
        os.killpg(p.pid, signal.SIGINT)
        c.equal("status", finish(p), 130)
        check_interrupted(c, tmp)
        check_clean(c, mark, programs, tmp, ["a.wg"])


@test
def test_cli_interrupt_twice(c):
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        p = start_record(tmp, mark, "trap '' INT TERM; while :; do sleep 1; done")
        begin = time.monotonic()
        os.kill(p.pid, signal.SIGINT)
        time.sleep(0.25)  # a second one sooner is taken for the same
        if p.poll() is None:
            os.kill(p.pid, signal.SIGINT)
        c.equal("status", finish(p, 20), 130)
        c.note(f"ended in {time.monotonic() - begin:.2f} s")
        check_clean(c, mark, programs)
        files = os.listdir(tmp)
        c.that(set(files) <= {"a.wg"}, f"half-written: {files}")
        if files:
            load_report(os.path.join(tmp, "a.wg"))


@test
def test_cli_interrupt_bench(c):
    mark, programs = Mark(), bpf_programs()
    with scratch() as tmp:
        p = subprocess.Popen([WALLGAP, "bench", "--runtimes", "native", "--workloads", "math", "--repeats", "500", "-o",
                              os.path.join(tmp, "a.wg")], env=mark.env(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
        time.sleep(3)
        c.that(p.poll() is None, "ended on its own before the Ctrl-C")
        os.killpg(p.pid, signal.SIGINT)
        c.equal("status", finish(p), 130)
        report = load_report(os.path.join(tmp, "a.wg"))
        c.that(report["interrupted"], "the recording does not say that it was interrupted")
        check_report(c, report, counts=False)
        check_clean(c, mark, programs, tmp, ["a.wg"])
