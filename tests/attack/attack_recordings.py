# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Hostile recordings: files that others made, through every report and through compare.

What must hold of each: the tool ends in time, with status 0 or with status 1 and one line; nothing it
writes moves a cursor, changes a colour or turns a line around; JSON is JSON; no share is over 100%. A part
of them goes through the report built with ASan and UBSan (build/san/golden/render) as well."""

import json
import os
import pty
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import unicodedata

import attack
import live
from live import test

BUILD = os.environ.get("WALLGAP_BUILD", "build")
CASES = os.path.abspath(os.path.join(BUILD, "san/golden/cases"))
RENDER = os.path.abspath(os.path.join(BUILD, "san/golden/render"))
CPU_S = 10  # the slowest takes a tenth of a second; of the CPU, so that a busy machine is no hang
TIMEOUT_S = 300
SEED = 20261128
SANITIZED = dict(os.environ, ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="exitcode=99")

# What a terminal would obey or a reader not see: C0 (but the end of a line), DEL, C1, and characters
# that direct the text around them or end a line.
HIDDEN = {c for c in map(chr, range(0x110000))
          if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c != "\n"}
HIDDEN |= set(map(chr, (0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
                        0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))))

ESCAPES = ("\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m\x1b[1mbold\x9b31m\x85next\nline\r\ttab\x7f\x08"
           "\u202eevitcider\u202c\u2066iso\u2069\u200e\u200f\u061c\u2028sep\u2029\u200b\ufeff\U000e0041é日")
SHORT_ESCAPES = ("\nline\x1b[1m\x07", "\u202eab\u2066\n", "\x9b2J\x85\u2028")  # for names of tasks

REPORTS = [["report"], ["report", "-v"], ["report", "-f", "json"],
           *(["report", "-f", "folded", "-w", what] for what in ("cpu", "offcpu", "faults"))]
RENDERS = ("text", "verbose", "json", "folded", "offcpu", "faults")


MEMORY_MAX = 512 << 20  # of address space; the largest report takes a fifth of it


def limit_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def limit_all():
    limit_cpu()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))


class Bench:
    """A folder with plain recordings to spoil, and what runs over them."""

    def __init__(self, check, folder):
        if not os.access(CASES, os.X_OK) or not os.access(RENDER, os.X_OK):
            raise live.CannotRun("no build/san/golden: make test-golden")
        self.check, self.folder, self.told = check, folder, 0
        self.plain = os.path.join(folder, "plain")
        os.mkdir(self.plain)
        subprocess.run([CASES, self.plain], check=True)
        self.names = sorted(f for f in os.listdir(self.plain) if f.endswith(".wg"))
        self.bad = os.path.join(folder, "bad.wg")

    def wrong(self, what, text):
        self.told += 1
        if self.told <= 10:
            self.check.that(False, f"{what}: {text}")

    def copy(self, name):
        shutil.copyfile(os.path.join(self.plain, name), self.bad)

    def run(self, argv, what, env=None):
        """The text of stdout where the status is 0; None where the recording was refused."""
        try:
            done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, env=env,
                                  stdin=subprocess.DEVNULL, preexec_fn=limit_cpu if env else limit_all)
        except subprocess.TimeoutExpired:
            return self.wrong(what, f"no end in {TIMEOUT_S} s")
        err = done.stderr.decode(errors="replace")
        if re.search("allocate memory|no memory", err):
            return self.wrong(what, f"it takes more than {MEMORY_MAX >> 20} MiB: {err[-300:]}")
        if done.returncode not in (0, 1):
            return self.wrong(what, f"status {done.returncode}: {err[-300:]}")
        if done.returncode == 1 and (err.count("\n") != 1 or done.stdout):
            return self.wrong(what, f"status 1, and not one line: {err[:300]!r}")
        for stream, raw in (("stdout", done.stdout), ("stderr", done.stderr)):
            self.look_at(raw, f"{what} {stream}")
        return done.stdout.decode(errors="replace") if not done.returncode else None

    def look_at(self, raw, what):
        try:
            text = raw.decode()
        except UnicodeDecodeError as e:
            return self.wrong(what, f"no UTF-8: {e}")
        if re.search(r"^line[?\r]", text, re.MULTILINE):
            self.wrong(what, "a text of the recording begins a line of its own")
        found = sorted({f"U+{ord(c):04X}" for c in text if c in HIDDEN})
        if found:
            line = next(l for l in text.split("\n") if any(c in HIDDEN for c in l))
            self.wrong(what, f"{' '.join(found[:8])} in {line[:120]!r}")

    def check_json(self, text, what):
        try:
            return json.loads(text, parse_constant=lambda word: 1 / 0)
        except (ValueError, ZeroDivisionError) as e:
            return self.wrong(what, f"no JSON: {e}")

    def shares(self, text, what):
        """In tables and in where time went; the parts of a gap may be more than all of it."""
        cell = r"(?:>?\d+%|<1%|-)"
        for line in text.splitlines():
            if re.match(rf"(?: {{6,8}}| {{11}}){cell} |    [a-z]\S* .* {cell}  ", line) or \
                    re.search(rf"\s{{2,}}{cell}\s{{2,}}{cell}", line):
                for share in re.findall(r"(?<![\d.])(\d+(?:\.\d+)?)%", line):
                    if float(share) > 100:
                        self.wrong(what, f"a share of {share}%: {line}")

    def reports(self, what, which=None):
        """All reports of the file at hand; or those that `which`, a number, chooses. Is it taken for one?"""
        chosen = REPORTS if which is None else [REPORTS[1], REPORTS[2], REPORTS[which % len(REPORTS)]]
        for args in chosen:
            text = self.run([live.WALLGAP, *args, self.bad], f"{what}: {' '.join(args)}")
            if text is None and args == chosen[0]:
                return False  # refused: by the other reports as well
            if text is not None and "json" in args:
                self.check_json(text, what)
            elif text is not None and len(args) < 3:
                self.shares(text, what)
        return True

    def one_of(self, what, name, which):
        """One report and one of the sanitized ones, chosen by a number. Is it taken for a recording?"""
        kinds = [*REPORTS, ["compare"], ["compare", "-v"], ["compare", "-f", "json"]]
        args = kinds[which % len(kinds)]
        argv = [live.WALLGAP, *args, *([os.path.join(self.plain, name)] if args[0] == "compare" else []), self.bad]
        text = self.run(argv, f"{what}: {' '.join(args)}")
        if text is not None and "json" in args:
            self.check_json(text, what)
        elif text is not None and len(args) < 3:
            self.shares(text, what)
        self.run([RENDER, RENDERS[which % len(RENDERS)], self.bad], f"{what}: sanitized", SANITIZED)
        return text is not None

    def compares(self, name, what, which=None):
        """Against the one that it was made from, either way round."""
        other = os.path.join(self.plain, name)
        kinds = [[], ["-v"], ["-f", "json"]]
        for i, args in enumerate(kinds if which is None else [kinds[which % 3]]):
            pair = [self.bad, other] if (i + (which or 0)) % 2 else [other, self.bad]
            text = self.run([live.WALLGAP, "compare", *args, *pair], f"{what}: compare {' '.join(args)}")
            if text is not None and "json" in args:
                self.check_json(text, what)

    def renders(self, what, which=None):
        for fmt in RENDERS if which is None else [RENDERS[which % len(RENDERS)]]:
            self.run([RENDER, fmt, self.bad], f"{what}: sanitized {fmt}", SANITIZED)


def columns_of(db):
    """(table, column, declared type) of all that is recorded."""
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
        for row in db.execute(f"PRAGMA table_info({table})").fetchall():
            yield table, row[1], row[2]


def unbound(path):
    """The file, open, with its constraints taken away."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
    db.execute("PRAGMA writable_schema = OFF")
    db.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA journal_mode = OFF")
    return db


@test
def test_hostile_text(check):
    """Escapes in each column of text of the whole schema, in turn: all rows of it at once."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        names = b.names if attack.full() else ["versus.wg", "prove.wg", "hostile.wg", "matrix.wg"]
        seen, taken = set(), 0
        for name in names:
            db = sqlite3.connect(os.path.join(b.plain, name))
            texts = [(t, c) for t, c, kind in columns_of(db) if kind == "TEXT"
                     and db.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchone()]
            db.close()
            for table, column in texts:
                if not attack.full() and (table, column) in seen:
                    continue
                seen.add((table, column))
                for payload in (ESCAPES, *SHORT_ESCAPES[:3 if column == "comm" else 1]):
                    b.copy(name)
                    db = sqlite3.connect(b.bad)
                    db.execute(f"UPDATE {table} SET {column} = ?", (payload,))
                    db.commit()
                    db.close()
                    what = f"{name} {table}.{column}"
                    which = None if attack.full() or payload == ESCAPES else 0
                    taken += b.reports(what, which)
                    b.compares(name, what, which)
        check.at_least("columns of text", len(seen), 30)
        check.at_least("columns that may hold any text", taken, 25)
        check.note(f"{len(seen)} columns, {taken} take any text")


@test
def test_hostile_words(check):
    """Escapes in what the command line brings: names of files, labels; and in a copied recording's name."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        for payload in (ESCAPES.replace("/", ""), "\udcff\udc80bad utf-8"):
            named = os.path.join(folder, payload[:60] + ".wg")
            shutil.copyfile(os.path.join(b.plain, "versus.wg"), named)
            plain = os.path.join(b.plain, "versus.wg")
            for argv in (["report", named + "x"], ["report", "-f", payload, plain], ["report", "-" + payload],
                         ["report", "-o", named + "/x", plain], [payload], [payload, "--help"],
                         ["compare", named, plain], ["compare", "-v", plain, named], ["compare", named + "x", plain],
                         ["compare", "-f", "json", named, plain],
                         ["compare", "--labels", payload.replace(",", "")[:20] + ",b", plain, plain],
                         ["compare", "--labels", payload, plain, plain],
                         ["bench", "--workloads", payload], ["record", "-p", payload],
                         ["record", "-o", named + "/x.wg", "--", "true"],
                         ["record", "-o", os.path.join(folder, "x.wg"), "--", payload]):
                done = subprocess.run([os.fsencode(a) for a in [live.WALLGAP, *argv]], capture_output=True,
                                      timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
                what = " ".join(argv)[:80].encode(errors="replace").decode()
                check.that(done.returncode in (0, 1, 2, 127), f"{what!r}: status {done.returncode}")
                b.look_at(done.stdout, f"{what!r} stdout")
                b.look_at(done.stderr, f"{what!r} stderr")


@test
def test_hostile_terminal(check):
    """On a terminal there are colours: ours, and no other sequence."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        for name in ("versus.wg", "hostile.wg", "prove.wg"):
            b.copy(name)
            db = sqlite3.connect(b.bad)
            for table, column, kind in columns_of(db):
                if kind == "TEXT" and column not in ("role", "kind", "state", "ended", "frames", "hist", "comm",
                                                     "workload", "model", "runtime", "variant"):
                    db.execute(f"UPDATE {table} SET {column} = ? || {column}", (ESCAPES,))
            db.commit()
            db.close()
            shutil.copyfile(b.bad, other := os.path.join(folder, "other.wg"))
            for args in (["report"], ["report", "-v"], ["compare", "-v", other]):
                if name == "versus.wg" and args[0] == "compare":
                    continue  # it is a comparison itself
                status, raw = on_terminal([live.WALLGAP, *args, b.bad])
                check.equal(f"{name} {args[0]}: status ({raw[-200:]})", status, 0)
                check.that(b"\x1b[1m" in raw or b"\x1b[4m" in raw, f"{name} {args[0]}: no colour")
                for ours in (b"\x1b[0m", b"\x1b[1m", b"\x1b[4m", b"\x1b[33m", b"\r\n"):
                    raw = raw.replace(ours, b"\n" if ours == b"\r\n" else b"")
                b.look_at(raw, f"{name} {args[0]} on a terminal")


def on_terminal(argv):
    """Status, and all that it wrote to a terminal that it was given."""
    main, other = pty.openpty()
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=other, stderr=other,
                         env={k: v for k, v in os.environ.items() if k != "NO_COLOR"})
    os.close(other)
    raw = b""
    while True:
        try:
            more = os.read(main, 65536)
        except OSError:  # the last one has closed it
            break
        if not more:
            break
        raw += more
    os.close(main)
    return p.wait(TIMEOUT_S), raw


@test
def test_hostile_program(check):
    """A program with such a name, its thread's name and its arguments, recorded and compared as it runs."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        name = (ESCAPES[:14] + "\u202e\x9b\x85\n" + ESCAPES[30:60]).replace("/", "")
        evil = os.path.join(folder, name)
        shutil.copyfile(shutil.which("python3"), evil)
        os.chmod(evil, 0o755)
        code = ("import ctypes; ctypes.CDLL(None).prctl(15, b'\\x1b[31m\\xe2\\x80\\xaeX\\xff\\x85', 0, 0, 0)\n"
                "sum(i * i for i in range(3_000_000))")
        out = os.path.join(folder, "out.wg")
        for argv in (["record", "-v", "-o", out, "--", evil, "-c", code, ESCAPES],
                     ["compare", "-v", "-r", "3", "-o", out, "--labels", "\u202ea,b\x1b[31m", "--a",
                      f"'{evil}' -c pass", "--b", "true"]):
            done = subprocess.run([live.WALLGAP, *argv], capture_output=True, timeout=120, cwd=folder,
                                  stdin=subprocess.DEVNULL)
            check.that(done.returncode in (0, 1), f"{argv[0]}: status {done.returncode}: {done.stderr[-200:]}")
            check.that(os.path.exists(out), f"{argv[0]} left no recording: {done.stderr[-300:]}")
            b.look_at(done.stdout, f"{argv[0]} stdout")
            b.look_at(done.stderr, f"{argv[0]} stderr")
            if os.path.exists(out):
                shutil.move(out, b.bad)
                b.reports(argv[0])


AMOUNT_MAX = 2 ** 59  # user/store/limits.h
VALUES = [None, 0, 1, -1, 2, 3, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, AMOUNT_MAX - 1, AMOUNT_MAX,
          AMOUNT_MAX + 1, 2 ** 62, 2 ** 63 - 1, -2 ** 63, 0.5, -0.5, 1e308, -1e308, float("inf"), "", "0", "abc",
          "12abc", b"", b"\x00\xff\xfe", b"\x1b[31m", "a\x00b", ESCAPES, *SHORT_ESCAPES, "x" * 15, "x" * 16,
          "x" * 70_000, "日" * 5000, "%s%n", "[0]", "[]", "[0,0,0,0]", "[4294967294]", "[1,", "[-1]",
          "[" + ",".join(["0"] * 300) + "]", "worker", "orchestrator", "futex", "cpu", "wait", "sample", "fault",
          "complete", "threads", "procs", "single", "math", "crypto", "transfer", "<<<<>>>(((", "::::", " < < < "]


def spoil_values(b, dice, name):
    """One to four values of any column changed, of one row or of all. What was done, in words."""
    b.copy(name)
    db = unbound(b.bad)
    columns, done = list(columns_of(db)), []
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        table, column, _ = dice.choice(columns)
        value = dice.choice(VALUES)
        where = dice.choice(("", " WHERE rowid = (SELECT rowid FROM {0} ORDER BY random() LIMIT 1)"))
        if where:
            rowids = [r for (r,) in db.execute(f"SELECT rowid FROM {table}")]
            where = f" WHERE rowid = {dice.choice(rowids)}" if rowids else ""
        how = dice.random()
        try:
            if how < 0.15:  # another row's value: one that the writer may have written
                db.execute(f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} LIMIT 1 OFFSET "
                           f"{dice.randrange(20)}){where}")
                value = "another row's"
            elif how < 0.2:
                db.execute(f"DELETE FROM {table}{where}")
                value = "deleted"
            elif how < 0.25:
                db.execute(f"INSERT INTO {table} SELECT * FROM {table}{where}")
                value = "twice"
            else:
                db.execute(f"UPDATE {table} SET {column} = ?{where}", (value,))
        except sqlite3.Error as e:
            value = f"refused by SQLite: {e}"
        done.append(f"{table}.{column}{where}={repr(value)[:40]}")
    db.close()
    return f"{name} {'; '.join(done)}"


def spoil_schema(b, dice, name):
    b.copy(name)
    db = unbound(b.bad)
    tables = sorted({t for t, _, _ in columns_of(db)})
    table = dice.choice(tables)
    column = dice.choice([c for t, c, _ in columns_of(db) if t == table])
    how = dice.choice(("drop", "column", "rename", "view", "version", "extra", "empty"))
    try:
        if how == "drop":
            db.execute(f"DROP TABLE {table}")
        elif how == "column":
            for (view,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
                db.execute(f"DROP VIEW {view}")
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        elif how == "rename":
            for (view,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
                db.execute(f"DROP VIEW {view}")
            db.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO \"x\x1b[31m\"")
        elif how == "view":
            db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
            db.execute(f"CREATE VIEW {table} AS SELECT * FROM old_{table}")
        elif how == "version":
            db.execute(f"PRAGMA user_version = {dice.choice((0, 1, 2, 3, 4, 5, 1000, -1))}")
        elif how == "extra":
            db.execute('CREATE TABLE "\x1b[31m" (x)')
        else:
            db.execute(f"DELETE FROM {table}")
    except sqlite3.Error as e:
        how += f" refused by SQLite: {e}"
    db.close()
    return f"{name} {how} {table}.{column}"


def spoil_bytes(b, dice, name):
    """Bits flipped, bytes overwritten, the end cut off or something put behind it."""
    with open(os.path.join(b.plain, name), "rb") as f:
        raw = bytearray(f.read())
    how = dice.choice(("flip", "flip", "header", "cut", "longer", "zeros", "page"))
    if how == "cut":
        raw = raw[:dice.randrange(len(raw))]
    elif how == "longer":
        raw += dice.randbytes(dice.randrange(1, 9000))
    elif how in ("zeros", "page"):
        at, size = dice.randrange(len(raw)), dice.randrange(1, 5000)
        filler = bytes(size) if how == "zeros" else raw[dice.randrange(len(raw)):][:size]
        raw[at:at + len(filler)] = filler
    else:
        for _ in range(dice.choice((1, 1, 2, 8, 64))):
            raw[dice.randrange(100 if how == "header" else len(raw))] ^= 1 << dice.randrange(8)
    with open(b.bad, "wb") as f:
        f.write(raw)
    return f"{name} {how}"


def spoiled(check, spoil, times, seed):
    """So many recordings, spoiled at random; the same ones each time."""
    dice = random.Random(f"{SEED} {seed}")
    with live.scratch() as folder:
        b = Bench(check, folder)
        for i in range(times):
            name = dice.choice(b.names)
            what = f"{seed} {i}: {spoil(b, dice, name)}"
            which = None if attack.full() and i % 10 == 0 else i
            b.reports(what, which)
            b.compares(name, what, which)
            b.renders(what, which)
            if b.told > 10:
                break
        check.note(f"{times} recordings")


@test
def test_spoiled_values(check):
    spoiled(check, spoil_values, attack.count(40, 2600), "values")


@test
def test_spoiled_schema(check):
    spoiled(check, spoil_schema, attack.count(20, 400), "schema")


@test
def test_spoiled_bytes(check):
    spoiled(check, spoil_bytes, attack.count(30, 2000), "bytes")


def rows_of(db, table):
    return [r for (r,) in db.execute(f"SELECT rowid FROM {table}")]


def plausible(dice, db, table, column, rowid):
    """A value that the writer might have written there: not refused at once, so that it comes far."""
    was = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (rowid,)).fetchone()[0]
    others = [v for (v,) in db.execute(f"SELECT DISTINCT {column} FROM {table} LIMIT 50")]
    if isinstance(was, str) and column not in ("frames", "hist"):
        return dice.choice([*others, *others, "", was * 2, was[:1], ESCAPES, "x" * 5000, "%s%n", "a\tb"])
    if not isinstance(was, int):
        return dice.choice(others)
    return dice.choice([*others, 0, 1, was + 1, max(0, was - 1), was * 2, was // 2, dice.randrange(2 ** 16),
                        dice.randrange(2 ** 32), dice.randrange(AMOUNT_MAX), AMOUNT_MAX, AMOUNT_MAX - 1])


@test
def test_spoiled_columns(check):
    """Every column of every table, in turn: what the writer may have written, and what it cannot have."""
    dice, each = random.Random(f"{SEED} columns"), attack.count(1, 24)
    with live.scratch() as folder:
        b = Bench(check, folder)
        taken, seen, cnt = {}, set(), 0
        for name in ("matrix.wg", "prove.wg", "record.wg", "versus.wg", "trouble.wg", "bench.wg"):
            db = unbound(os.path.join(b.plain, name))
            places = [(t, c) for t, c, _ in columns_of(db) if rows_of(db, t)]
            for table, column in places:
                if (table, column) in seen and not attack.full():
                    continue
                seen.add((table, column))
                for i in range(each):
                    b.copy(name)
                    bad = unbound(b.bad)
                    rowid = dice.choice(rows_of(bad, table))
                    value = dice.choice(VALUES) if i % 3 == 2 else plausible(dice, bad, table, column, rowid)
                    where = " WHERE rowid = ?" if i % 2 == 0 else ""
                    try:
                        bad.execute(f"UPDATE {table} SET {column} = ?{where}", (value, rowid) if where else (value,))
                    except sqlite3.Error:
                        pass  # two rows of one key
                    bad.close()
                    what = f"{name} {table}.{column}{' of ' + str(rowid) if where else ''} = {repr(value)[:60]}"
                    taken.setdefault((table, column), 0)
                    taken[table, column] += b.one_of(what, name, cnt)
                    cnt += 1
            db.close()
        wanted = {(t, c) for t, c, _ in columns_of(sqlite3.connect(os.path.join(b.plain, "matrix.wg")))}
        check.equal("columns never changed", sorted(wanted - seen), [])
        check.at_least("columns changed, the file being taken all the same", sum(map(bool, taken.values())),
                       len(seen) * (9 if attack.full() else 5) // 10)
        check.note(f"{cnt} recordings, {len(seen)} columns, {sum(taken.values())} taken")


SLOW_SQL = "instr(zeroblob(1000000), CAST(zeroblob(500000) || 'b' AS BLOB))"  # ten seconds, each
ENDLESS_SQL = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 'a' AS name, 'b' AS what, x AS count FROM c"
SCHEMAS = {
    "computed": ("UPDATE sqlite_schema SET sql = replace(sql, 'count INTEGER NOT NULL', 'count INTEGER AS (length(name) + "
                 + SLOW_SQL.replace("'", "''") + ")') WHERE name = 'loss'",),
    "computed, brackets hidden": (
        "UPDATE sqlite_schema SET sql = replace(sql, 'count INTEGER NOT NULL', 'count INTEGER AS /*(*/ (length(name) + "
        + SLOW_SQL.replace("'", "''") + ")') WHERE name = 'loss'",),
    "stored": ("UPDATE sqlite_schema SET sql = replace(sql, 'what TEXT NOT NULL', 'what TEXT AS (hex(zeroblob("
               "length(name) * 500000))) STORED') WHERE name = 'loss'",),
    "checked": ("UPDATE sqlite_schema SET sql = replace(sql, 'what TEXT NOT NULL', 'what TEXT CHECK (length(name) + "
                + SLOW_SQL.replace("'", "''") + " > -1)') WHERE name = 'loss'",),
    "defaults": ("UPDATE sqlite_schema SET sql = replace(sql, 'what TEXT NOT NULL', 'what TEXT DEFAULT (hex(randomblob("
                 "500000)))') WHERE name = 'loss'",),
    "view under its name": ("UPDATE sqlite_schema SET sql = replace(sql, 'CREATE TABLE loss', 'CREATE TABLE lost') "
                            "WHERE name = 'loss'",
                            f"INSERT INTO sqlite_schema VALUES ('view', 'v1', 'v1', 0, 'CREATE VIEW loss AS "
                            f"{ENDLESS_SQL.replace(chr(39), chr(39) * 2)}')"),
    "virtual": ("UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE loss USING fts5(name, what, count)', rootpage = 0 "
                "WHERE name = 'loss'",),
    "another's table computed": (
        f"CREATE TABLE mine (a, b AS (length(a) + {SLOW_SQL}), CHECK (length(a) + {SLOW_SQL} > -1))",
        "INSERT INTO mine SELECT value FROM json_each('[1,2,3,4,5,6,7,8]')"),
    "another's index": (f"CREATE INDEX i ON loss (hex(name)) WHERE length(name) > 0",),
    "triggers": ("CREATE TRIGGER t AFTER UPDATE ON loss BEGIN DELETE FROM run; END",),
    "tables share pages": ("UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'frame') "
                           "WHERE name = 'stack'",),
    "one page twice": ("UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'site'",),
    "no page": ("UPDATE sqlite_schema SET rootpage = 4294967290 WHERE name = 'site'",),
}


@test
def test_hostile_schema(check):
    """What SQLite would compute for a reader of the file: views, checks, columns; made to take days."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        for how, statements in SCHEMAS.items():
            b.copy("versus.wg")
            db = sqlite3.connect(b.bad, isolation_level=None)
            db.execute("PRAGMA ignore_check_constraints = ON")
            db.execute("PRAGMA writable_schema = ON")
            for sql in statements:
                if "json_each" in sql:  # its columns are computed when it is read
                    db.execute("INSERT INTO mine (a) SELECT value FROM json_each('[1,2,3,4,5,6,7,8]')")
                else:
                    db.execute(sql)
            version = db.execute("PRAGMA schema_version").fetchone()[0]
            db.execute(f"PRAGMA schema_version = {version + 1}")
            db.close()
            b.reports(how)
            b.compares("record.wg", how)
            b.renders(how, 0)


@test
def test_hostile_place(check):
    """In place of a recording: pipes, devices, folders, links; and journals beside one."""
    with live.scratch() as folder:
        b = Bench(check, folder)
        plain = os.path.join(b.plain, "versus.wg")
        odd = [os.path.join(folder, name) for name in ("fifo", "loop", "folder", "hole", "none")]
        os.mkfifo(odd[0])
        os.symlink("loop", odd[1])
        os.mkdir(odd[2])
        with open(odd[3], "wb") as f:
            with open(plain, "rb") as p:
                f.write(p.read(100))
            f.truncate(1 << 42)
        for path in (*odd, "/dev/zero", "/dev/null", "/dev/tty", "/proc/self/mem", "/proc/kmsg", "/sys/kernel/notes", ""):
            for argv in (["report", path], ["compare", path, plain], ["compare", plain, path]):
                b.run([live.WALLGAP, *argv], " ".join(argv))
        for suffix in ("-journal", "-wal", "-shm"):
            b.copy("versus.wg")
            victim = os.path.join(folder, "victim")
            for kind in ("junk", "fifo", "link"):
                beside = b.bad + suffix
                with open(victim, "wb") as f:
                    f.write(b"root's")
                if kind == "junk":
                    with open(beside, "wb") as f:  # a journal that says what else is to be deleted
                        f.write(bytes.fromhex("d9d505f920a163d7") + bytes(504) + victim.encode())
                elif kind == "fifo":
                    os.mkfifo(beside)
                else:
                    os.symlink(victim, beside)
                before = sorted(os.listdir(folder))
                b.reports(f"{kind} {suffix}", 0)
                check.equal(f"{kind} {suffix}: files", sorted(os.listdir(folder)), before)
                with open(victim, "rb") as f:
                    check.equal(f"{kind} {suffix}: victim", f.read(), b"root's")
                os.unlink(beside)
