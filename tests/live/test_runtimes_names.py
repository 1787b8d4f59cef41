# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Runtimes: names of JavaScript functions, garbage collection, event loops and pools, what helper
threads are for, Python's lock. The programs are scripts; a runtime that is not here is skipped."""

import os
import re
import shutil
import sys
import tempfile

from live import MS, PLANTED, Failure, Skip, scratch, test, timed
from sites import record_command, samples, total, user_path, waits

# Names of JIT code, and no log of V8's in the folder or on stdout.
NODE_FLAGS = ("--perf-basic-prof", "--interpreted-frames-native-stack", "--no-logfile-per-isolate",
              "--logfile=+")
BUN = os.path.join(os.path.dirname(PLANTED), "bun", "bun")
WHOLE = 0.95  # of stacks: those of a fresh process begin before its mappings are known

HOT = """
const { Worker, isMainThread } = require('node:worker_threads');
const { readFile } = require('node:fs');
function hotLoop(n) { let x = 0; for (let i = 0; i < n; i++) x = (x * 31 + i) % 1000003; return x; }
if (isMainThread) {
  for (let i = 0; i < 2; i++) new Worker(__filename);
  for (let i = 0; i < 8; i++) readFile(__filename, () => {});
} else {
  const end = Date.now() + 1200;
  let sum = 0;
  while (Date.now() < end) sum += hotLoop(100000);
  if (sum < 0) console.log(sum);
}
"""

GARBAGE = """
const { PerformanceObserver } = require('node:perf_hooks');
const { writeFileSync } = require('node:fs');
let gc = 0;
const seen = new PerformanceObserver(list => { for (const e of list.getEntries()) gc += e.duration; });
seen.observe({ entryTypes: ['gc'] });
const end = Date.now() + 800;
let keep = [];
while (Date.now() < end) {
  keep.push({ a: keep.length, b: [1, 2, 3] });
  if (keep.length > 300000) keep = [];
}
setTimeout(() => {
  seen.disconnect();
  writeFileSync(process.env.WALLGAP_TRUTH, JSON.stringify({ threads: [], gc_ms: gc }));
}, 100);
"""

JOIN = """
function joiner(end) {
  let keep = [], sum = 0;
  while (Date.now() < end) {
    for (let i = 0; i < 2000; i++) keep.push('x' + i + keep.length);
    sum += keep.length;
    keep = [];
  }
  return sum;
}
if (joiner(Date.now() + 800) < 0) console.log('never');
"""

IDLE = "setTimeout(() => {}, 500); new (require('node:worker_threads').Worker)('setTimeout(()=>{},400)',{eval:true});"

GIL = """
import threading, time
def spin():
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        pass
threads = [threading.Thread(target=spin) for _ in range(2)]
for t in threads: t.start()
for t in threads: t.join()
"""


def program(*names):
    for name in names:
        if name and (path := shutil.which(name)):
            return path
    raise Skip(f"no {names[-1]}")


def record_script(program_argv, script, suffix, truth=False, **env):
    """Record it, in a folder of its own; the recording, and what the program left in the folder."""
    with scratch() as tmp:
        path = os.path.join(tmp, "hot" + suffix)
        with open(path, "w") as f:
            f.write(script)
        got = record_command([*program_argv, path], truth=truth, cwd=tmp, **env)
        for pid in {t["tgid"] for t in got.run["threads"]}:
            if os.path.lexists(f"/tmp/perf-{pid}.map"):
                os.unlink(f"/tmp/perf-{pid}.map")
        return got, sorted(os.listdir(tmp))


def kinds(run):
    count = {}
    for t in run["threads"]:
        count[t["kind"]] = count.get(t["kind"], 0) + 1
    return count


def user_samples(run):
    return [s for s in samples(run) if s["bucket"] == "cpu_user"]


def check_whole(c, run):
    for what in ("waits", "samples"):
        c.at_least(f"whole stacks of {what}", run["stacks"][what]["complete_share"], WHOLE)


def check_hot(c, run, name):
    """The workers did nothing else: most of what was sampled (they also begin and compile)."""
    hot = [s for s in user_samples(run) if any(re.fullmatch(name, f) for f in user_path(s))]
    c.at_least(f"user samples through {name}", total(hot), 0.5 * total(user_samples(run)))
    c.equal("activities of hotLoop's own samples",
            {s["activity"] for s in hot if re.fullmatch(name, user_path(s)[0])} - {""}, set())


@test
def test_runtimes_node_names(c):
    got, left = record_script([program("node"), *NODE_FLAGS], HOT, ".cjs")
    check_hot(c, got.run, r"[~^+*]hotLoop hot\.cjs:4")
    check_whole(c, got.run)
    c.equal("what node left in its folder", left, ["hot.cjs"])
    found = kinds(got.run)
    c.equal("kinds of which there is one or two",
            {k: found.get(k) for k in ("JS main", "JS worker", "V8 delayed tasks", "inspector")},
            {"JS main": 1, "JS worker": 2, "V8 delayed tasks": 1, "inspector": 1})
    c.at_least("V8 platform workers", found.get("V8 platform worker", 0), 1)
    c.at_least("threads of libuv's pool", found.get("libuv pool", 0), 1)
    # a thread that ended before any whole stack of it was seen starts nowhere that we know
    c.equal("threads of no kind",
            [(t["comm"], t["start"]) for t in got.run["threads"] if not t["kind"] and t["start"]], [])


@test
def test_runtimes_node_builtins(c):
    """V8's built-ins have no CFI and, on their short ways, no frame: who called them is on the path
    all the same. A part of them is called by node's start, or is byte code's."""
    got, _ = record_script([program("node"), *NODE_FLAGS], JOIN, ".cjs")
    called = [s for s in user_samples(got.run) if user_path(s)[0] in
              ("Builtins_StringAdd_CheckNone", "Builtins_NumberToString",
               "Builtins_GrowFastSmiOrObjectElements", "Builtins_StringAdd_CheckNone_Inline")]
    right = [s for s in called if re.fullmatch(r"[~^+*]joiner hot\.cjs:2", user_path(s)[1])]
    c.at_least("samples in built-ins that joiner calls", total(called), 20)
    c.at_least("of them with joiner right above", total(right), 0.9 * total(called))
    check_whole(c, got.run)


@test
@timed
def test_runtimes_node_gc(c):
    """V8 says how long its pauses to collect were, by the wall clock; we count samples on the CPU in
    them. With others on the machine it was on the CPU for a part of that only: so 0.4 to 1.15 of it.
    What it sweeps between pauses is collecting too, but not in its own figure."""
    got, _ = record_script([program("node"), *NODE_FLAGS, "--single-threaded-gc"], GARBAGE, ".cjs",
                           truth=True)
    said = got.truth.get("gc_ms")
    if not said:
        raise Failure("the script did not say how long V8 collected garbage")
    sampled = [s for s in samples(got.run) if s["activity"] == "gc"]
    pauses = [s for s in samples(got.run)
              if any("v8::internal::Heap::CollectGarbage" in f for f in user_path(s))]
    seen_ms = total(pauses) / got.run["sample_hz"] * 1000
    c.between(f"of the {said:.0f} ms that V8 says, on the CPU in gc", seen_ms / said, 0.4, 1.15)
    user = [s for s in pauses if s["bucket"] == "cpu_user"]
    c.equal("user samples in pauses that are not called gc",
            [s["stack"][:3] for s in user if s["activity"] not in ("gc", "jit")], [])
    c.at_least("samples of gc", total(sampled), 20)


@test
@timed
def test_runtimes_node_idle(c):
    got, _ = record_script([program("node")], IDLE, ".cjs")
    loop = [s for s in waits(got.run) if s["activity"] == "event loop" and s["kind"] == "blocked"]
    c.equal("buckets and classes of waiting for events",
            {(s["bucket"], s["class"]) for s in loop}, {("poll", "")})
    c.at_least("ms in event loops", total(loop, "total_ns") / MS, 700)
    pool = [s for s in waits(got.run, "futex") if s["activity"] == "pool" and
            not any("cond_lock" in f or "mutex_lock" in f for f in user_path(s))]
    c.equal("classes of waiting for work", {s["class"] for s in pool}, {"idle wait"})
    c.at_least("waits for work", total(pool), 1)


@test
def test_runtimes_bun_names(c):
    """JavaScriptCore writes its dump in a thread of its own, with an fsync for each function, and
    does not wait for it at exit: so to a file system in memory, where that costs nothing."""
    bun = program(os.environ.get("WALLGAP_BUN") or BUN)
    with tempfile.TemporaryDirectory(prefix="wallgap-live-", dir="/dev/shm") as dumps:
        got, _ = record_script([bun], HOT, ".cjs", BUN_JSC_useJITDump="1",
                               BUN_JSC_jitDumpDirectory=dumps)
    check_hot(c, got.run, r"(Baseline|DFG|FTL):hotLoop#\w+")
    check_whole(c, got.run)
    found = kinds(got.run)
    c.equal("JS workers", found.get("JS worker"), 2)
    c.at_least("JIT workers", found.get("JIT worker", 0), 1)


@test
@timed
def test_runtimes_python_gil(c):
    """Two threads that only compute: nearly all they wait for by futex is the GIL. The main thread
    waits for it now and then, and for their end."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise Skip("this Python has no GIL")
    got, _ = record_script([sys.executable], GIL, ".py")
    waited = waits(got.run, "futex")
    gil = [s for s in waited if s["lock_type"] == "GIL"]
    c.equal("classes of waits for the GIL", {s["class"] for s in gil}, {"contention"})
    busy = [t["buckets"]["futex"] for t in got.run["threads"]
            if t["tid"] != t["tgid"] and t["buckets"]["cpu_user"] > 50 * MS]
    c.equal("threads that spin", len(busy), 2)
    c.at_least("share of the GIL in the spinning threads' futex waits",
               total(gil, "total_ns") / max(sum(busy), 1), 0.9)
    named = [s for s in waited if s["class"] == "contention"]
    c.at_least("share of the GIL in contention",
               total(gil, "total_ns") / max(total(named, "total_ns"), 1), 0.95)
