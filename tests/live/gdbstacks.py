# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Call paths of a stopped process by gdb, every frame with its address."""

import json
import os
import shutil
import subprocess

import elfnames
from live import Failure, Skip

# Inside gdb: one line a thread: its id, and [address, name, is the address a return address].
SCRIPT = """
import gdb, json
for command in ("pagination off", "debuginfod enabled off", "backtrace past-main on",
                "backtrace past-entry on", "backtrace limit 1000"):
    try:
        gdb.execute("set " + command)
    except gdb.error:
        pass
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frames, frame, returns = [], gdb.newest_frame(), False
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):  # not on the stack
            frames.append([frame.pc(), frame.name(), returns])
            returns = frame.type() != gdb.SIGTRAMP_FRAME
        frame = frame.older()
    print("WALLGAP " + json.dumps([thread.ptid[1], frames]))
"""


class Frame:
    def __init__(self, address, gdb_name, returns, maps):
        self.gdb_name = gdb_name
        self.place = maps.place(address - 1 if returns else address)

    def is_named(self, name):
        return self.place is not None and elfnames.is_name_of(name, *self.place)

    def __str__(self):
        if not self.place:
            return self.gdb_name or "??"
        path, vaddr = self.place
        names = sorted(elfnames.elf(path).names(vaddr))
        return self.gdb_name or (names[0] if names else f"{os.path.basename(path)}@{vaddr:#x}")


def stacks(pid, folder):
    """{tid: [Frame, leaf first]}. Skips without a gdb that has Python."""
    if not shutil.which("gdb"):
        raise Skip("no gdb")
    script = os.path.join(folder, "stacks.py")
    with open(script, "w") as f:
        f.write(SCRIPT)
    maps = elfnames.Maps(pid)
    done = subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-x", script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    lines = [l[8:] for l in done.stdout.splitlines() if l.startswith("WALLGAP ")]
    if not lines:
        tail = " | ".join(done.stderr.strip().splitlines()[-3:])
        if "ython" in done.stderr:
            raise Skip(f"gdb without Python: {tail}")
        raise Failure(f"gdb showed nothing: {tail}")
    return {tid: [Frame(*f, maps) for f in frames] for tid, frames in map(json.loads, lines)}
