# SPDX-License-Identifier: MIT
"""What is compared with what, and how it is written."""
import os
import statistics
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = [sys.executable, os.path.join(HERE, "python_peer.py")]
PERL = ["perl", os.path.join(HERE, "mce_peer.pl")]
# In an argument: where the programs are, which is known only when the sample is taken.
BUILD = "@BUILD@"


def program(name, *arguments):
    return [f"bench-{name}", *map(str, arguments)]


def python(*arguments):
    return PYTHON + [str(argument) for argument in arguments]


def perl(*arguments):
    return PERL + [str(argument) for argument in arguments]


def time(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}" if nanoseconds < 999.5 * size else f"{nanoseconds / size:.0f} {unit}"
    return f"{nanoseconds:.3g} ns" if nanoseconds < 99.5 else f"{nanoseconds:.0f} ns"


def rate(nanoseconds):
    return f"{1e9 / nanoseconds:,.0f}/s"


def kibibytes(size):
    return f"{size / 1024:.1f} KiB"


def number(ratio):
    return f"{ratio:.3g}" if ratio < 100 else f"{ratio:,.0f}"


class Measure:
    """What of a sample is compared, and on which side of the target it has to be: at least it, or at most.

    An absolute target is not one for the ratio but for brood's own figure.
    """

    def __init__(self, key, write, *, inverse=False, at_least=False, absolute=False):
        self.key, self.write = key, write
        self.inverse, self.at_least, self.absolute = inverse, at_least, absolute

    def figure(self, samples):
        values = [taken[self.key] for taken in samples if taken]
        return self.write(statistics.median(values)) if values else "–"

    def ratios(self, own, peer):
        ratios = [a[self.key] / b[self.key] for a, b in zip(own, peer) if a and b]
        return [1 / ratio for ratio in ratios] if self.inverse else ratios

    def target(self, bound):
        if bound is None:
            return ""
        return ("≥ " if self.at_least else "≤ ") + (self.write(bound) if self.absolute else f"{bound:,}")

    def verdict(self, own, ratios, bound):
        if bound is None:
            return ""
        value = statistics.median(taken[self.key] for taken in own if taken) if self.absolute else statistics.median(ratios)
        return "met" if (value >= bound if self.at_least else value <= bound) else "MISSED"


TIME = Measure("ns", time)
FIRST = Measure("first_ns", time)
WITHIN = Measure("ns", time, absolute=True)
FIRST_WITHIN = Measure("first_ns", time, absolute=True)
RATE = Measure("ns", rate, inverse=True, at_least=True)
EFFICIENCY = Measure("efficiency", "{:.3f}".format, at_least=True)
MEMORY = Measure("bytes", kibibytes, absolute=True)
CPU = Measure("cpu_ns", lambda nanoseconds: f"{time(nanoseconds)} CPU")
PEAK = Measure("bytes", kibibytes)

Pair = namedtuple("Pair", "own peer target measure", defaults=(None, TIME))


class Case:
    """What is compared in one row of samples: brood's own ways first, then its peers. pairs says which ratios are printed."""

    def __init__(self, name, commands, pairs):
        self.name, self.commands, self.pairs = name, commands, [Pair(*pair) for pair in pairs]
        self.samples = {label: [] for label in commands}
        self.skipped = {}


class Group:
    """longer: how many times as long its samples are. works: its items are work, counted in turns that are calibrated."""

    def __init__(self, title, notes, cases, *, longer=1, works=False):
        self.title, self.notes, self.cases, self.longer, self.works = title, notes, cases, longer, works
