#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Checks of the source text: lint.py FOLDER...

Layout by clang-format, includes that the architecture allows, guards of headers, a licence in every
file, shell syntax, and what cppcheck finds: one check each. A tool that is not installed makes its check a skip."""

import os
import re
import shutil
import subprocess
import sys

# Folder of user/ -> folders of user/ that its files may include. One-way, as the data flows.
MAY_INCLUDE = {
    "base": {"base"},
    "model": {"base", "model"},
    "store": {"base", "model", "store"},
    "report": {"base", "model", "report"},
    "host": {"base", "model", "host"},
    "runner": {"base", "model", "runner"},
    "unwind": {"base", "unwind"},
    "symbol": {"base", "symbol"},
    "collect": {"base", "model", "unwind", "symbol", "collect"},
    "capture": {"base", "model", "host", "unwind", "symbol", "collect", "capture"},
    "bench": {"base", "model", "host", "runner", "collect", "capture", "bench"},
}
# Of the model, the collector knows the data only: it fills recordings and makes no sense of them.
COLLECT_MODEL = {"model/recording.h", "model/ledger.h"}
# Headers of libraries -> the only folders of user/ that may include them.
ONLY_IN = {
    r"bpf/": {"collect"},
    r"wallgap\.skel\.h": {"collect"},
    r"sqlite3\.h": {"store"},
    r"libsmartcols\.h": {"report"},
    r"jansson\.h": {"report", "runner", "cmd"},
    r"elfutils/|dwarf\.h": {"unwind", "symbol"},
    r"capstone/": {"symbol", "unwind"},
    r"libiberty/": {"symbol"},
}
# Names that are ours and a system header's, and mean the same in both (libiberty.h).
SAME_AS_SYSTEM = {"ARRAY_SIZE"}
# Words for a terminal go through base/plain.h. Who else names these writes what is ours alone, or passes
# stdout to a report.
TERMINAL = r"\bstderr\b|(?<![\w>.])(?:v?printf|puts|putchar|perror|warnx?|errx?)\("
TERMINAL_IN = {"user/base/say.c", "user/cmd/common.c", "user/cmd/progress.c", "user/main.c"}
# The model makes no input or output.
MODEL_NOT = r"(stdio|fcntl|unistd|dirent)\.h|sys/"


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, what, wrong):
        if wrong is None:
            self.skipped += 1
            print(f"skip {what}")
        elif wrong:
            self.failed += 1
            print(f"FAIL {what}", *wrong, sep="\n  ")
        else:
            self.passed += 1


def files(folders, *suffixes):
    found = []
    for folder in folders:
        for where, dirs, names in os.walk(folder):
            dirs[:] = sorted(d for d in dirs if d not in ("build", "__pycache__", "node_modules"))
            found += [os.path.join(where, n) for n in sorted(names) if n.endswith(suffixes)]
    return found


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def layout(path):
    status, said = run(["clang-format", "--dry-run", "-Werror", path])
    return [line for line in said if "error:" in line][:3] if status else []


def includes_of(path):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            m = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
            if m:
                yield number, m.group(1)


def include_wrong(folder, header):
    """Why a file of user/FOLDER may not include header; None when it may."""
    for pattern, only in ONLY_IN.items():
        if re.match(pattern, header) and folder not in only:
            return f"only {', '.join(sorted(only))} may include it"
    if folder == "model" and re.match(MODEL_NOT, header):
        return "the model makes no input or output"
    if folder not in MAY_INCLUDE or "/" not in header:
        return None
    other = header.split("/")[0]
    if not os.path.isdir(os.path.join("user", other)):
        return None
    if other not in MAY_INCLUDE[folder]:
        return f"{folder} may include {', '.join(sorted(MAY_INCLUDE[folder]))} only"
    if folder == "collect" and other == "model" and header not in COLLECT_MODEL:
        return "of the model, collect may include the data only"
    return None


def includes(path):
    parts = path.split(os.sep)
    folder = parts[1] if len(parts) > 2 else ""
    wrong = []
    for number, header in includes_of(path):
        why = include_wrong(folder, header)
        if why:
            wrong.append(f"{path}:{number}: {header}: {why}")
    return wrong


def terminal(path):
    """Writing to the terminal past what keeps it from being ruled."""
    if path in TERMINAL_IN:
        return []
    with open(path, encoding="utf-8") as f:
        code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", lambda m: "\n" * m.group().count("\n"), f.read(),
                      flags=re.DOTALL)
    return [f"{path}:{number}: {m.group()}: use say_note(), say_line() or say_error()"
            for number, line in enumerate(code.split("\n"), 1) if (m := re.search(TERMINAL, line))]


def licence(path):
    with open(path, encoding="utf-8") as f:
        head = f.read(200)
    return [] if "SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause" in head else [f"{path}: none"]


def without_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', " ", text, flags=re.S)


def read(path):
    with open(path, encoding="utf-8") as f:
        return without_comments(f.read())


def enums(text):
    """The names in each enum of a text."""
    for body in re.findall(r"\benum\b[^{};()]*\{([^}]*)\}", text):
        yield re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", body)


def system_names(c_files):
    """Constants and macros of the system headers that our files include: all of them in one unit."""
    headers = sorted({h for p in c_files for _, h in includes_of(p)
                      if not os.path.exists(os.path.join("user", h)) and "skel" not in h and
                      not h.startswith(("vmlinux", "bpf/bpf_", "CUnit"))})
    unit = "".join(f"#if __has_include(<{h}>)\n#include <{h}>\n#endif\n" for h in headers)
    unit = "#include <stdio.h>\n#include <stdarg.h>\n#include <stdint.h>\n#include <setjmp.h>\n" + unit
    flags = ["gcc", "-E", "-std=gnu11", "-D_GNU_SOURCE", "-x", "c", "-"]
    names = set()
    for more in ([], ["-dM"]):
        done = subprocess.run(flags[:1] + more + flags[1:], input=unit, capture_output=True,
                              text=True, errors="replace")
        if done.returncode:
            raise SystemExit(f"lint: the system's headers together: {done.stderr.strip()[:400]}")
        if more:
            names |= set(re.findall(r"^#define (\w+)", done.stdout, re.M))
        else:
            names |= {n for e in enums(done.stdout) for n in e}
    return names


def prefix(names):
    """What the names of an enum begin with, up to an underscore."""
    return re.sub(r"[^_]*$", "", os.path.commonprefix(names)) if len(names) > 1 else ""


def foreign_names(c_files):
    """Names of ours that a system header has too; and names of a system header that stand among
    those of an enum of ours, in a file that uses that enum, and look like one of them."""
    if not shutil.which("gcc"):
        return None
    texts = {p: read(p) for p in c_files}
    ours, families = {}, {}
    for path, text in texts.items():
        for names in enums(text):
            ours.update((n, path) for n in names)
            if path.endswith(".h") and prefix(names):
                families.setdefault(prefix(names), set()).update(names)
        ours.update((n, path) for n in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M))
    system = system_names([p for p in c_files if p.startswith("user")]) - SAME_AS_SYSTEM
    wrong = [f"{ours[n]}: {n} is of a system header too" for n in sorted(set(ours) & system)]
    for path, text in texts.items():
        used = set(re.findall(r"\b[A-Z]\w+", text))
        for begin, names in families.items():
            if not used & names:
                continue
            wrong += [f"{path}: {n} is of a system header, and looks like one of our {begin}*"
                      for n in sorted((used & system) - set(ours)) if n.startswith(begin)]
    return wrong


def guard(path):
    """A header is guarded by its folder's name and its own: two of one name would hide each other."""
    name = re.sub(r"[^A-Z0-9]", "_", "_".join(path[:-2].split(os.sep)[-2:]).upper())
    with open(path, encoding="utf-8") as f:
        m = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", f.read(), re.M)
    if not m or m.group(1) != m.group(2):
        return [f"{path}: no guard"]
    return [] if m.group(1) == f"WG_{name}_H" else [f"{path}: {m.group(1)}, not WG_{name}_H"]


def shell(path):
    return run(["sh", "-n", path])[1]


def flat(check, paths):
    return [wrong for path in paths for wrong in check(path)]


def cppcheck(folders):
    if not shutil.which("cppcheck"):
        return None
    # it does not know __attribute__((cleanup)), and takes what that frees for leaked: the unit
    # tests look for leaks under ASan
    status, said = run(["cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr",
                        "--enable=warning,portability", "--std=c11", "--max-configs=1",
                        "--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches",
                        "--suppress=memleak", "--suppress=resourceLeak", "--suppress=uninitdata",
                        "-DLIBBPF_OPTS(type,name,...)=struct type name={0}",
                        "-Ibpf", "-Iuser", "-Itests", "-D_GNU_SOURCE", "-D__x86_64__",
                        '-DWALLGAP_VERSION="0"', '-DPREFIX="/usr"', "--template={file}:{line}: {id}: "
                        "{message}", *folders])
    return said[:30] or [f"status {status}"] if status else []


def main():
    if any(a.startswith("-") for a in sys.argv[1:]):
        print(__doc__)
        return 0 if {"-h", "--help"} & set(sys.argv) else 2
    folders = [f for f in sys.argv[1:] if os.path.isdir(f)]
    tally = Tally()
    c_files = [f for f in files(folders, ".c", ".h") if os.path.basename(f) != "vmlinux.h"]
    clang_format = shutil.which("clang-format")
    tally.check("layout", flat(layout, c_files) if clang_format else None)
    tally.check("includes", flat(includes, files(["user"], ".c", ".h")))
    tally.check("terminal", flat(terminal, files(["user"], ".c")))
    tally.check("header guards", flat(guard, [f for f in c_files if f.endswith(".h")]))
    tally.check("licences", flat(licence, c_files + files(folders, ".py", ".sh")))
    tally.check("names", foreign_names([f for f in c_files if f.startswith(("bpf/", "user/"))]))
    tally.check("shell syntax", flat(shell, files(folders, ".sh")))
    tally.check("cppcheck", cppcheck([f for f in ("user", "workloads", "tests/unit", "tests/golden")
                                      if os.path.isdir(f)]))
    print(f"SUITE lint: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
