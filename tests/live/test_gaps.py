# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Explanations of gaps, judged: `compare` runs planted pairs of commands, b slower than a for one
known reason (workloads/planted/gaps). It must say so, name the reason and its place first, and give
it as much of the gap as the programs measured themselves. The same command against itself must
show no difference."""

import json
import os
import re
import shlex
import statistics
import tempfile

from live import PLANTED, CannotRun, Check, Failure, MS, Skip, WALLGAP, for_each, ms, run, scratch, test, timed

GAPS = os.path.join(PLANTED, "gaps")
TRUTHS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../workloads/planted/gaps/truths.json")
REPEATS = 5
TRIES = 3   # a busy machine, or one whose CPUs share a core now and do not then, is another reason
POINTS = 10  # of the gap: what the share of a cause may be off
WALL_SHARE, WALL_NS = 0.1, 10 * MS  # the gap against the programs' own clocks, without exec and exit
CAUSES = {"lock wait", "lock traffic", "mmap_lock", "kernel lock", "page faults", "page tables", "tlb",
          "run queue", "cpu quota", "cpu function", "disk", "ipc", "sleep", "child", "idle", "other"}

# Same against same: each with other work, (name, side). Halved, so that ten take no minute.
SAME = (("mutex-convoy", "b"), ("rwlock", "a"), ("reader-lock", "b"), ("spinlock", "b"),
        ("slow-function", "a"), ("first-touch", "b"), ("oversubscribed", "b"), ("pipe-peer", "b"),
        ("child", "a"), ("nanosleep", "b"))
SAME_SCALE = 0.5
SAME_LEAST = 9  # of the ten: by chance one interval of 95% in twenty leaves zero out


def load_truths():
    with open(TRUTHS) as f:
        return {t["name"]: t for t in json.load(f)}


def favour():
    """Let what is compared go before all else on the machine: no other program is part of its gap."""
    try:
        os.nice(-19)
        with open("/proc/self/autogroup", "w") as f:
            f.write("-19")
    except OSError:
        pass  # worth a try, no more


def command(name, side, *more):
    return shlex.join([GAPS, name, side, *map(str, more)])


def compare(a, b, repeats=REPEATS, **env):
    """The one gap between two commands."""
    with scratch() as tmp:
        done = run([WALLGAP, "compare", "--repeats", str(repeats), "--a", a, "--b", b, "--format", "json",
                    "-o", os.path.join(tmp, "gap.wg")], preexec=favour, **env)
    if done.status == 77:
        raise CannotRun(done.tail())
    if done.status:
        raise Failure(f"compare: status {done.status}: {done.tail()}")
    try:
        gaps = json.loads(done.out)["gaps"]
    except (ValueError, KeyError) as e:
        raise Failure(f"compare --format json: {e!r}") from None
    if len(gaps) != 1:
        raise Failure(f"{len(gaps)} gaps between two commands")
    return gaps[0]


class Truth:
    """What the programs wrote of themselves, medians by side."""

    def __init__(self, path):
        with open(path) as f:
            self.lines = [json.loads(line) for line in f]

    def median(self, side, key):
        got = [line[key] for line in self.lines if line["side"] == side]
        if len(got) < REPEATS:
            raise Failure(f"{len(got)} runs of side {side}")
        return statistics.median(got)

    def differs(self, key):
        return self.median("b", key) - self.median("a", key)


def told(part):
    return f"{part['delta_ns'] / MS:+.1f} ms {part['cause']} ({part['site']})"


def check_sum(c, gap):
    """Parts and what is unexplained sum to the gap; each part is rounded by itself."""
    parts = gap["parts"]
    got = sum(p["delta_ns"] for p in parts) + gap["unexplained_ns"]
    c.near("sum of the parts", got, gap["gap_ns"], 0, len(parts) + 1)
    c.equal("unknown causes", {p["cause"] for p in parts} - CAUSES, set())
    c.near("gap", gap["gap_ns"], gap["b_wall_ns"] - gap["a_wall_ns"], 0, 1)


def check_explained(c, gap, want, share):
    """The first part, and the share that its cause has of the gap."""
    parts = sorted(gap["parts"], key=lambda p: -p["delta_ns"])
    if not c.that(parts, "a gap without parts"):
        return
    seen = "; ".join(told(p) for p in parts[:4])
    c.that(parts[0]["cause"] == want["cause"], f"first is {seen}; want {want['cause']}")
    where = parts[0]["site"] + " " + parts[0]["text"]
    c.that(re.search(want["site"], where), f"first is {seen}; want it at {want['site']}")
    ours = sum(p["delta_ns"] for p in parts if p["bucket"] == "probe")  # what looking at it took
    got = sum(p["delta_ns"] for p in parts if p["cause"] == want["cause"]) / (gap["gap_ns"] - ours)
    c.near(f"share of {want['cause']}", got, share, 0, want.get("points", POINTS) / 100)
    c.note(f"{ms(gap['gap_ns'])}, {want['cause']} {got:.0%} of it, by the programs {share:.0%}")


def judge(c, want):
    """One comparison of the pair, checked."""
    name = want["name"]
    with tempfile.TemporaryDirectory(prefix="planted-gaps-", dir="/var/tmp") as disk:
        can = run([GAPS, name, "can"], PLANTED_DISK=disk)
        if can.status == 77:
            raise Skip(can.tail())
        path = os.path.join(disk, "truth")
        gap = compare(command(name, "a"), command(name, "b"), want.get("repeats", REPEATS), PLANTED_DISK=disk,
                      PLANTED_TRUTH=path)
        truth = Truth(path)
    c.equal("verdict", gap["verdict"], "slower")
    check_sum(c, gap)
    wall = truth.differs("wall_ns")
    c.near("gap against the programs' own clocks", gap["gap_ns"], wall, WALL_SHARE, WALL_NS)
    share = truth.differs("cause_ns") / wall if want["share"] == "program" else want["share"]
    check_explained(c, gap, want, share)


@for_each(**{name.replace("-", "_"): truth for name, truth in load_truths().items()})
@timed
def test_gaps(c, want):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU")
    for left in reversed(range(TRIES)):
        once = Check()
        judge(once, want)
        if not once.wrong or not left:
            break
        c.note(f"again, since {once.wrong[0][:160]}")
    for wrong in once.wrong:
        c.that(False, wrong)
    c.note("; ".join(once.figures))


@test
@timed
def test_gaps_same(c):
    """No reason where there is none."""
    apart = []
    for name, side in SAME:
        gap = compare(command(name, side, SAME_SCALE), command(name, side, SAME_SCALE))
        check_sum(c, gap)
        if gap["verdict"] != "no difference":
            apart.append(f"{name} {side}: {gap['verdict']} by {ms(gap['gap_ns'])} of {ms(gap['a_wall_ns'])}")
    same = len(SAME) - len(apart)
    c.that(same >= SAME_LEAST, f"{same} of {len(SAME)} are the same as themselves: {'; '.join(apart)}")
    c.note(f"{same} of {len(SAME)} without difference" + "".join(f"; {a}" for a in apart))


@test
def test_gaps_table(c):
    """Every pair of the program has its truth, and every truth its pair."""
    names = run([GAPS, "list"]).out.split()
    c.equal("pairs without a truth", set(names) - set(load_truths()), set())
    c.equal("truths without a pair", set(load_truths()) - set(names), set())
    c.equal("pairs with one name", len(names) - len(set(names)), 0)
    c.note(f"{len(names)} pairs")
