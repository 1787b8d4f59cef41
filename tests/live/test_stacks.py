# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Call paths: whole, right frame by frame, and told apart when they are not."""

import os

import gdbstacks
from live import MS, Failure, check_report, for_each, record, scratch, test, timed
from sites import (Running, Watched, THREAD_ENTRY, bare, chain, check_complete, check_covered,
                   check_sampled, faults, native, ordered, own_part, record_command, record_pid, samples,
                   tops, total, user_path, waits)

FRAMES_MAX = 127
WAITS = 8  # kinds of waits that stackwait has

TYPES = {"mutex": "mutex", "rdlock": "rwlock", "wrlock": "rwlock", "cond": "condition variable",
         "sem": "semaphore", "barrier": "barrier", "join": "join", "once": "once"}


# --- against gdb ---

def is_frame(name, frame):
    return frame.is_named(name) or bare(name) == frame.gdb_name


def is_same(path, frames):
    return len(path) == len(frames) and all(map(is_frame, path, frames))


def nearest(paths, frames):
    """The path with the most frames in common with gdb's, counted from the root."""
    def alike(path):
        n = 0
        for name, frame in zip(reversed(path), reversed(frames)):
            if not is_frame(name, frame):
                break
            n += 1
        return n
    return max(paths, key=alike, default=[])


@test
def test_stacks_gdb_walked(c):
    """Threads that wallgap has seen fall asleep: the walk in the kernel."""
    with scratch() as tmp, Watched(8, tmp, "stackwait", "all", "all", "stay") as p:
        p.settled("waiter", 3 * WAITS)  # or five times, with libcrypto
        wanted = gdbstacks.stacks(p.pid, tmp)
        report = p.report()
    check_gdb(c, report["runs"][0], wanted)


@test
def test_stacks_gdb_asleep(c):
    """Threads that slept before wallgap came: the walk from outside."""
    with scratch() as tmp, Running("stackwait", "all", "all", "stay") as p:
        p.settled("waiter", 3 * WAITS)
        report = record_pid(p.pid, 1)
        wanted = gdbstacks.stacks(p.pid, tmp)
    check_gdb(c, report["runs"][0], wanted)
    check_complete(c, "waits", waits(report["runs"][0]), 1)


def check_gdb(c, run, wanted):
    """The path of every thread by wallgap is gdb's, frame by frame."""
    paths = [user_path(s) for s in waits(run)]
    right = 0
    for tid, frames in sorted(wanted.items()):
        if any(is_same(path, frames) for path in paths):
            right += 1
            continue
        c.that(False, f"thread {tid}: gdb has {' < '.join(map(str, frames))}; of wallgap's the "
                      f"nearest is {' < '.join(nearest(paths, frames)) or 'nothing'}")
    by_tid = {t["tid"] for t in run["threads"]}
    c.equal("threads that gdb saw and the report has not", set(wanted) - by_tid, set())
    c.note(f"{right} of {len(wanted)} threads, {sum(map(len, wanted.values())):,} frames")


# --- known paths ---

def wanted_path(role):
    """Of a thread of stackwait, from the function that waits on; without the library's frames."""
    wait, via, depth = role.split("/")
    callback = [] if via == "direct" else [f"callback_{via}"]
    return ([f"wait_{wait}", "arrive"] + callback + [f"via_{via}"] + ["step"] * int(depth) +
            ["enter", "body"])


def planted_only(path):
    names = set(wanted_path("x/direct/1")) | {p for p in path if p.split("_")[0] in
                                             ("wait", "via", "callback")}
    return [p for p in path if p in names]


@for_each(direct="direct", qsort="qsort", bsearch="bsearch", lhash="lhash", runonce="runonce")
@timed
def test_stackwait(c, via):
    """Each kind of wait through a callback: one wait, of its type, at the one right path."""
    got = record(c, "stackwait", "all", via, 307)
    for own in got.truth["threads"]:
        wait, want = own["role"].split("/")[0], wanted_path(own["role"])
        found = [s for s in waits(got.run, "futex", f"wait_{wait}")
                 if planted_only(user_path(s)) == want and s["total_ns"] > 100 * MS]
        what = own["role"]
        if not c.that(found, f"no site of {what}: {tops(waits(got.run, 'futex', f'wait_{wait}'))}"):
            continue
        c.equal(f"waits of {what}", total(found), 1)
        c.near(f"time of {what}", total(found, "total_ns"), got.truth["ns"] + 20 * MS, 0.05,
               30 * MS)
        c.equal(f"type of {what}", {s["lock_type"] for s in found}, {TYPES[wait]})
        if via in ("qsort", "bsearch"):
            inner = own_part(user_path(found[0]), f"callback_{via}", f"via_{via}")
            c.that(len(inner) > 2, f"{what}: no frame of libc below its callback: {inner}")
        if via == "lhash":
            c.that(chain(user_path(found[0]), "callback_lhash", "OPENSSL_LH_doall", "via_lhash") or
                   len(own_part(user_path(found[0]), "callback_lhash", "via_lhash")) > 2,
                   f"{what}: libcrypto's frames are missing: {tops(found)}")
    c.equal("threads", len(got.truth["threads"]), WAITS)
    check_complete(c, "waits", waits(got.run))
    check_covered(c, got.run, "futex")


@for_each(**{str(n): n for n in (20, 126, 127, 128, 300)})
def test_deepstack(c, frames):
    """Up to 127 frames are kept whole; beyond that the path is marked as cut, and has 127."""
    got = record(c, "deepstack", frames, 307)
    want, deeper = min(frames, FRAMES_MAX), frames - got.truth["rest"]
    found = waits(got.run, "futex", "deepest")
    if not c.that(found, f"no wait in deepest: {tops(waits(got.run))}"):
        return
    check_deep(c, "wait", found, frames, want, deeper)
    # Of a sample the leaf is deepest itself, or below it the clock's two: one frame less or more.
    burnt = [s for s in samples(got.run, "deepest") if "deeper" in user_path(s)]
    check_sampled(c, "in deepest", burnt, got.truth["burnt_ns"], got.run)
    for s in burnt:
        path = own_part(user_path(s), "deepest")
        whole = len(user_path(s)) - len(path) + frames - 1 <= FRAMES_MAX
        c.equal(f"end of a sample's path of {len(user_path(s))}", s["stack_end"],
                "complete" if whole else "truncated")
        if whole:
            c.equal("deeper in a sample", path.count("deeper"), deeper)


def check_deep(c, what, found, frames, want, deeper):
    path, end = user_path(found[0]), found[0]["stack_end"]
    c.equal(f"{what}s", total(found), 1)
    c.equal(f"frames of the {what}", len(path), want)
    c.equal(f"end of the {what}'s path", end, "complete" if frames <= FRAMES_MAX else "truncated")
    if frames <= FRAMES_MAX:
        c.equal(f"deeper in the {what}", path.count("deeper"), deeper)
        c.that(bare(path[-1]) in THREAD_ENTRY or "+0x" in path[-1],
               f"root of the {what}: {path[-1]}")
        c.equal(f"deep_thread in the {what}", path.count("deep_thread"), 1)
    else:
        c.equal(f"deeper in the {what}", path.count("deeper"), min(deeper, want - 2))


# --- frames that are hard to step out of ---

@for_each(**{f"{where}_{stack}": (where, stack) for where in ("loop", "call", "nested")
             for stack in ("normal", "alt")})
def test_sigframe(c, how):
    """Through a signal's frame, on one stack or from another, to the thread's entry."""
    where, _ = how
    got = record(c, "sigframe", *how, 23, 7)
    inner = ["on_signal"] + (["on_outer_signal"] if where == "nested" else [])
    inner.append("interrupted_call" if where == "call" else "interrupted_loop")
    for what, sites in (("waits", waits(got.run, "futex", "handler_wait")),
                        ("samples", samples(got.run, "handler_burn"))):
        if not c.that(sites, f"no {what} in the handler"):
            continue
        whole = [s for s in sites if ordered(user_path(s), *inner, "outer", "signalled")]
        wrong = [s for s in sites if s not in whole]
        c.at_least(f"{what} through the signal frame (not: {tops(wrong)})", total(whole),
                   0.99 * total(sites))
        check_complete(c, what, sites)
    c.equal("waits in the handler", total(waits(got.run, "futex", "handler_wait")), 23)
    check_sampled(c, "in the handler", samples(got.run, "handler_burn"), got.truth["burnt_ns"],
                  got.run)


ODD = ("plt", "vdso", "realign", "overaligned", "alloca", "bigframe", "noreturn", "nocfi",
       "prologue", "rbpdata")


@for_each(**{form: form for form in ODD})
def test_oddframes(c, form):
    got = record(c, "oddframes", form, 701)
    odd = "odd_noreturn_call" if form == "noreturn" else f"odd_{form}"
    middle = ["no_cfi_call"] if form == "nocfi" else []
    waited = waits(got.run, "futex", "leaf_wait")
    right = [s for s in waited if chain(user_path(s), "leaf_wait", "leaf", *middle, odd) or
             ordered(user_path(s), "leaf_wait", "leaf", *middle, odd, "run_form", "odd_thread")]
    wrong = [s for s in waited if s not in right]
    c.at_least(f"waits at the right path (not: {tops(wrong)})", total(right), total(waited))
    c.at_least("waits", total(waited), 0.98 * got.truth["rounds"])  # some time out at once
    check_complete(c, "waits", waited)
    burnt = samples(got.run, "odd_thread")
    inside = [s for s in burnt if f"odd_{form}" in user_path(s)]
    c.at_least(f"samples below odd_{form} (not: {tops([s for s in burnt if s not in inside])})",
               total(inside), 0.97 * total(burnt) - 2)
    # Inside clone3 libc has no CFI: that is stacks_spawn's.
    mine = [s for s in samples(got.run) if user_path(s) and user_path(s)[0] != "clone3"]
    check_complete(c, "samples", mine)
    check_odd(c, form, got, inside)


def check_odd(c, form, got, inside):
    """What is peculiar to the form was seen at all."""
    leaves = [user_path(s)[0] for s in inside if not s.get("kernel_frames")]
    if form == "vdso":
        vdso = [s for s in inside if "vdso" in (s.get("module") or "") or
                "clock_gettime" in user_path(s)[0]]
        c.at_least("samples in the vDSO", total(vdso), 0.3 * total(inside))
    if form == "plt":
        plt = total([s for s in inside if s not in samples(got.run, "leaf")])
        c.at_least("samples in the loop of calls", plt, 0.3 * total(inside))
    if form == "prologue":
        c.that("all_pushes" in leaves, f"no sample in the prologue: {sorted(set(leaves))}")


# --- the library without frame pointers, at work ---

@for_each(threads="threads", procs="procs")
@timed
def test_stacks_crypto(c, model):
    """libcrypto and libc under load: what the issue of whole paths is about."""
    got = record_command(native("crypto-query", model, n=50021), truth=False)
    check_report(c, got.report)
    check_complete(c, "samples", samples(got.run))
    # Processes share no lock: their few waits are of their first moments, see stacks_early, stacks_fork.
    if model == "threads":
        check_complete(c, "waits", waits(got.run))
    said = got.run["stacks"]["samples"]
    c.at_least("share of whole paths, as reported, of samples", said["complete_share"], 0.99)
    if not total(samples(got.run, "EVP_MD_fetch")):
        raise Failure(f"no sample below EVP_MD_fetch: {tops(samples(got.run))}")


@test
def test_stacks_spawn(c):
    """Threads as they are made: inside clone3, where libc has no CFI, and at their first step."""
    got = record(c, "shortlived", 2003, 1)
    check_complete(c, "waits", waits(got.run))
    check_complete(c, "samples", samples(got.run), 0.95)


@test
def test_stacks_early(c):
    """A long wait that begins as soon as the program does: its path is whole all the same."""
    joins = []
    for _ in range(7):
        got = record(c, "mallocstorm", 1, 53)
        joins += [s for s in waits(got.run, "futex") if s["total_ns"] > 40 * MS]
    c.equal("long waits", total(joins), 7)
    c.equal("types", sorted({s["lock_type"] for s in joins}), ["join"])
    c.that(all(s["idle"] for s in joins), f"waiting for a thread's end is not idle: {tops(joins)}")
    check_complete(c, "waits", joins, 1)


@test
def test_stacks_exec(c):
    """Programs that are over in a millisecond: no time to read their mappings, which are known all the same."""
    with scratch() as tmp:
        script = os.path.join(tmp, "starts.sh")
        with open(script, "w") as f:
            f.write("i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done\n")
        got = record_command(["sh", script], truth=False)
    c.at_least("threads", len(got.run["threads"]), 401)
    for what, sites in ("samples", samples(got.run)), ("faults", faults(got.run)):
        unmapped = [s for s in sites if s["stack_end"] == "unmapped"]
        c.at_most(f"{what} whose mappings were not known, of {total(sites):,}: {tops(unmapped)}",
                  total(unmapped), 0.01 * total(sites))


@test
def test_stacks_fork(c):
    """A child of fork waits soon after it was born: it has its parent's code, and paths."""
    for _ in range(7):
        got = record(c, "lockzoo", "sharedmutex", 11, 3001)
        check_complete(c, "waits", waits(got.run, "futex"), 1)
