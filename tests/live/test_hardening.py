# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""How the program and the C runner are built: what a mistake in them cannot be used for."""

import glob
import os
import subprocess

import live
from live import for_each

BUILD = os.environ.get("WALLGAP_BUILD", "build")
# What glibc's headers put a checked function in the place of, where _FORTIFY_SOURCE is on.
FORTIFIED = {"vsnprintf", "printf", "fprintf", "vfprintf"}
CHECKED_SHARE = 0.75  # of the objects with snprintf: where the text surely fits, gcc takes the plain one
PROTECTED_SHARE = 0.3  # of the objects: the others have no function with an array on the stack


def output(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def undefined(obj):
    """Names that an object wants of others."""
    return {line.split()[-1].split("@")[0] for line in output("nm", "-u", obj).splitlines() if line.strip()}


def check_file(check, path):
    said = output("readelf", "-hldW", path)
    heads = {}
    for line in said.splitlines():
        words = line.split()
        if words and words[0] in ("GNU_RELRO", "GNU_STACK"):
            heads[words[0]] = words[-2]
    check.that("Position-Independent Executable" in said or
               "(FLAGS_1)" in said and " PIE" in said, f"{path} is not position-independent (PIE)")
    check.that("GNU_RELRO" in heads, f"{path} has no RELRO")
    check.that("(BIND_NOW)" in said or "Flags: NOW" in said, f"{path} is not bound at start (BIND_NOW)")
    check.equal(f"{path}: access to its stack", heads.get("GNU_STACK"), "RW")
    for word in ("(TEXTREL)", "(RPATH)", "(RUNPATH)"):
        check.that(word not in said, f"{path} has {word}")


def check_objects(check, folder):
    """Each object by itself: a library that is linked in may have what ours lack, and hide it."""
    sources = sorted(glob.glob(os.path.join(folder, "**", "*.c"), recursive=True))
    objects = [os.path.join(BUILD, os.path.splitext(source)[0] + ".o") for source in sources]
    wants = {obj: undefined(obj) for obj in objects}
    check.at_least(f"objects in {folder}", len(objects), 5)
    for obj, names in wants.items():
        plain = names & FORTIFIED
        check.that(not plain, f"{obj} calls {', '.join(sorted(plain))} unchecked (_FORTIFY_SOURCE)")
    some = [names for names in wants.values() if names & {"snprintf", "__snprintf_chk"}]
    check.at_least(f"objects of {folder} that call snprintf checked",
                   sum("__snprintf_chk" in names for names in some), len(some) * CHECKED_SHARE)
    protected = sum("__stack_chk_fail" in names for names in wants.values())
    check.at_least(f"objects of {folder} with a stack protector", protected, len(objects) * PROTECTED_SHARE)
    check.note(f"{protected} of {len(objects)} objects have a stack to protect")


@for_each(wallgap=("wallgap", "user"), native=("build/wallgap-native", "workloads/native"))
def test_hardening(check, what):
    path, folder = what
    path = live.WALLGAP if path == "wallgap" else os.path.join(BUILD, os.path.basename(path))
    check_file(check, path)
    check_objects(check, folder)
