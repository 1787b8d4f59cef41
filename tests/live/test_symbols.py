# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Names: of JIT code, of code opened late, of processes that are gone, of C++ and Rust, and of what
has no names at all."""

import os
import re
import shutil
import subprocess

import elfnames
from live import PLANTED, Failure, Skip, for_each, record, scratch, test
from sites import (chain, check_complete, check_sampled, ordered, record_command, samples, tops,
                   total, user_path, waits)

TESTS_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLANTED_SRC = os.path.join(os.path.dirname(TESTS_FOLDER), "workloads", "planted")
OTHER_UID = 12345


def run_tool(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, cwd=cwd)
    if done.returncode:
        raise Failure(f"{' '.join(argv[:3])}...: {done.stderr.strip().splitlines()[-1:]}")


# --- JIT code ---

GOOD = {"jit_inner", "jit_outer", "jit_spin"}
JUNK = {"bad_start", "minus", "minus_size", "wraps", "beyond_64_bits"}
MAPS = {"good": True, "late": True, "huge": True, "junk": True, "none": False, "link": False,
        "owner": False, "fifo": False, "dir": False, "device": False}


def remove_map(pid):
    for path in (f"/tmp/perf-{pid}.map", f"/tmp/perf-{pid}.map.real"):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)


def jit_test(c, form, uid, named):
    got = record(c, "jit", form, 401, uid)
    remove_map(got.truth["threads"][0]["tgid"])
    waited = waits(got.run, "futex", "jit_wait")
    burnt = samples(got.run, "jit_burn")
    spun = samples(got.run, "call_spin")
    c.equal("waits in jit_wait", total(waited), 1)
    check_sampled(c, "in jit_burn", burnt, got.truth["burnt_ns"], got.run)
    check_sampled(c, "in jit_spin", spun, got.truth["spun_ns"], got.run)
    for what, sites in (("waits", waited), ("samples", burnt)):
        if named:
            right = [s for s in sites if chain(user_path(s), "callback", "jit_inner", "jit_outer",
                                               "call_jit", "jit_thread")]
        else:
            right = [s for s in sites if jit_between(user_path(s))]
        wrong = [s for s in sites if s not in right]
        c.at_least(f"{what} through the JIT code (not: {tops(wrong)})", total(right), total(sites))
        check_complete(c, what, sites)
    named_spin = [s for s in spun if "jit_spin" in user_path(s)]
    if named:
        c.at_least(f"samples named jit_spin (not: {tops(spun)})", total(named_spin),
                   0.9 * total(spun))
    check_complete(c, "samples of call_spin", spun)
    every = {f for s in got.run["sites"] for f in s["stack"]}
    c.equal("names of a map that are not to be believed", every & (JUNK if named else JUNK | GOOD),
            set())


def jit_between(path):
    """callback < two frames without a name < call_jit < jit_thread."""
    if "callback" not in path or "call_jit" not in path:
        return False
    between = path[path.index("callback") + 1:path.index("call_jit")]
    return len(between) == 2 and chain(path, "call_jit", "jit_thread")


@for_each(**{m: m for m in MAPS})
def test_jit(c, form):
    jit_test(c, form, 0, MAPS[form])


@test
def test_jit_user(c):
    """A user's process and a user's map: that is the usual case, and it is believed."""
    jit_test(c, "good", OTHER_UID, True)


# --- libraries opened at run time ---

@test
def test_dlopen(c):
    got = record(c, "dlopenburn", 31, 29)
    for lib, module, entry in (("z", "libz.so", "crc32"), ("crypto", "libcrypto.so", "SHA512"),
                               ("bz2", "libbz2.so", "BZ2_bzBuffToBuffCompress")):
        if not got.truth[f"{lib}_ns"]:
            continue
        mine = [s for s in samples(got.run, f"burn_{lib}")]
        check_sampled(c, f"in burn_{lib}", mine, got.truth[f"{lib}_ns"], got.run)
        inside = [s for s in mine if any(f.startswith((entry, module)) for f in user_path(s))]
        c.at_least(f"with a frame of {module} (not: {tops([s for s in mine if s not in inside])})",
                   total(inside), 0.95 * total(mine))
        check_complete(c, f"samples in burn_{lib}", mine)
        placed = [s for s in mine if ordered(user_path(s), f"burn_{lib}", "burn_turn", "main")]
        c.at_least("samples below burn_turn < main", total(placed), 0.99 * total(mine))


# --- processes that are gone when the names are asked for ---

KIDS = ("fork", "exec", "deleted", "replaced", "memfd", "mountns", "pidns")


@for_each(**{form: form for form in KIDS})
def test_shortkids(c, form):
    got = record(c, "shortkids", form, 97, 7)
    mine = samples(got.run, "kid_burn")
    check_sampled(c, "in kid_burn", mine, got.truth["burnt_ns"], got.run)
    right = [s for s in mine if chain(user_path(s), "kid_burn", "kid_run") and
             "main" in user_path(s)]
    c.at_least(f"below kid_run < main (not: {tops([s for s in mine if s not in right])})",
               total(right), 0.99 * total(mine))
    # The mappings of a new process are known a moment after it began.
    check_complete(c, "samples in kid_burn", mine, 0.97)


# --- languages ---

def compiled(folder, compiler, *args):
    if not shutil.which(compiler):
        raise Skip(f"no {compiler}")
    out = os.path.join(folder, "names")
    run_tool(compiler, *args, "-o", out)
    return out


def check_names(c, got, wanted, root):
    """wanted: patterns of names, each of which must be a frame; root: what all are below."""
    mine = [s for s in samples(got.run) if root in user_path(s)]
    if not c.that(total(mine) > 100, f"{total(mine)} below {root}: {tops(samples(got.run))}"):
        return
    frames = {f for s in mine for f in user_path(s)}
    for pattern in wanted:
        c.that(any(re.fullmatch(pattern, f) for f in frames),
               f"no frame is {pattern}: {sorted(f for f in frames if '::' in f)}")
    mangled = sorted(f for f in frames if f.startswith(("_Z", "_R")))
    c.equal("mangled names", mangled[:5], [])
    check_complete(c, "samples", mine)


@test
def test_names_cc(c):
    with scratch() as tmp:
        program = compiled(tmp, "g++", "-O2", "-g", os.path.join(PLANTED_SRC, "names.cc"))
        got = record_command([program, 701], truth=False)
    check_names(c, got, [r"planted::Zoo<int>::burn", r"planted::free_burn", r"planted::compare",
                         r"planted::with_lambda.*lambda.*", r"planted::Functor::operator\(\)",
                         r"planted::sort_some"], "planted::run_all")


@test
def test_names_rust(c):
    with scratch() as tmp:
        program = compiled(tmp, "rustc", "-O", os.path.join(PLANTED_SRC, "names.rs"))
        got = record_command([program, 701], truth=False)
    check_names(c, got, [r"names::zoo::burn_free",
                         r"<names::zoo::Keeper as names::zoo::Burn>::burn",
                         r"names::zoo::with_closure.*closure.*"], "names::run_all")


# --- without names, and with names elsewhere ---

BURNERS = {"burn_half": "half_ns", "burn_third": "third_ns", "burn_fifth": "fifth_ns"}

def copy_without(folder, how):
    """hot, without symbols: stripped; with a debug file beside it (debuglink); or with the
    symbols compressed inside it (gnu_debugdata)."""
    for tool in ("objcopy", "strip") + (("xz",) if how == "gnu_debugdata" else ()):
        if not shutil.which(tool):
            raise Skip(f"no {tool}")
    program, debug = os.path.join(folder, "hot"), os.path.join(folder, "hot.debug")
    shutil.copy(os.path.join(PLANTED, "hot"), program)
    run_tool("objcopy", "--only-keep-debug", program, debug)
    run_tool("strip", "--strip-all", program)
    if how == "debuglink":
        run_tool("objcopy", f"--add-gnu-debuglink={debug}", program)
    if how == "gnu_debugdata":
        run_tool("objcopy", "--strip-debug", "--remove-section=.comment", debug)
        run_tool("xz", "-q", debug)
        run_tool("objcopy", f"--add-section=.gnu_debugdata={debug}.xz", program)
    return program


@for_each(debuglink="debuglink", gnu_debugdata="gnu_debugdata")
def test_debugfile(c, how):
    with scratch() as tmp:
        got = record_command([copy_without(tmp, how), 503])
    n = {k: total(samples(got.run, k)) for k in (*BURNERS, "burn_all")}
    c.that(all(n.values()), f"samples by name: {n}: {tops(samples(got.run))}")
    check_complete(c, "samples", samples(got.run))


@test
def test_stripped(c):
    """Functions without names: the module and where the function starts, by its unwind table."""
    named = elfnames.Elf(os.path.join(PLANTED, "hot"))
    starts = {name: value for value, _, name in named.symbols}
    with scratch() as tmp:
        got = record_command([copy_without(tmp, "stripped"), 503])
    for name, key in BURNERS.items():
        mine = samples(got.run, f"hot+{starts[name]:#x}")
        check_sampled(c, f"in {name}, by its start", mine, got.truth[key], got.run)
        check_complete(c, f"samples of {name}", mine)
