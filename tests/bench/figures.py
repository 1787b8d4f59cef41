# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Pairs, medians, ranges, and the table that shows them."""

import random
import statistics
import time

BOOTSTRAPS = 2000


def paired(cases, rounds, measure, budget_s=None):
    """Call measure(case) for each case, rounds times, in turned order every other round (A B B A).

    Returns {case: [value of round 0, ...]}: values of one round were taken side by side. With
    budget_s there are fewer rounds, down to two, if another as long as the longest would not fit.
    """
    values = {case: [] for case in cases}
    begin, longest = time.monotonic(), 0
    for i in range(rounds):
        round_begin = time.monotonic()
        if budget_s and i >= 2 and round_begin - begin + longest > budget_s:
            break
        for case in cases if i % 2 == 0 else list(reversed(cases)):
            values[case].append(measure(case))
        longest = max(longest, time.monotonic() - round_begin)
    return values


def differences(a, b):
    return [y - x for x, y in zip(a, b)]


def spread(values):
    """median [min..max] as a dict."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}


def ratio_of_medians(top, bottom):
    """Ratio of the medians of paired values, with a 95% interval by resampling rounds."""
    rng = random.Random(1)
    rounds = range(len(top))
    draws = []
    for _ in range(BOOTSTRAPS):
        picks = rng.choices(rounds, k=len(rounds))
        low = statistics.median(bottom[i] for i in picks)
        if low > 0:
            draws.append(statistics.median(top[i] for i in picks) / low)
    base = statistics.median(bottom)
    if base <= 0 or not draws:
        return None
    draws.sort()
    return {"ratio": statistics.median(top) / base, "lo": draws[int(len(draws) * 0.025)],
            "hi": draws[int(len(draws) * 0.975)]}


def median_interval(values):
    """95% interval of the median, by resampling."""
    rng = random.Random(1)
    draws = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(BOOTSTRAPS))
    return draws[int(BOOTSTRAPS * 0.025)], draws[int(BOOTSTRAPS * 0.975)]


def show_spread(s, scale=1, digits=0, unit=""):
    def number(x):
        return f"{x * scale:,.{digits}f}"

    return f"{number(s['median'])}{unit} [{number(s['min'])}..{number(s['max'])}]"


class Table:
    """Rows of cells under a title; the first column is text, the others lean right."""

    def __init__(self, title, head):
        self.title = title
        self.rows = [head]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def text(self):
        columns = len(self.rows[0])
        # A row that is short (n/a: reason) lets its last cell run over.
        full = [row for row in self.rows if len(row) == columns]
        width = [max(len(row[i]) for row in full) for i in range(columns)]
        width[0] = max(len(row[0]) for row in self.rows)
        lines = [self.title]
        for row in self.rows:
            cells = [row[0].ljust(width[0])]
            if len(row) < columns:
                cells += row[1:]
            else:
                cells += [cell.rjust(width[i]) for i, cell in enumerate(row) if i]
            lines.append("  " + "   ".join(cells).rstrip())
        return "\n".join(lines) + "\n"


def verdict(value, aim):
    """An aim is met when the value is at most that."""
    return "yes" if value <= aim else "NO"


def verdict_of_interval(lo, hi, aim):
    """The same for a figure known only to lie between lo and hi."""
    return "yes" if hi <= aim else "NO" if lo > aim else "unclear"
