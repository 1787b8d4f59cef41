# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Plays the loader of the runner protocol (workloads/protocol.md): starts a runner with two pipes,
talks to it, and knows what is left of it."""

import fcntl
import json
import os
import select
import signal
import subprocess
import time

PATIENCE_S = 30  # for an answer; a runner that takes longer has failed


class Failure(Exception):
    """The runner did what no runner may; the text says what."""


class Silent(Failure):
    """It did not answer in time."""


def move_up(fd):
    """A loader has many files open. A runtime that takes care of low numbers only is to be seen."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 60)
    os.close(fd)
    return moved


class Runner:
    """One runner, in a session of its own."""

    def __init__(self, command, **env):
        to_read, self.to = os.pipe()
        self.answers, to_write = os.pipe()
        to_read, to_write = move_up(to_read), move_up(to_write)
        self.pipes = {os.readlink(f"/proc/self/fd/{fd}") for fd in (to_read, to_write)}
        variables = dict(os.environ, WALLGAP_IN_FD=str(to_read), WALLGAP_OUT_FD=str(to_write), **env)
        self.process = subprocess.Popen(command, pass_fds=(to_read, to_write), env=variables,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill_group(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.close_in()
        os.close(self.answers)

    # --- talk ---

    def send(self, kind, **fields):
        self.send_text(json.dumps({"type": kind, **fields}) + "\n")

    def send_text(self, text):
        try:
            os.write(self.to, text.encode())
        except BrokenPipeError:
            pass  # it has ended, and may have said why

    def close_in(self):
        if self.to >= 0:
            os.close(self.to)
            self.to = -1

    def read_line(self, patience_s=None):
        """The next line; "" at the end; None when none came in time."""
        patience_s = PATIENCE_S if patience_s is None else patience_s
        deadline = time.monotonic() + patience_s
        while b"\n" not in self.rest:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.answers], [], [], left)[0]:
                return None
            piece = os.read(self.answers, 1 << 16)
            if not piece:
                return ""
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def read(self, patience_s=None):
        """The next message, of any type; None at the end, or when none came within the patience given. Without
        one it is Silent who lets us wait."""
        line = self.read_line(patience_s)
        if line is None and patience_s is None:
            half = f"'{self.rest[:80].decode(errors='replace')}' and no end of line" if self.rest else "nothing"
            raise Silent(f"{half} came within {PATIENCE_S} s; it printed: {self.noise()}")
        return json.loads(line) if line else None

    def expect(self, kind):
        message = self.read()
        if message is None:
            raise Failure(f"no {kind}; it printed: {self.noise()}")
        if message["type"] != kind:
            raise Failure(f"{message} came where {kind} was expected")
        return message

    def set_up(self, workload, model, workers=2, tasks=2, n=0, **fields):
        """From hello to ready; gives ready."""
        self.expect("hello")
        self.send("setup", workload=workload, model=model,
                  workers=1 if model == "single" else workers, tasks=tasks, n=n, **fields)
        return self.expect("ready")

    def go(self):
        self.send("go")
        return self.expect("done")

    # --- the end ---

    def status(self, patience_s):
        """Exit status, negative for a signal; None when it still runs."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def noise(self):
        self.kill_group(signal.SIGKILL)
        return self.process.communicate()[0].decode(errors="replace").strip()[-300:]

    def kill_group(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def left(self, patience_s):
        """Processes of its session that are still there after so long; zombies do not count."""
        deadline = time.monotonic() + patience_s
        while True:
            left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                    if self._is_ours(pid)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.02)

    def _is_ours(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                state, _, _, session = f.read().rpartition(")")[2].split()[:4]
        except OSError:
            return False
        return int(session) == self.process.pid and state != "Z"


def call_of(tgid, tid):
    """Number of the system call that a thread sleeps in; None when it runs, or is not ours to see."""
    try:
        with open(f"/proc/{tgid}/task/{tid}/syscall", encoding="utf-8") as f:
            word = f.read().split()[0]
    except OSError:
        return None
    return int(word) if word.lstrip("-").isdigit() else None


def files_of(tgid):
    """What the descriptors of a process stand for."""
    folder = f"/proc/{tgid}/fd"
    return {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}


def faults_of(tgid):
    """Minor faults of a process so far."""
    with open(f"/proc/{tgid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rpartition(")")[2].split()[7])
