# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Files of others that wallgap reads as root: made to be huge, slow or broken, mapped by a program that
is recorded. wallgap stays small and quick, ends well, and says what it left out and why; what the
other files hold is named as ever.

Crafted ones are each after something; mutated ones are a real library with bytes changed, from a fixed
seed. Both go through the plain program and the one with ASan and UBSan (make build/san/wallgap)."""

import contextlib
import glob
import lzma
import os
import random
import shutil
import socket
import sqlite3
import stat
import struct
import subprocess
import time
import zlib

import attack
import live
from live import Failure, test

SAN = os.path.abspath(os.path.join(os.environ.get("WALLGAP_BUILD", "build"), "san", "wallgap"))
RSS_MAX = 200_000_000  # bytes of wallgap, plain
GB = 1 << 30
SLACK_S = 8  # of CPU time, more than for plain files: what all foreign files together may take, and some

SOURCE = """
__asm__(".text\\n.p2align 12\\n.globl spin\\n.type spin,@function\\nspin:\\n.cfi_startproc\\n"
        "1: dec %rdi\\njnz 1b\\nret\\n.cfi_endproc\\n.size spin,.-spin\\n");
static int in_data = 5;
int more(int n) { return n < 2 ? in_data : more(n - 1) + more(n - 2); }
int other(int n) { return more(n) * 3; }
"""

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
SHDR = struct.Struct("<IIQQQQIIQQ")
PHDR = struct.Struct("<IIQQQQQQ")
SYM = struct.Struct("<IBBHQQ")
# length, id, version, "zR", alignments, return address, pcrel sdata4; CFA is rsp + 8, ra at CFA - 8
CIE = bytes.fromhex("14000000 00000000 01 7a5200 01 78 10 01 1b 0c0708 9001 0000")
SHT = {"progbits": 1, "symtab": 2, "strtab": 3, "note": 7}


class Elf:
    """A library's bytes, its section headers by name; sections can be added behind its end."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.size = len(data)  # of the file: more than the bytes are a hole
        self.head = list(EHDR.unpack_from(data))
        shoff, cnt, names = self.head[6], self.head[12], self.head[13]
        self.sections = [list(SHDR.unpack_from(data, shoff + i * SHDR.size)) for i in range(cnt)]
        at = self.sections[names][4]
        self.names = [bytes(data[at + s[0]:data.index(0, at + s[0])]).decode() for s in self.sections]

    def section(self, name):
        return self.sections[self.names.index(name)]

    def add(self, name, kind, data=b"", size=None, link=0, entsize=0, at=None):
        """A section; of more than its data there is a hole."""
        if at is None:
            at = (max(self.size, len(self.data)) + 15) & ~15
        if data:
            self.data += bytes(at - len(self.data)) + data
        self.sections.append([0, SHT[kind], 0, 0, at, len(data) if size is None else size, link, 0, 1, entsize])
        self.names.append(name)
        self.size = max(self.size, at + (len(data) if size is None else size))
        return len(self.sections) - 1

    def drop(self, *names):
        for name in names:
            if name in self.names:
                self.section(name)[1] = 0

    def write(self, path):
        """The section headers go where there is room in front of all holes."""
        strings = b"\0"
        for s, name in zip(self.sections, self.names):
            s[0] = len(strings)
            strings += name.encode() + b"\0"
        self.sections.append([0, SHT["strtab"], 0, 0, 0, len(strings), 0, 0, 1, 0])
        self.names.append("")
        tail = self.sections[-1]
        at = (max(self.size, len(self.data)) + 15) & ~15
        tail[4] = at
        shoff = (at + len(strings) + 15) & ~15
        self.head[6], self.head[12], self.head[13] = shoff, len(self.sections), len(self.sections) - 1
        with open(path, "wb") as f:
            f.write(self.data)
            f.seek(0)
            f.write(EHDR.pack(*self.head))
            f.seek(at)
            f.write(strings)
            f.seek(shoff)
            for s in self.sections:
                f.write(SHDR.pack(*s))


class Base:
    """The library that all others are made of, compiled once."""

    def __init__(self, tmp):
        self.tmp, self.path = tmp, os.path.join(tmp, "base.so")
        source = os.path.join(tmp, "base.c")
        with open(source, "w") as f:
            f.write(SOURCE)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wl,--build-id", "-Wl,-z,noseparate-code", "-o",
                        self.path, source], check=True)
        said = subprocess.run(["nm", self.path], check=True, capture_output=True, text=True).stdout
        self.offset = next(int(line.split()[0], 16) for line in said.splitlines() if line.endswith(" spin"))
        with open(self.path, "rb") as f:
            self.data = f.read()
        if self.data[self.offset:self.offset + 6] != bytes.fromhex("48ffcf75fbc3"):
            raise Failure("the library's code is not at its address")

    def elf(self):
        return Elf(self.data)


# --- crafted: each after something

def symtab_hole(base, path):
    """Six gigabytes of symbols, in a file of some kilobytes on the disk."""
    e = base.elf()
    e.section(".symtab")[1] = 0
    e.add(".symtab", "symtab", size=6 * GB, link=e.names.index(".strtab"), entsize=SYM.size)
    e.write(path)


def strtab_hole(base, path):
    e = base.elf()
    strings = e.add(".strtab", "strtab", size=4 * GB)
    e.section(".symtab")[6] = strings
    e.write(path)


def sections_many(base, path):
    """By its header, more than fit in the number of sections that there is room for."""
    e = base.elf()
    e.write(path)
    with open(path, "r+b") as f:
        head = list(EHDR.unpack(f.read(EHDR.size)))
        shoff = head[6]
        f.seek(shoff)
        first = list(SHDR.unpack(f.read(SHDR.size)))
        first[5] = 1 << 28
        f.seek(shoff)
        f.write(SHDR.pack(*first))
        head[12] = 0
        f.seek(0)
        f.write(EHDR.pack(*head))
        f.truncate(20 * GB)


def notes_many(base, path):
    """60,000 sections of notes, each the same 64 KiB."""
    e = base.elf()
    e.drop(".note.gnu.build-id")
    at = e.add("notes", "note", b"\1\0\0\0\0\0\0\0\5\0\0\0abc\0" * 4095)
    for _ in range(60000):
        e.sections.append(list(e.sections[at]))
        e.names.append("")
    e.write(path)


def eh_frame_hole(base, path):
    """250 MiB of terminators."""
    e = base.elf()
    s = e.section(".eh_frame")
    s[4] = (e.size + 4095) & ~4095
    s[5] = 250 << 20
    e.size = s[4] + s[5]
    e.write(path)


def eh_frame_entries(base, path):
    """40 MiB of entries for a byte of code each, and no symbol that would name any."""
    e = base.elf()
    e.drop(".symtab", ".dynsym")
    s = e.section(".eh_frame")
    at, out = (e.size + 15) & ~15, bytearray(CIE)
    while len(out) < 40 << 20:
        here = len(out)
        start = base.offset + here // 20 % 6 - (s[3] + here + 8)
        out += struct.pack("<IIiIBxxx", 16, here + 4, start, 1, 0)
    e.data += bytes(at - len(e.data)) + out
    s[4], s[5] = at, len(out)
    e.size = len(e.data)
    e.write(path)


def span_wide(base, path):
    """Code that is said to be all over four gigabytes."""
    e = base.elf()
    phoff, cnt = e.head[5], e.head[10]
    for i in range(cnt):
        ph = list(PHDR.unpack_from(e.data, phoff + i * PHDR.size))
        if ph[0] == 1 and ph[1] & 1:
            ph[5] = ph[6] = 3 * GB
            PHDR.pack_into(e.data, phoff + i * PHDR.size, *ph)
    s = e.section(".eh_frame")
    far = struct.pack("<IIiI4x", 16, len(CIE) + 4, 2 * GB - (1 << 20), 1 << 16)
    at = len(CIE) + len(far)
    near = struct.pack("<IIiI4x", 16, at + 4, base.offset - (s[3] + at + 8), 6)
    e.data[s[4]:s[4] + at + len(near)] = CIE + far + near
    e.size = 3 * GB
    e.write(path)


def symbols_alike(base, path):
    """200,000 symbols of one address, whose names are told apart by their last letter alone."""
    e = base.elf()
    long = b"a" * 60000
    strings = e.add(".strtab", "strtab", b"\0" + long + b"\0")
    text = e.names.index(".text")
    syms = b"".join(SYM.pack(1 + i % 30000, 0x12, 0, text, base.offset, 6) for i in range(200000))
    e.section(".symtab")[1] = 0
    e.add(".symtab", "symtab", syms, link=strings, entsize=SYM.size)
    e.write(path)


def symbols_many(base, path):
    """Three million symbols, as far as the disk knows four kilobytes of them."""
    e = base.elf()
    text = e.names.index(".text")
    sym = SYM.pack(1, 0x12, 0, text, base.offset, 6)
    strings = e.add(".strtab", "strtab", b"\0spin\0")
    e.section(".symtab")[1] = 0
    e.add(".symtab", "symtab", sym * attack.count(2_500_000, 6_000_000), link=strings, entsize=SYM.size)
    e.write(path)


def xz_bomb(base, path):
    """A small debug file that unpacks to a gigabyte."""
    e = base.elf()
    e.drop(".symtab")
    packer = lzma.LZMACompressor(format=lzma.FORMAT_XZ, preset=1)
    packed = packer.compress(base.data)
    for _ in range(attack.count(300, 1000)):
        packed += packer.compress(bytes(1 << 20))
    e.add(".gnu_debugdata", "progbits", packed + packer.flush())
    e.write(path)


def debug_link(number):
    """Of several that name one file, which is a hole of four gigabytes: its checksum is asked for."""
    def make(base, path):
        e = base.elf()
        e.drop(".symtab", ".note.gnu.build-id")
        for i in range(e.head[10]):  # nor in a segment
            at = e.head[5] + i * PHDR.size
            if struct.unpack_from("<I", e.data, at)[0] == 4:
                struct.pack_into("<I", e.data, at, 0)
        e.add(".gnu_debuglink", "progbits", b".hole\0\0\0" + struct.pack("<I", number))
        e.write(path)
        hole = os.path.join(os.path.dirname(path), ".hole")
        if not os.path.exists(hole):
            h = base.elf()
            h.drop(".note.gnu.build-id")
            h.head[10] = 0
            h.size = 4 * GB - 1_000_000
            h.write(hole)
    return make


def segments_many(base, path):
    e = base.elf()
    at = (e.size + 15) & ~15
    old = e.data[e.head[5]:e.head[5] + e.head[10] * PHDR.size]
    e.data += bytes(at - len(e.data)) + (old * (65000 // e.head[10]))
    e.head[5], e.head[10] = at, 65000 // e.head[10] * e.head[10]
    e.size = len(e.data)
    e.write(path)


def names_folded(base, path):
    """Names that stand for more text than there is memory."""
    bomb = b"_Z1f" + b"".join(b"St4pairI%sS%d_E" % (b"", i) for i in range(40))
    rust = b"_RINvC1a1f" + b"TB9_B9_E" * 60 + b"E"
    e = base.elf()
    text = e.names.index(".text")
    strings = e.add(".strtab", "strtab", b"\0" + bomb + b"\0" + rust + b"\0")
    e.drop(".symtab")
    e.add(".symtab", "symtab", SYM.pack(1, 0x12, 0, text, base.offset, 3) +
          SYM.pack(2 + len(bomb), 0x12, 0, text, base.offset + 3, 3), link=strings, entsize=SYM.size)
    e.write(path)


CRAFTED = {"symtab_hole": symtab_hole, "strtab_hole": strtab_hole, "sections_many": sections_many,
           "notes_many": notes_many, "eh_frame_hole": eh_frame_hole, "eh_frame_entries": eh_frame_entries,
           "span_wide": span_wide, "symbols_alike": symbols_alike, "symbols_many": symbols_many,
           "xz_bomb": xz_bomb, "segments_many": segments_many, "names_folded": names_folded,
           **{f"debug_link{i}": debug_link(i) for i in range(6)}}


# --- mutated: bytes of a real one

NASTY = (0, 1, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
         1 << 40, (1 << 47) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def mutate(base, rng, path):
    """A few words among the headers, the symbols and the unwind table; at times a cut or a hole."""
    data = bytearray(base.data)
    e = Elf(data)
    where = [(0, EHDR.size), (e.head[5], e.head[10] * PHDR.size), (e.head[6], len(e.sections) * SHDR.size)]
    where += [(s[4], s[5]) for s, n in zip(e.sections, e.names)
              if n in (".symtab", ".strtab", ".dynsym", ".dynstr", ".dynamic", ".eh_frame", ".eh_frame_hdr",
                       ".note.gnu.build-id") and s[5]]
    for _ in range(rng.randint(1, 12)):
        at, size = rng.choice(where)
        at += rng.randrange(size)
        width = rng.choice((1, 2, 4, 8))
        if at <= base.offset < at + width or at + width > len(data) or base.offset <= at < base.offset + 6:
            continue
        value = rng.choice((rng.choice(NASTY), rng.getrandbits(64), rng.getrandbits(16), len(data)))
        data[at:at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    if rng.random() < 0.1:
        del data[rng.randint(base.offset + 6, len(data)):]
    with open(path, "wb") as f:
        f.write(data)
        if rng.random() < 0.1:
            f.truncate(rng.choice((1 << 20, 1 << 32, 1 << 42)))


def perf_map(rng, path):
    with open(path, "wb") as f:
        for i in range(3000):
            line = b"%x %x %s" % (rng.choice((0x7e0000000000, rng.getrandbits(47), rng.choice(NASTY))),
                                  rng.choice((6, 0x1000, rng.choice(NASTY))), b"f%d" % i)
            if rng.random() < 0.2:
                at = rng.randrange(len(line))
                line = line[:at] + rng.randbytes(rng.randint(0, 5)) + line[at + 1:]
            f.write(line + (b"" if rng.random() < 0.02 else b"\n"))
        if rng.random() < 0.3:
            f.truncate(1 << 40)


def jitdump(rng, path):
    out = bytearray(struct.pack("<IIIIIIQQ", 0x4A695444, 1, 40, 62, 0, 0, 0, 0))
    for i in range(500):
        name, code = b"g%d\0" % i, rng.randbytes(rng.randint(0, 60))
        at = rng.choice((0x7e0000000000, rng.getrandbits(47)))
        record = struct.pack("<IIQIIQQQQ", rng.choice((0, 0, 0, 1, 2, 4)), 56 + len(name) + len(code), i, 1, 1,
                             at, at, max(1, len(code)), i) + name + code
        out += record
    for _ in range(rng.randint(0, 30)):
        at = rng.randrange(40, len(out) - 8)
        struct.pack_into("<Q", out, at, rng.choice(NASTY))
    with open(path, "wb") as f:
        f.write(out)
        if rng.random() < 0.3:
            f.truncate(rng.choice((1 << 30, 1 << 40)))


# --- recording them

class Seen:
    """What a recording of a program that maps such files came to."""

    def __init__(self, out):
        with contextlib.closing(sqlite3.connect(out)) as db:
            self.rss, self.cpu_ns = db.execute(
                "SELECT wallgap_rss_peak_bytes, wallgap_cpu_ns FROM recording").fetchone()
            self.losses = {name: (count, what) for name, what, count in
                           db.execute("SELECT name, what, count FROM loss")}
            self.names = {name for name, in db.execute("SELECT DISTINCT name FROM frame")}
        report = live.load_report(out)
        self.reported = report["losses"]

    def cut(self):
        return {n: c for n, (c, _) in self.losses.items() if n in FILE_LOSSES and c}


FILE_LOSSES = ("file memory", "file time", "file length", "memory for files", "time for files")


def inode(path):
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


@contextlib.contextmanager
def moved_away(perf):
    """The perf map that mapfiles moves to where its own is: afterwards it is removed there."""
    number = inode(perf) if perf else None
    try:
        yield
    finally:
        for path in glob.glob("/tmp/perf-*.map") if number else ():
            if inode(path) == number:
                remove(path)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def record(program, folder, base, ms=5, jit=()):
    """The files of folder mapped and run under wallgap."""
    out = os.path.join(base.tmp, "run.wg")
    argv = [os.path.join(live.PLANTED, "mapfiles"), folder, str(base.offset), str(ms), *jit]
    begin = time.monotonic()
    with moved_away(jit[0] if jit else None):
        done = live.run([program, "record", "-o", out, "--", *argv])
    took = time.monotonic() - begin
    if done.status:
        raise Failure(f"{os.path.basename(folder)}: status {done.status}: {done.tail()}")
    seen = Seen(out)
    os.unlink(out)
    seen.took = took
    return seen


def plain_folder(base, cnt):
    folder = os.path.join(base.tmp, f"plain{cnt}")
    os.mkdir(folder)
    for i in range(cnt):
        with open(os.path.join(folder, f"plain{i}.so"), "wb") as f:
            f.write(base.data)
    return folder


def programs():
    if not os.access(SAN, os.X_OK):
        raise Failure(f"{SAN} is not there: make test-attack builds it")
    return (("plain", live.WALLGAP), ("san", SAN))


def check_bounds(check, what, seen, plain, san):
    if not san:
        check.at_most(f"{what}: memory of wallgap", seen.rss, RSS_MAX)
    check.at_most(f"{what}: CPU time of wallgap over that for plain files, ms",
                  (seen.cpu_ns - plain.cpu_ns) // 1_000_000, SLACK_S * 1000 * (3 if san else 1))


@test
def test_files_crafted(check):
    """Each by itself beside a plain one, whose function must be named; then all of them in one process."""
    with live.scratch() as tmp:
        base = Base(tmp)
        plain = record(live.WALLGAP, plain_folder(base, 2), base, ms=300)
        check.that("spin" in plain.names, "the plain library's function is not named")
        check.equal("losses of plain files", plain.cut(), {})
        both = os.path.join(tmp, "all")
        os.mkdir(both)
        for name, make in CRAFTED.items():
            make(base, os.path.join(both, name + ".so"))
        for kind, program in programs():
            seen = record(program, both, base, ms=20)
            check_bounds(check, f"all, {kind}", seen, plain, kind == "san")
            check.that(seen.cut(), f"all, {kind}: nothing is said to be left out")
            for name, count in seen.cut().items():
                check.equal(f"all, {kind}: reported loss '{name}'", seen.reported[name], count)
                check.that("; first /" in seen.losses[name][1], f"loss '{name}' names no file")
            check.note(f"{kind}: {seen.rss >> 20} MiB, {seen.cpu_ns / 1e9:.1f} s of CPU, cut {seen.cut()}")
        if attack.full():
            each_alone(check, base, plain, both)


# What must be said of a file by itself.
WANTED = {"symtab_hole": "file time", "xz_bomb": "file memory", "symbols_many": "file memory",
          "debug_link0": "file time", "eh_frame_entries": "file memory"}


def each_alone(check, base, plain, both):
    for name in CRAFTED:
        folder = os.path.join(base.tmp, "alone")
        os.mkdir(folder)
        os.rename(os.path.join(both, name + ".so"), os.path.join(folder, name + ".so"))
        if name.startswith("debug_link"):
            os.link(os.path.join(both, ".hole"), os.path.join(folder, ".hole"))
        with open(os.path.join(folder, "plain.so"), "wb") as f:
            f.write(base.data)
        seen = record(live.WALLGAP, folder, base, ms=300)
        check_bounds(check, name, seen, plain, False)
        check.that("spin" in seen.names, f"{name}: the function of the plain library beside it is not named")
        if name in WANTED:
            check.that(WANTED[name] in seen.cut(), f"{name}: cut {seen.cut()}, want '{WANTED[name]}'")
        check.note(f"{name} {seen.rss >> 20} MiB {seen.cpu_ns / 1e9:.1f} s {seen.cut() or ''}")
        for entry in os.listdir(folder):
            os.unlink(os.path.join(folder, entry))
        os.rmdir(folder)


def large(base, path, cnt):
    """What a browser with all its symbols is like: as many functions, with names as long, by no order."""
    e = base.elf()
    text = e.names.index(".text")
    e.sections[text][5] = 1 << 28
    places = list(range(1, cnt))
    random.Random(5).shuffle(places)
    strings, syms = bytearray(b"\0_ZN5quite4spinEv\0"), bytearray(SYM.pack(1, 0x12, 0, text, base.offset, 60))
    for place in places:
        syms += SYM.pack(len(strings), 0x12, 0, text, base.offset + 100 * place, 60)
        strings += b"_ZN7network12mojom_module%07d8functionERKNS_6StringEPvb\0" % place
    e.drop(".symtab", ".dynsym")
    link = e.add(".strtab", "strtab", bytes(strings))
    e.add(".symtab", "symtab", bytes(syms), link=link, entsize=SYM.size)
    e.write(path)


@test
def test_files_large(check):
    """A large file that is as it should be has all its names, and so has what is beside it."""
    with live.scratch() as tmp:
        base = Base(tmp)
        folder = plain_folder(base, 1)
        large(base, os.path.join(folder, "large.so"), 1_000_000)
        seen = record(live.WALLGAP, folder, base, ms=300)
        check.equal("cut", seen.cut(), {})
        check.that("quite::spin" in seen.names, "the large file's function is not named")
        check.that("spin" in seen.names, "the function of the plain library beside it is not named")
        check.at_most("memory of wallgap", seen.rss, RSS_MAX)
        check.note(f"{seen.rss >> 20} MiB, {seen.cpu_ns / 1e9:.2f} s of CPU")


@test
def test_files_mutated(check):
    """Many in one process, in a few."""
    rng = random.Random(11)
    with live.scratch() as tmp:
        base = Base(tmp)
        plain = record(live.WALLGAP, plain_folder(base, 2), base)
        at_once, total = 40, attack.count(40, 1000)
        for begin in range(0, total, at_once):
            folder = os.path.join(tmp, f"mutated{begin}")
            os.mkdir(folder)
            for i in range(at_once):
                mutate(base, rng, os.path.join(folder, f"m{begin + i}.so"))
            jit = (os.path.join(tmp, "perf.map"), os.path.join(tmp, f"jit-{begin}.dump"))
            jitdump(rng, jit[1])
            for kind, program in programs():
                perf_map(rng, jit[0])
                seen = record(program, folder, base, jit=jit)
                check_bounds(check, f"{begin}, {kind}", seen, plain, kind == "san")
            for entry in os.listdir(folder):
                os.unlink(os.path.join(folder, entry))
        check.note(f"{total} files, {seen.rss >> 20} MiB")


@test
def test_files_jit(check):
    """Perf maps and jitdumps without an end."""
    with live.scratch() as tmp:
        base = Base(tmp)
        folder = plain_folder(base, 1)
        plain = record(live.WALLGAP, folder, base)
        perf, dump = os.path.join(tmp, "perf.map"), os.path.join(tmp, "jit-1.dump")
        jitdump(random.Random(3), dump)
        for what, fill in {"hole": lambda f: f.truncate(1 << 42),
                           "short lines": lambda f: f.write(b"1 1 a\n" * (attack.count(30, 300) << 20 >> 3)),
                           "one line": lambda f: f.write(b"a" * (100 << 20)),
                           "no file": lambda f: None}.items():
            with open(perf, "wb") as f:
                fill(f)
            if what == "no file":
                os.truncate(dump, 1 << 42)
            seen = record(live.WALLGAP, folder, base, jit=(perf, dump))
            check_bounds(check, what, seen, plain, False)
            check.that(seen.cut(), f"{what}: nothing is said to be left out")
            check.note(f"{what}: {seen.rss >> 20} MiB {seen.cut()}")


def odd_things(folder):
    """What may lie where a file is looked for: name, and how it is made at a path."""
    victim = os.path.join(folder, "victim")
    with open(victim, "wb") as f:
        f.write(b"7e0000000000 1000 stolen\n")
    return {
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "link to zeros": lambda path: os.symlink("/dev/zero", path),
        "link to a file": lambda path: os.symlink(victim, path),
        "link to itself": lambda path: os.symlink(path, path),
        "link to a terminal": lambda path: os.symlink("/dev/tty", path),
        "link to a process": lambda path: os.symlink("/proc/self/mem", path),
        "second name": lambda path: os.link(victim, path),
        "socket": bind_socket,
        "device": lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5)),
        "another's": lambda path: give_to_nobody(victim, path),
    }


def bind_socket(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.bind(path)


def give_to_nobody(victim, path):
    shutil.copyfile(victim, path)
    os.chown(path, 65534, 65534)


@test
def test_files_odd(check):
    """In place of a perf map, a jitdump and a debug file: nothing is waited for, nothing taken in."""
    with live.scratch() as tmp:
        base = Base(tmp)
        folder = plain_folder(base, 1)
        perf, dump, odd = (os.path.join(tmp, name) for name in ("perf.map", "jit-1.dump", "odd"))
        linked = base.elf()
        linked.drop(".symtab", ".note.gnu.build-id")
        linked.add(".gnu_debuglink", "progbits", b".odd\0\0\0\0" + struct.pack("<I", 7))
        linked.write(os.path.join(folder, "linked.so"))
        plain = record(live.WALLGAP, folder, base)
        things = odd_things(tmp)
        for what in things if attack.full() else ("pipe", "link to zeros", "link to a file", "second name", "device"):
            make, at = things[what], os.path.join(folder, ".odd")
            make(perf)  # is renamed to be the process's
            make(at)
            jitdump(random.Random(3), dump)
            script = f'{live.PLANTED}/mapfiles "$@"; rm {dump}; mv {odd} {dump}'
            make(odd)
            out = os.path.join(tmp, "run.wg")
            with moved_away(perf):
                done = live.run([live.WALLGAP, "record", "-o", out, "--", "sh", "-c", script, "sh", folder,
                                 str(base.offset), "5", perf, dump], timeout=60)
            check.equal(f"{what}: status ({done.tail()})", done.status, 0)
            seen = Seen(out)
            check_bounds(check, what, seen, plain, False)
            check.that("stolen" not in seen.names, f"{what}: names of a file that is not the process's")
            for path in (out, dump, at, perf, odd):
                remove(path)
