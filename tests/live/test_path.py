# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The critical path: it sums to the wall time, and lies where the time was made, not where it was
waited for. Each program has one known longest way."""

import sys

from live import for_each, timed
from sites import record_command

SUM_SHARE = 0.001  # of the wall time: what the sum may be off
BURN = """
import os, socket, sys, threading, time
def burn(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
"""

ON_CPU = ("cpu_user", "cpu_kernel", "cpu_fault")
QUEUE = ("runq_wake", "runq_preempt")


def path_of(c, *argv):
    got = record_command(list(argv), options=("--path",), truth=False)
    path, wall = got.run["path_buckets"], got.run["wall_ns"]
    c.near("sum of the path", sum(path.values()), wall, SUM_SHARE)
    c.note(", ".join(f"{b} {ns / wall:.0%}" for b, ns in sorted(path.items(), key=lambda x: -x[1])
                     if ns > 0.01 * wall))
    return path, wall


def script(body):
    return sys.executable, "-c", BURN + body


@for_each(
    # (what runs, buckets on the path, their least share, buckets not on it, their greatest)
    sleep_pipe=(("sh", "-c", "(sleep 0.4; echo x) | cat >/dev/null"), ("sleep",), 0.85,
                ("ipc", "child"), 0.02),
    two_sleeps=(("sh", "-c", "sleep 0.2 & sleep 0.5 & wait"), ("sleep",), 0.9, ("child",), 0.02),
    fork_join=(script("""
pids = []
for s in (0.1, 0.4, 0.2):
    pid = os.fork()
    if not pid: burn(s); os._exit(0)
    pids.append(pid)
for pid in pids: os.waitpid(pid, 0)
time.sleep(0.2)
"""), ON_CPU + QUEUE + ("sleep",), 0.95, ("child",), 0.02),
    three_stages=(("sh", "-c", f"{sys.executable} -c '{BURN}\nfor i in range(100):\n burn(.002)\n "
                               "print(i, flush=True)' | cat | wc -l >/dev/null"),
                  ON_CPU + QUEUE, 0.9, ("ipc", "child"), 0.05),
    loopback=(script("""
door = socket.socket(); door.bind(("127.0.0.1", 0)); door.listen(1)
if not os.fork():
    peer, _ = door.accept()
    while (data := peer.recv(100)): burn(0.002); peer.send(data)
    os._exit(0)
peer = socket.create_connection(door.getsockname())
for _ in range(100): peer.send(b"x" * 50); peer.recv(100)
peer.close(); os.wait()
"""), ON_CPU + QUEUE, 0.85, ("ipc", "child"), 0.1),
    # who waits for the GIL looks again every 5 ms: a wait that so ends is nobody's doing and stays
    gil=(script("""
def count():
    n = 0
    for i in range(4000000): n += i
threads = [threading.Thread(target=count) for _ in range(2)]
for t in threads: t.start()
for t in threads: t.join()
"""), ON_CPU + QUEUE + ("futex",), 0.95, ("ipc", "child", "poll"), 0.03),
)
@timed
def test_path(c, case):
    argv, on, least, off, most = case
    path, wall = path_of(c, *argv)
    c.at_least(f"share of {'+'.join(on)} on the path", sum(path[b] for b in on) / wall, least)
    c.at_most(f"share of {'+'.join(off)} on the path", sum(path[b] for b in off) / wall, most)

