#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Live tests: wallgap on this kernel, against planted programs whose truth is known.

    tests/live/run.py [-l] [-v] [NAME...]      as root, from the root of the tree, after make

NAME is a test or the beginning of some: "futex" runs all that begin so. -l lists them. Prints one
line a test and, last, "SUITE live: N passed, N failed, N skipped" (or another name than live, from
SUITE of the environment); status 1 when any failed.
Without root or BTF all are skipped, which with WALLGAP_REQUIRE_LIVE=1 is a failure.

What a test checks either depends on time (live.timed, Check.of_time) or does not. What does not fails,
whatever else happens. A test of which only checks that depend on time failed, while a hypervisor took the
CPUs away, is run again, and skipped if that happens each time: nothing that it could tell of wallgap would be
certain. At most STEAL_SKIPS tests of a run are skipped so; one more is a failure."""

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import live  # noqa: E402
import test_runner  # noqa: E402,F401
import test_sched  # noqa: E402,F401
import test_quota  # noqa: E402,F401
import test_futex  # noqa: E402,F401
import test_fault  # noqa: E402,F401
import test_block  # noqa: E402,F401
import test_klock  # noqa: E402,F401
import test_task  # noqa: E402,F401
import test_storm  # noqa: E402,F401
import test_hardening  # noqa: E402,F401
import test_cli  # noqa: E402,F401
import test_bench  # noqa: E402,F401
import test_prove  # noqa: E402,F401
import test_guide  # noqa: E402,F401
import test_stacks  # noqa: E402,F401
import test_locks  # noqa: E402,F401
import test_symbols  # noqa: E402,F401
import test_samples  # noqa: E402,F401
import test_memory  # noqa: E402,F401
import test_path  # noqa: E402,F401
import test_gaps  # noqa: E402,F401
import test_runtimes  # noqa: E402,F401
import test_runtimes_names  # noqa: E402,F401

REQUIRED = os.environ.get("WALLGAP_REQUIRE_LIVE") == "1"
SUITE = os.environ.get("SUITE", "live")


def why_not():
    """Why nothing can run here; None when it can."""
    if os.geteuid():
        return "not root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "no BTF"
    if not os.access(live.WALLGAP, os.X_OK):
        raise SystemExit(f"{live.WALLGAP} is not there: make first")
    return None


STEAL_TRIES = 3  # of one test
STEAL_SKIPS = 3  # of a run


def try_one(fn):
    """The verdict, and the Check. What the hypervisor took goes into the Check as well."""
    check, (used, stolen) = live.Check(getattr(fn, "timed", False)), live.cpu_times()
    verdict = live.attempt(fn, check, REQUIRED)
    used, stolen = (now - then for now, then in zip(live.cpu_times(), (used, stolen)))
    check.stolen = max(check.stolen, stolen / max(1, used + stolen))
    return verdict, check


def says_nothing(verdict, check):
    """It failed in checks that depend on time alone, and the CPUs were taken away meanwhile."""
    return verdict == "FAIL" and check.late == len(check.wrong) and check.stolen >= live.STEAL_SHARE


def judge(fn, skips_left):
    """Verdict, what to say of it, and whether it was skipped for what the hypervisor took."""
    for _ in range(STEAL_TRIES):
        verdict, check = try_one(fn)
        if not says_nothing(verdict, check):
            wrong = check.wrong[:20] + ([f"and {len(check.wrong) - 20} more"] if len(check.wrong) > 20 else [])
            return verdict, "; ".join(wrong if verdict == "FAIL" else check.figures), False
    why = f"the hypervisor took {check.stolen:.0%} of the CPU time, {STEAL_TRIES} times: {check.wrong[0]}"
    if skips_left <= 0:
        return "FAIL", f"{STEAL_SKIPS} were skipped so before; {why}", False
    return "skip", why, True


def run_all(tests, verbose=False, say=print):
    """The verdicts."""
    verdicts, skipped = [], 0
    for name, fn in tests:
        begin = time.monotonic()
        verdict, text, for_steal = judge(fn, STEAL_SKIPS - skipped)
        skipped += for_steal
        took = f" ({time.monotonic() - begin:.1f} s)" if verbose else ""
        say(f"{verdict} {name}{took}" + (f": {text}" if text else ""), flush=True)
        verdicts.append(verdict)
    return verdicts


def main(args):
    if live.asks_help(__doc__, args, "-l", "-v"):
        return 0
    verbose = "-v" in args
    wanted = [a for a in args if not a.startswith("-")]
    tests = [(n, f) for n, f in live.TESTS if not wanted or any(n.startswith(w) for w in wanted)]
    if "-l" in args:
        print("\n".join(n for n, _ in tests))
        return 0
    if not tests:
        raise SystemExit(f"no such test: {' '.join(wanted)}")
    reason = why_not()
    if reason:
        print(f"skip all: {reason}")
        failed, skipped = (len(tests), 0) if REQUIRED else (0, len(tests))
        print(f"SUITE {SUITE}: 0 passed, {failed} failed, {skipped} skipped")
        return 1 if REQUIRED else 0
    verdicts = run_all(tests, verbose)
    failed = verdicts.count("FAIL")
    print(f"SUITE {SUITE}: {verdicts.count('ok')} passed, {failed} failed, "
          f"{verdicts.count('skip')} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
