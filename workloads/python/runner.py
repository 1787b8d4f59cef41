#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A runner for CPython: workloads/guide.md explains it, workloads/protocol.md is what it speaks."""

import hashlib
import json
import mmap
import multiprocessing
import os
import select
import signal
import socket
import ssl
import sys
import threading
import time
from array import array
from contextlib import suppress
from math import sin, sqrt

PAGE = 4096
MAX_CNT, MAX_N = 50_000, 10**12  # workers and tasks; size of a task


class Fault(Exception):
    """One line for the loader: what, on what, why."""


def do_math(n, _):
    total = 0.0
    for i in range(n):  # not sum(): since 3.12 it adds more exactly than C does
        total += sqrt(i) * sin(i)
    return f"{total:.17g}", None


def do_crypto(n, _):
    for i in range(n):
        digest = hashlib.new("sha512", b"%d-{result}" % i).hexdigest()
    return digest, None


def words_of(buffer):
    return memoryview(buffer).cast("I")[::PAGE // 4]


def checksum_of(words):
    return f"{sum(words) & 0xFFFFFFFF:08x}"


def do_transfer(n, setup):
    size, fd, checksum = -(-n // PAGE) * PAGE, -1, "untouched"
    if setup["model"] == "procs":
        fd = os.memfd_create("wallgap-transfer")
        os.ftruncate(fd, size)
        buffer = mmap.mmap(fd, size)
    else:
        buffer = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if setup["touch"]:
        words = array("I", (p * 2654435761 & 0xFFFFFFFF for p in range(size // PAGE)))
        words_of(buffer)[:] = words
        checksum = checksum_of(words)
    if fd < 0:
        return checksum, buffer
    buffer.close()
    return checksum, fd


WORKLOADS = {
    "math": (do_math, 5_000_000, "terms"),
    "crypto": (do_crypto, 1_000_000, "operations"),
    "transfer": (do_transfer, 104_857_600, "bytes"),
}
MODELS = ("single", "threads", "procs")


def tell(sock, **packet):
    sock.send(json.dumps(packet).encode())


def go_wrong_if_asked(lane, checksum):
    """For tests of the loader; see the protocol."""
    asked = [what for what in ("CRASH", "HANG", "WRONG")
             if os.environ.get("WALLGAP_TEST_" + what) == str(lane)]
    if "CRASH" in asked:
        signal.raise_signal(signal.SIGSEGV)
    while "HANG" in asked:
        time.sleep(1)
    return "wrong" if "WRONG" in asked else checksum


def do_tasks(lane, sock, setup, handed, n, tasks, measured):
    work = WORKLOADS[setup["workload"]][0]
    for index in range(lane, tasks, setup["workers"]):
        begin_ns = time.monotonic_ns()
        checksum, buffer = work(n, setup)
        if measured:
            checksum = go_wrong_if_asked(lane, checksum)
        if isinstance(buffer, int):
            socket.send_fds(sock, [b"%d" % index], [buffer])
            os.close(buffer)
        elif buffer:
            handed[index] = buffer
        del buffer  # from here on it is the orchestrator's
        tell(sock, index=index, lane=lane, begin_ns=begin_ns, end_ns=time.monotonic_ns(),
             checksum=checksum)


def lane_main(lane, sock, setup, handed):
    try:
        cpu = setup["cpus"][lane] if setup.get("cpus") else -1
        if cpu >= 0:
            os.sched_setaffinity(0, {cpu})  # 0: this thread alone
        tell(sock, lane=lane, tid=threading.get_native_id(), tgid=os.getpid(), cpu=cpu)
        while order := sock.recv(256):  # asleep here, without the GIL
            do_tasks(lane, sock, setup, handed, *json.loads(order))
    except Exception as e:
        tell(sock, error=f"{type(e).__name__}: {e}")


class Runner:
    def __init__(self):
        self.in_fd, self.out_fd = (int(os.environ[f"WALLGAP_{s}_FD"]) for s in ("IN", "OUT"))
        self.rest, self.inbox = b"", []  # from the loader: part of a line, messages
        self.epoll = select.epoll()
        self.epoll.register(self.in_fd, select.EPOLLIN)
        self.setup, self.socks, self.lane_of, self.children = None, [], {}, []
        self.handed = {}  # index of a task: the buffer that it gave
        self.life = os.pipe()  # children read from it: its end is ours

    def say(self, **message):
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.out_fd, data):]

    def listen(self):
        data = os.read(self.in_fd, 1 << 16)
        if not data:
            sys.exit(1)  # the loader is gone
        *lines, self.rest = (self.rest + data).split(b"\n")
        for message in map(json.loads, lines):
            if message["type"] == "stop":
                sys.exit(0)
            self.inbox.append(message)

    def wait(self):
        """Sleep until somebody speaks. Gives what lanes said."""
        for fd, _ in self.epoll.poll():
            if fd == self.in_fd:
                self.listen()
            elif packet := self.receive(self.lane_of[fd]):
                yield packet

    def receive(self, lane):
        data = b""
        with suppress(ConnectionError):
            data, fds, _, _ = socket.recv_fds(self.socks[lane], 1 << 16, 1)
        if not data:
            raise Fault(self.fate_of(lane, self.children[lane]))
        packet = json.loads(data)
        if fds:  # the buffer of a task, before the task
            self.handed[packet] = mmap.mmap(fds[0], 0, prot=mmap.PROT_READ)
            os.close(fds[0])
            return None
        if "error" in packet:
            raise Fault(f"lane {lane}: {packet['error']}")
        return packet

    def fate_of(self, lane, child):
        child.join()
        sig = -child.exitcode
        how = (f"was killed by signal {sig} ({signal.strsignal(sig)})" if sig > 0 else
               f"ended with exit status {child.exitcode}")
        return f"the process of lane {lane} ({child.pid}) {how}"

    def start_lane(self, lane):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socks.append(ours)
        self.lane_of[ours.fileno()] = lane
        self.epoll.register(ours, select.EPOLLIN)
        args = (lane, theirs, self.setup, self.handed)
        if self.setup["model"] != "procs":
            threading.Thread(target=lane_main, args=args, daemon=True).start()
            return
        child = multiprocessing.get_context("fork").Process(target=self.child_main, args=args)
        child.start()
        self.children.append(child)
        theirs.close()  # the child's is the only one now, and we see its end

    def child_main(self, *args):
        for sock in self.socks:
            sock.close()
        for fd in (self.in_fd, self.out_fd, self.life[1]):
            os.close(fd)
        threading.Thread(target=lane_main, args=args, daemon=True).start()
        os.read(self.life[0], 1)  # until the orchestrator is gone
        os._exit(1)

    def on_setup(self, setup):
        workers, tasks, cpus = setup["workers"], setup["tasks"], setup.get("cpus")
        if self.setup:
            raise Fault("a second set-up: there is one pool a runner")
        if setup["workload"] not in WORKLOADS or setup["model"] not in MODELS:
            raise Fault("the set-up names a workload or a model that is not had here")
        if not (0 < workers <= MAX_CNT and 0 < tasks <= MAX_CNT and
                0 <= setup.get("n", 0) <= MAX_N and setup.get("timeout_s", 0) >= 0 and
                (not cpus or len(cpus) == workers) and
                (setup["model"] != "single" or workers == 1)):
            raise Fault("the set-up has a number that is out of range")
        _, default, unit = WORKLOADS[setup["workload"]]
        n = setup["n"] = setup.get("n") or default
        if not isinstance(setup.setdefault("touch", True), bool):
            raise Fault("the set-up's touch is neither true nor false")
        self.setup = setup
        for lane in range(workers):
            try:
                self.start_lane(lane)
            except (OSError, RuntimeError) as e:
                raise Fault(f"worker {lane + 1} of {workers} cannot be made: {e}") from None
        lanes = [None] * workers
        while None in lanes:
            for up in self.wait():
                lanes[up["lane"]] = up
        if setup["workload"] == "transfer":  # the peak footprint
            self.go(n, workers * (2 if tasks > workers else 1), False)
        else:
            self.go(max(n // 10, 1), workers, False)
        self.say(type="ready", lanes=lanes, n=n, detail=f"{n:,} {unit} a task")

    def go(self, n, tasks, measured):
        order, done = json.dumps([n, tasks, measured]).encode(), []
        begin_ns = time.monotonic_ns()
        for sock in self.socks:
            with suppress(ConnectionError):  # wait() finds the dead
                sock.send(order)
        while len(done) < tasks:
            for task in self.wait():
                self.take(task)
                done.append(task)
        end_ns = time.monotonic_ns()
        for task in done:
            if task["checksum"] != done[0]["checksum"]:
                raise Fault(f"wrong result: task {task['index']} gave {task['checksum']:.24}, "
                            f"task {done[0]['index']} {done[0]['checksum']:.24}")
        return {"begin_ns": begin_ns, "end_ns": end_ns, "tasks": done}

    def take(self, task):
        buffer, sent = self.handed.pop(task["index"], None), task["checksum"]
        if not buffer:
            return
        got = checksum_of(words_of(buffer)) if self.setup["touch"] else sent
        buffer.close()
        if got != sent:
            raise Fault(f"task {task['index']}: a buffer arrived with {got}, sent was {sent:.24}")

    def serve(self):
        libs = [os.confstr("CS_GNU_LIBC_VERSION"), ssl.OPENSSL_VERSION]  # "glibc 2.36"
        self.say(type="hello", protocol=1, runtime="python", version=sys.version.split(" (")[0],
                 libs=[dict(zip(("name", "version"), lib.split(" ", 1))) for lib in libs],
                 models=MODELS, workloads=list(WORKLOADS))
        while True:
            for _ in self.wait():
                pass
            for message in self.inbox:
                if message["type"] == "setup":
                    self.on_setup(message)
                elif message["type"] == "go" and self.setup:
                    self.say(type="done", **self.go(self.setup["n"], self.setup["tasks"], True))
                else:
                    raise Fault(f"\"{message['type']}\" is not what was to come")
            self.inbox.clear()


def main():
    runner, status = Runner(), 1
    try:
        runner.serve()
    except SystemExit as e:
        status = e.code
    except Exception as e:
        why = str(e) if isinstance(e, Fault) else f"{type(e).__name__}: {e}"
        runner.say(type="error", text=why)
    finally:
        for child in runner.children:
            child.kill()
            child.join()
        os._exit(status)  # no thread of ours keeps us


if __name__ == "__main__":
    main()
