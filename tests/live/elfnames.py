# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Names of addresses by the ELF files themselves: the tests' own way to say which names of a
function are right, apart from what wallgap does. Reads .symtab, .dynsym, the separate debug file by
build-id, and the function starts of .eh_frame_hdr; x86-64 only."""

import bisect
import functools
import os
import struct

DEBUG_ROOT = "/usr/lib/debug/.build-id"
SHT_SYMTAB, SHT_DYNSYM, SHT_NOTE = 2, 11, 7
STT_FUNC, STT_NOTYPE, STT_GNU_IFUNC = 2, 0, 10
PT_LOAD, PT_NOTE = 1, 4
EH_TABLE_DATAREL_SDATA4 = 0x3b


class Elf:
    def __init__(self, path, is_debug=False):
        with open(path, "rb") as f:
            self.data = f.read()
        if self.data[:5] != b"\x7fELF\x02":
            raise ValueError(f"{path} is not 64-bit ELF")
        self.name = os.path.basename(path)
        self.loads, self.sections = self._segments(), self._sections()
        symbols = self._symbols()
        debug = None if is_debug else self._debug_file()
        if debug:
            symbols += Elf(debug, True).symbols
        self.symbols = sorted(set(symbols))
        self.values = [s[0] for s in self.symbols]
        self.starts = [] if is_debug else self._fde_starts()

    def _segments(self):
        phoff, = struct.unpack_from("<Q", self.data, 32)
        entsize, count = struct.unpack_from("<HH", self.data, 54)
        loads = []
        for i in range(count):
            kind, _, offset, vaddr, _, filesz, _, _ = struct.unpack_from(
                "<IIQQQQQQ", self.data, phoff + i * entsize)
            if kind == PT_LOAD:
                loads.append((offset, vaddr, filesz))
        return loads

    def _sections(self):
        shoff, = struct.unpack_from("<Q", self.data, 40)
        entsize, count, strndx = struct.unpack_from("<HHH", self.data, 58)
        heads = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * entsize)
                 for i in range(count)] if shoff else []
        return [(self._string(heads[strndx][4], h[0]), h) for h in heads]

    def _string(self, table, at):
        return self.data[table + at:self.data.index(b"\0", table + at)].decode(errors="replace")

    def _symbols(self):
        """(value, end, name) of functions."""
        found = []
        for _, head in self.sections:
            if head[1] not in (SHT_SYMTAB, SHT_DYNSYM):
                continue
            strings = self.sections[head[6]][1][4]
            for at in range(head[4], head[4] + head[5], 24):
                name, info, _, shndx, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
                if name and shndx and info & 15 in (STT_FUNC, STT_NOTYPE, STT_GNU_IFUNC):
                    found.append((value, value + size, self._string(strings, name).split("@")[0]))
        return found

    def _debug_file(self):
        note = dict(self.sections).get(".note.gnu.build-id")
        if not note or note[5] < 20:
            return None
        build_id = self.data[note[4] + 16:note[4] + note[5]].hex()
        path = f"{DEBUG_ROOT}/{build_id[:2]}/{build_id[2:]}.debug"
        return path if os.path.exists(path) else None

    def _fde_starts(self):
        head = dict(self.sections).get(".eh_frame_hdr")
        if not head or self.data[head[4] + 3] != EH_TABLE_DATAREL_SDATA4:
            return []
        base, at = head[3], head[4]
        count, = struct.unpack_from("<I", self.data, at + 8)
        return [base + struct.unpack_from("<i", self.data, at + 12 + 8 * i)[0]
                for i in range(count)]

    def vaddr(self, offset):
        for begin, vaddr, size in self.loads:
            if begin <= offset < begin + size:
                return vaddr + offset - begin
        return None

    def names(self, vaddr):
        """All names of the function that holds vaddr; empty when there is none."""
        i = bisect.bisect_right(self.values, vaddr)
        found = set()
        for value, end, name in reversed(self.symbols[max(0, i - 200):i]):
            if value <= vaddr < end:
                found.add(name)
        return found or self._sizeless(vaddr, i)

    def _sizeless(self, vaddr, i):
        """Assembly may have names without sizes (_start has one, __restore_rt none)."""
        found = set()
        for value, end, name in reversed(self.symbols[max(0, i - 200):i]):
            if found and value != nearest:
                break
            if end > value:
                break
            nearest = value
            found.add(name)
        return found

    def start(self, vaddr):
        """Start of the function that holds vaddr by .eh_frame_hdr, or None."""
        i = bisect.bisect_right(self.starts, vaddr)
        return self.starts[i - 1] if i else None


@functools.lru_cache(maxsize=64)
def elf(path):
    return Elf(path)


def is_name_of(name, path, vaddr):
    """Whether name may stand for the function at vaddr of the file: one of its symbols, or, where
    it has none, module+0xstart."""
    file = elf(path)
    right = file.names(vaddr)
    if right:
        return name in right
    start = file.start(vaddr)
    return start is not None and name == f"{file.name}+{start:#x}"


class Maps:
    """Where a live process has its files."""

    def __init__(self, pid):
        self.ranges = []
        with open(f"/proc/{pid}/maps") as f:
            for line in f:
                fields = line.split()
                if len(fields) > 5 and fields[5].startswith("/") and "x" in fields[1]:
                    begin, end = (int(a, 16) for a in fields[0].split("-"))
                    self.ranges.append((begin, end, int(fields[2], 16), fields[5]))

    def place(self, address):
        """(path, vaddr) of the code at address, or None."""
        for begin, end, offset, path in self.ranges:
            if begin <= address < end:
                return path, elf(path).vaddr(offset + address - begin)
        return None
