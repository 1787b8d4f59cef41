# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The runner of the live tests itself: what a failure becomes while the CPUs are taken away. With tests that
are made up, and with what the hypervisor took made up as well."""

import live
from live import test


class Fake:
    """A test that does this; how often it ran."""

    def __init__(self, body, timed=False):
        self.body, self.timed, self.ran = body, timed, 0

    def __call__(self, check):
        self.ran += 1
        self.body(check)


def stolen(body, share=0.5):
    """The same while so much of the CPUs was taken away."""
    def with_steal(check):
        check.stolen = share
        body(check)
    return with_steal


def late(check):
    check.near("a duration", 200, 100)


def exact(check):
    check.equal("a count", 7, 8)


def both(check):
    late(check)
    exact(check)


def marked(check):
    with check.of_time():
        late(check)


def fails(check):
    raise live.Failure("it hangs")



def verdict_of(fake, left=3):
    import run
    real, live.cpu_times = live.cpu_times, lambda: (0, 0)
    try:
        return run.judge(fake, left)[::2]
    finally:
        live.cpu_times = real


@test
def test_selftest_verdicts(c):
    """Nothing but checks that depend on time, and steal beside them, makes a skip of a failure."""
    cases = {
        "passes": (Fake(stolen(lambda check: None), True), ("ok", False), 1),
        "time, in a test of time": (Fake(stolen(late), True), ("skip", True), 3),
        "time, in a test of time, little steal": (Fake(stolen(late, 0.029), True), ("FAIL", False), 1),
        "time, in a test of time, no steal": (Fake(late, True), ("FAIL", False), 1),
        "time, in another test": (Fake(stolen(late)), ("FAIL", False), 1),
        "time, marked in another test": (Fake(stolen(marked)), ("skip", True), 3),
        "a count": (Fake(stolen(exact)), ("FAIL", False), 1),
        "a count, in a test of time": (Fake(stolen(exact), True), ("FAIL", False), 1),
        "a count beside time": (Fake(stolen(both), True), ("FAIL", False), 1),
        "a hang": (Fake(stolen(fails), True), ("FAIL", False), 1),
        "a hang after a duration": (Fake(stolen(lambda check: (late(check), fails(check))), True), ("FAIL", False), 1),
        "no place left": (Fake(stolen(late), True), ("FAIL", False), 3),
    }
    for what, (fake, want, times) in cases.items():
        c.equal(what, verdict_of(fake, 0 if what == "no place left" else 3), want)
        c.equal(f"times that '{what}' ran", fake.ran, times)


@test
def test_selftest_skips(c):
    """Three of a run are skipped so; each one more is a failure, and so is what is exact between them."""
    import run
    said, real = [], live.cpu_times
    live.cpu_times = lambda: (0, 0)
    tests = [(f"late_{i}", Fake(stolen(late), True)) for i in range(5)]
    tests.insert(2, ("exact", Fake(stolen(exact))))
    tests.insert(3, ("fine", Fake(stolen(lambda check: None))))
    try:
        verdicts = run.run_all(tests, say=lambda line, flush: said.append(line))
    finally:
        live.cpu_times = real
    c.equal("verdicts", verdicts, ["skip", "skip", "FAIL", "ok", "skip", "FAIL", "FAIL"])
    c.equal("lines", len(said), len(tests))
    c.that("hypervisor" in said[0] and "skipped so before" in said[-1], f"what is said: {said}")


@test
def test_selftest_marks(c):
    """Tests that are marked to depend on time are some, and none of the command line's is."""
    marks = {name: getattr(fn, "timed", False) for name, fn in live.TESTS}
    c.between("tests that depend on time", sum(marks.values()), 50, len(marks) // 2)
    c.equal("of the command line's", [n for n, t in marks.items() if t and n.startswith(("cli_", "selftest_"))], [])
