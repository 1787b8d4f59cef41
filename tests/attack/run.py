#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Attacks: wallgap against those who want to harm it or whoever runs it.

    tests/attack/run.py [-l] [-v] [--all] [NAME...]      as root, from the root of the tree, after make

Without --all each attack runs in its short form, for CI; with it, at full length (make attack).
NAME is an attack or the beginning of some. -l lists them. Prints one line an attack and, last,
"SUITE attack: N passed, N failed, N skipped"; status 1 when any failed.

An attack is a function with @test in a file attack_*.py of this folder; it gets a Check, as the
live tests do, and asks attack.full() how long it may take. What is checked here is certain
whatever the hypervisor takes: no attack is run again, none is skipped for noise."""

import glob
import importlib
import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "live")]

import attack  # noqa: E402
import live  # noqa: E402

REQUIRED = os.environ.get("WALLGAP_REQUIRE_LIVE") == "1"


def run_one(name, fn, verbose):
    """One attack's verdict, printed."""
    check, begin = live.Check(), time.monotonic()
    verdict = live.attempt(fn, check, REQUIRED)
    text = "; ".join(check.wrong[:20] if verdict == "FAIL" else check.figures)
    took = f" ({time.monotonic() - begin:.1f} s)" if verbose else ""
    print(f"{verdict} {name}{took}" + (f": {text}" if text else ""), flush=True)
    return verdict


def main(args):
    if live.asks_help(__doc__, args, "-l", "-v", "--all"):
        return 0
    verbose = "-v" in args
    attack.set_full("--all" in args)
    for path in sorted(glob.glob(os.path.join(HERE, "attack_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    wanted = [a for a in args if not a.startswith("-")]
    tests = [(n, f) for n, f in live.TESTS if not wanted or any(n.startswith(w) for w in wanted)]
    if "-l" in args:
        print("\n".join(n for n, _ in tests))
        return 0
    if wanted and not tests:
        raise SystemExit(f"no such attack: {' '.join(wanted)}")
    if os.geteuid():
        print("skip all: not root")
        print(f"SUITE attack: 0 passed, 0 failed, {len(tests)} skipped")
        return 0
    verdicts = [run_one(name, fn, verbose) for name, fn in tests]
    failed = verdicts.count("FAIL")
    print(f"SUITE attack: {verdicts.count('ok')} passed, {failed} failed, "
          f"{verdicts.count('skip')} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
