# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Locks: type, name, how often and how long, who ended the waits."""

import math

from live import MS, check_blocked_in, for_each, ms, record, test, timed
from sites import (bucket_of, check_complete, check_covered, histogram, native, ordered,
                   record_command, samples, tops, total, user_path, waits)

N, US = 53, 3001

# form: type, name, the function that waits, the one that wakes, idle, shared
MUTEX = ("mutex", "planted_mutex", "blocker_mutex", "release_mutex", False)
FORMS = {
    "mutex": MUTEX,
    "timedmutex": ("mutex", "planted_mutex", "blocker_timedmutex", "release_mutex", False),
    "recursive": MUTEX,
    "robust": MUTEX,
    "pimutex": MUTEX,
    "mtx": ("mutex", "planted_mtx", "blocker_mtx", "release_mtx", False),
    "heapmutex": ("mutex", "heap", "blocker_mutex", "release_mutex", False),
    "stackmutex": ("mutex", "stack", "blocker_mutex", "release_mutex", False),
    "mainstackmutex": ("mutex", "stack", "blocker_mutex", "release_mutex", False),
    "sharedmutex": ("mutex", "shared", "blocker_mutex", "release_mutex", False),
    "rdlock": ("rwlock", "planted_rwlock", "blocker_rdlock", "release_rwlock", False),
    "wrlock": ("rwlock", "planted_rwlock", "blocker_wrlock", "release_rwlock", False),
    "wrwrlock": ("rwlock", "planted_rwlock", "blocker_wrlock", "release_rwlock", False),
    "rwlock": ("rwlock", "planted_rwlock", "blocker_rwlock", "release_rwlock", False),
    "cond": ("condition variable", "planted_cond", "blocker_cond", "release_cond", True),
    "condtimed": ("condition variable", "planted_cond", "blocker_condtimed", "release_cond", True),
    "cnd": ("condition variable", "planted_cnd", "blocker_cnd", "release_cnd", True),
    "sem": ("semaphore", "planted_sem", "blocker_sem", "release_sem", True),
    "barrier": ("barrier", "planted_barrier", "blocker_barrier", "release_barrier", None),
    "once": ("once", "planted_once", "blocker_once", "release_once", False),
    "join": ("join", None, "blocker_join", None, True),
    "stdio": ("stdio lock", None, "blocker_stdio", "release_stdio", False),
    "raw": ("raw futex", "planted_word", "blocker_raw", "release_raw", None),
}


@for_each(**{form: form for form in FORMS})
def test_lockzoo(c, form):
    kind, name, blocker, waker, idle = FORMS[form]
    got = record(c, "lockzoo", form, N, US)
    ours, own = got.pair("waiter")
    blocked = own["end"]["nvcsw"] - own["begin"]["nvcsw"]
    sites = waits(got.run, "futex", blocker)
    if not c.that(sites, f"no wait in {blocker}: {tops(waits(got.run, 'futex'))}"):
        return
    others_ns = 5 * MS  # of cond's mutex and the like
    check_blocked_in(c, ours, own, "futex", blocked, 0.9 * got.truth["n"] * got.truth["ns"])
    c.equal("types", {s["lock_type"] for s in sites if s["total_ns"] > others_ns}, {kind})
    check_name(c, [s for s in sites if s["lock_type"] == kind], name)
    check_amounts(c, got, ours, sites, blocked)
    if idle is not None:
        c.equal("idle", {bool(s["idle"]) for s in sites if s["lock_type"] == kind}, {idle})
    c.that(all(ordered(user_path(s), blocker, "wait_round", "waiter") for s in sites),
           f"path of a wait is not {blocker} < wait_round < waiter: {tops(sites)}")
    check_complete(c, "waits", sites, 1)
    check_covered(c, got.run, "futex")
    if waker:
        check_wakers(c, sites, waker)
    if form == "sharedmutex":
        c.that(all(s["lock_shared"] for s in sites), "a lock of two processes is not shared")


def check_name(c, sites, name):
    names = {s["lock_name"] for s in sites}
    c.equal(f"number of locks {sorted(names)}", len(names), 1 if name else len(names))
    c.that(not name or all(name in (n or "") for n in names), f"names {sorted(names)}, want {name}")


def check_amounts(c, got, ours, sites, blocked):
    c.between("waits", total(sites), min(N - 2, blocked), blocked + 2)
    c.near("time of the waits against the thread's bucket", total(sites, "total_ns"),
           ours["buckets"]["futex"], 0.01, MS)
    c.at_most("time against the waiter's clock", total(sites, "total_ns"),
              got.truth["waited_ns"] * 1.001)
    c.between("longest", max(s["max_ns"] for s in sites), 0.97 * got.truth["ns"],
              got.truth["longest_ns"] * 1.001)
    by_length = histogram(sites)
    c.equal("histogram's sum", sum(by_length), total(sites))
    c.at_least(f"waits of about {ms(got.truth['ns'])} in their bucket ({by_length})",
               sum(by_length[bucket_of(got.truth["ns"]):][:2]), 0.7 * N)


def waker_paths(site):
    """(count, path, leaf first) of who ended the waits of a site."""
    return [(w["count"], w["stack"]) for w in site["wakers"]]


def check_wakers(c, sites, waker):
    seen = [w for s in sites for w in waker_paths(s)]
    count = sum(n for n, _ in seen)
    right = sum(n for n, path in seen if ordered(path, waker, "hold_round", "main"))
    c.at_least("wakers seen", count, 1)
    c.at_least(f"wakers on the path {waker} < hold_round < main, of {count}: "
               f"{[' < '.join(p[:12]) for _, p in seen][:3]}", right, 0.9 * count)


@test
def test_joinwaker(c):
    """A join is ended by the exit of the thread: its path ends in the thread's entry."""
    got = record(c, "lockzoo", "join", N, US)
    seen = [w for s in waits(got.run, "futex", "blocker_join") for w in waker_paths(s)]
    c.that(seen, "no waker seen")
    c.that(all("live_short" not in path and "main" not in path for _, path in seen),
           f"a thread that ends is no longer in its function: {seen[:3]}")


@test
@timed
def test_mallocstorm(c):
    """Threads that share one arena wait for it, and for nothing else."""
    got = record(c, "mallocstorm", 3, 503, MALLOC_ARENA_MAX=1)
    sites = waits(got.run, "futex", "storm")
    arena = [s for s in sites if s["lock_type"] == "malloc arena"]
    c.at_least("waits by the threads' own counters", got.truth["blocked"], 100)
    c.at_least(f"time of malloc arena (not: {tops([s for s in sites if s not in arena])})",
               total(arena, "total_ns"), 0.99 * total(sites, "total_ns"))
    c.near("waits", total(arena), got.truth["blocked"], 0.02, 10)
    c.that(not any(s["idle"] for s in arena), "waiting for the arena is called idle")
    for fn in ("fill", "drain"):
        c.that(any(ordered(user_path(s), fn, "storm", "stormer") for s in arena),
               f"no wait below {fn} < storm < stormer: {tops(arena)}")
    c.equal("arenas", len({s["lock_name"] for s in arena}), 1)
    check_complete(c, "waits", sites)
    check_covered(c, got.run, "futex")


@test
@timed
def test_crypto_query(c):
    """One rwlock of libcrypto holds the threads up, and the path says what wanted it."""
    got = record_command(native("crypto-query", "threads", n=50021), truth=False)
    sites = [s for s in waits(got.run, "futex") if not s["idle"]]
    all_ns = total(sites, "total_ns")
    by_lock = {}
    for s in sites:
        key = (s["lock_type"], s["lock_name"])
        by_lock[key] = by_lock.get(key, 0) + s["total_ns"]
    if not c.that(by_lock, "no contention at all"):
        return
    (kind, name), most = max(by_lock.items(), key=lambda item: item[1])
    c.equal("type of the lock with most of the time", kind, "rwlock")
    c.that(name, "that lock has no name")
    c.at_least(f"its share of futex time ({name})", most / all_ns, 0.9)
    fetching = [s for s in sites if "EVP_MD_fetch" in user_path(s)]
    c.at_least(f"of it below EVP_MD_fetch (not: {tops([s for s in sites if s not in fetching])})",
               total(fetching, "total_ns") / all_ns, 0.9)
    check_complete(c, "waits", sites)
    c.note(f"{name}: {most / all_ns:.1%} of {ms(all_ns)}")


@test
@timed
def test_crypto_traffic(c):
    """By name there is nothing to wait for, but the lock's word travels between the CPUs."""
    marked, counts = {"threads": 0, "procs": 0}, {"threads": 0, "procs": 0}
    for model in ("threads", "procs", "procs", "threads"):
        got = record_command(native("crypto", model, n=700001), truth=False,
                             options=("--freq", 4999))
        marked[model] += total([s for s in samples(got.run) if user_path(s) and
                                "pthread_rwlock_" in user_path(s)[0]], "traffic_count")
        counts[model] += total(samples(got.run))
        waited = total([s for s in waits(got.run, "futex") if not s["idle"]], "total_ns")
        wall = sum(t["wall_ns"] for t in got.threads)
        c.at_most(f"{model}: lock waits of all time", waited / wall, 0.03)
    share = {m: marked[m] / counts[m] for m in marked}
    error = math.sqrt(sum(max(share[m], 1e-4) / counts[m] for m in marked))
    c.at_least("lock traffic in procs", marked["procs"], 1)
    c.at_least(f"lock traffic in threads over procs, {share['procs']:.2%}", share["threads"],
               share["procs"] + 3 * error)
    c.note(f"threads {share['threads']:.2%}, procs {share['procs']:.2%} of samples, "
           f"{error:.2%} sampling error")
