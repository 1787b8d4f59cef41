# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""On-CPU samples: how many, where, and what they say of atomic instructions and of the kernel."""

import math

from live import check_report, for_each, on_cpu, record, test, timed
from sites import (check_complete, check_sampled, kernel_path, native, record_command,
                   sampling_hz, samples, tops, total, user_path)

@test
@timed
def test_hot(c):
    """Shares of three functions, within the error of sampling."""
    got = record(c, "hot", 2003)
    want = {"burn_half": "half_ns", "burn_third": "third_ns", "burn_fifth": "fifth_ns"}
    counts = {name: total(samples(got.run, name)) for name in want}
    n, all_ns = sum(counts.values()), sum(got.truth[k] for k in want.values())
    if not c.that(n, f"no sample in the three: {tops(samples(got.run))}"):
        return
    for name, key in want.items():
        share = got.truth[key] / all_ns
        error = math.sqrt(share * (1 - share) / n)
        c.near(f"share of {name}", counts[name] / n, share, 0, 4 * error)
    check_sampled(c, "of all three", [s for k in want for s in samples(got.run, k)], all_ns,
                  got.run)
    check_complete(c, "samples", samples(got.run))
    c.note(", ".join(f"{k} {v / n:.1%}" for k, v in counts.items()))


@for_each(default=997, slow=101, off=0)
@timed
def test_freq(c, hz):
    """As many samples a second of CPU as asked for; none when none are."""
    got = record(c, "hot", 1009, options=("--freq", hz))
    if not hz:
        c.equal("samples", total(samples(got.run)), 0)
        return
    c.near("sample_hz", sampling_hz(got.run), hz, 0.02)
    check_sampled(c, "of all", samples(got.run), sum(map(on_cpu, got.threads)), got.run)


@for_each(getppid=("getppid", "syscall"), read=("read", None))
@timed
def test_kernel_samples(c, how):
    """A loop of one system call: samples as the CPU is used, each kernel sample with the path of
    both sides."""
    call, kind = how
    got = record(c, "hot", 1009, call)
    mine = samples(got.run, "call_kernel")
    check_sampled(c, "in call_kernel", mine, got.truth["cpu_ns"], got.run)
    kernel = [s for s in mine if kernel_path(s)]
    if not c.that(kernel, f"no kernel sample: {tops(mine)}"):
        return
    if call == "read":
        c.at_least("kernel samples", total(kernel), 0.8 * total(mine))
        named = [s for s in kernel if any("zero" in f or "clear" in f or "read" in f
                                          for f in kernel_path(s))]
        c.at_least(f"of them in a read of /dev/zero (not: {tops(kernel)})", total(named),
                   0.9 * total(kernel))
    c.that(all(s["class"] for s in kernel), f"kernel samples without a class: {tops(kernel)}")
    if kind:
        classed = [s for s in kernel if kind in s["class"] or "entry" in s["class"]]
        c.at_least(f"of class {kind} or kernel entry: {sorted({s['class'] for s in kernel})}",
                   total(classed), 0.8 * total(kernel))
    check_complete(c, "samples", mine)
    split = sum(t["buckets"]["cpu_kernel"] for t in got.threads) / sum(map(on_cpu, got.threads))
    sampled = total([s for s in samples(got.run) if kernel_path(s)]) / total(samples(got.run))
    c.near("cpu_kernel by the report against its samples", split, sampled, 0, 0.05)


# traffic_hot has nothing but the atomic instruction and a loop around it: dec and jnz. A sample
# lies at what follows the atomic, which takes all the time.
@for_each(xadd="xadd", cmpxchg="cmpxchg", xchg="xchg", inc="inc")
@timed
def test_rmwloop(c, form):
    got = record(c, "rmwloop", form, 701)
    hot = user_samples(got.run, f"traffic_hot_{form}")
    none = user_samples(got.run, "traffic_none")
    if not c.that(hot and none, f"no samples in the loops: {tops(samples(got.run))}"):
        return
    c.at_least("marked in traffic_hot", total(hot, "traffic_count") / total(hot), 0.9)
    c.equal("marked in traffic_none", total(none, "traffic_count"), 0)
    c.at_least("samples in traffic_none", total(none), 30)
    check_complete(c, "samples", hot + none)
    c.note(f"{total(hot, 'traffic_count')} of {total(hot)} marked in {form}")


@test
@timed
def test_rmwloop_mixed(c):
    """An atomic instruction among others: only it and its follower are marked."""
    got = record(c, "rmwloop", "or", 701)
    hot = user_samples(got.run, "traffic_hot_or")
    c.between("marked in traffic_hot_or", total(hot, "traffic_count") / max(1, total(hot)), 0.3, 1)
    none = user_samples(got.run, "traffic_none")
    c.equal("marked in traffic_none", total(none, "traffic_count"), 0)


def user_samples(run, leaf):
    return [s for s in samples(run, leaf) if not kernel_path(s) and user_path(s)[0] == leaf]


@test
@timed
def test_sample_coverage(c):
    """Samples of a pool at work agree with the CPU time of its threads, worker by worker."""
    got = record_command(native("math", "threads", n=20000003), truth=False)
    check_report(c, got.report)
    check_sampled(c, "of all", samples(got.run), sum(map(on_cpu, got.threads)), got.run)
    check_complete(c, "samples", samples(got.run))
