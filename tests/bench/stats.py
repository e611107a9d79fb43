# SPDX-License-Identifier: Apache-2.0
"""Numbers of a run: medians, ratios, and whether a target is met. Pure."""
import dataclasses
import statistics


@dataclasses.dataclass
class Summary:
    """The samples of one tool in one row."""
    median: float
    least: float
    most: float
    count: int


def summary(samples):
    """None without samples."""
    if not samples:
        return None
    return Summary(statistics.median(samples), min(samples), max(samples), len(samples))


def show(value, unit):
    """A value with three digits that matter: '1.23 s', '4.56 ms', '38.1 MiB'."""
    if unit == "s":
        return f"{three(value)} s" if value >= 1 else f"{three(value * 1000)} ms"
    if value >= 1 << 30:
        return f"{value / (1 << 30):.3f} GiB"
    return f"{three(value / (1 << 20))} MiB"


def three(value):
    """Three significant digits, without an exponent."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"


@dataclasses.dataclass
class Target:
    """One promise about a row.

    kind 'slower': tool's value is at least limit times the subject's.
    kind 'within': the subject's value is at most limit times tool's.
    kind 'below':  the subject's value is at most limit."""
    kind: str
    limit: float
    tool: str = ""
    subject: str = "imgc"
    worst: bool = False  # judge the largest sample, not the median


@dataclasses.dataclass
class Verdict:
    """What came of a target: met is None where a sample is missing."""
    measured: float | None
    met: bool | None


def judge(target, samples):
    """samples: tool -> list of numbers, with subject among the tools."""
    ours = summary(samples.get(target.subject))
    theirs = summary(samples.get(target.tool)) if target.tool else None
    if ours is None or (target.tool and theirs is None):
        return Verdict(None, None)
    value = ours.most if target.worst else ours.median
    if target.kind == "below":
        return Verdict(value, value <= target.limit)
    if target.kind == "slower":
        ratio = theirs.median / value
        return Verdict(ratio, ratio >= target.limit)
    if target.kind == "within":
        ratio = value / theirs.median
        return Verdict(ratio, ratio <= target.limit)
    raise ValueError(f"no such kind of target: {target.kind}")
