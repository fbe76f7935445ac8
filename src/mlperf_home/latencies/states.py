"""States of the machine that a run's own latencies show, whatever steal and other programs are.

The run is divided into 16 to 128 parts of equal length. Their means, or rates, are ranked, so that outliers count no
more than their rank, and tested for stretches and for likeness of neighbours. Under noise that is independent from part
to part, every order of the ranks is equally likely, whatever the distribution: the thresholds are quantiles over all
orders, and false alarms are at most 1 % (benchmarks/run_states.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.latencies.series import LatencySeries

LEAST_CHANGE = 0.03
"""A smaller difference between fast and slow parts is not marked."""

# By number of parts: the greatest deviation of a stretch's sum, in standard deviations, that 99.6 % of all orders do
# not exceed, and the same for the correlation of neighbours.
THRESHOLDS = {16: (3.12, 0.52), 32: (3.7, 0.41), 64: (4.1, 0.315), 128: (4.34, 0.225)}
_SHORTEST_STRETCH = 2


@dataclass(frozen=True)
class RunStates:
    """The states of a run.

    Attributes:
        autocorrelation: the correlation of neighbouring parts; None if states cannot be told.
        changed: whether the machine changed state; None if the run is too short to tell, or its samples are sorted.
        slower_percent: how much slower the slow parts were; 0 without a change.
        slow_spans_s: beginning and end of each slow part.
    """

    autocorrelation: float | None
    changed: bool | None
    slower_percent: float = 0.0
    slow_spans_s: tuple[tuple[float, float], ...] = ()

    @property
    def slow_s(self) -> float:
        """How long the machine was slow."""
        return sum(end_s - begin_s for begin_s, end_s in self.slow_spans_s)

    @property
    def text(self) -> str:
        """The change in words."""
        slower = f"{self.slower_percent:.0f} % slower for {self.slow_s:.3g} s"
        return f"the machine changed state during this run: {slower}"


def states_of(series: LatencySeries) -> RunStates:
    """Return the states of a run."""
    durations, lengths_s = part_durations(series)
    if series.kind == "sorted completions" or len(durations) not in THRESHOLDS:
        return RunStates(None, None)
    scores = normal_scores(durations)
    correlation = neighbour_correlation(scores)
    slow = _slow(durations)
    if not any(slow):  # all values are equal
        return RunStates(correlation, changed=False)
    slow_mean, fast_mean = (
        fmean(each for each, is_slow in zip(durations, slow, strict=True) if is_slow is of) for of in (True, False)
    )
    change = slow_mean / fast_mean - 1
    stretch, alike = THRESHOLDS[len(durations)]
    if (greatest_stretch(scores) <= stretch and correlation <= alike) or change < LEAST_CHANGE:
        return RunStates(correlation, changed=False)
    ends_s = [0.0, *accumulate(lengths_s)]
    spans = tuple(span for span, is_slow in zip(pairwise(ends_s), slow, strict=True) if is_slow)
    return RunStates(correlation, changed=True, slower_percent=100 * change, slow_spans_s=spans)


def part_durations(series: LatencySeries) -> tuple[list[float], list[float]]:
    """Return the mean latency, or the time of a completion, in each part of a run, and the parts' lengths in s.

    The number of parts is the greatest in THRESHOLDS that the run has blocks for. Without any completion in a part, or
    with fewer blocks, there are none.
    """
    blocks, block_lengths_s = list(series.blocks), series.lengths_s()
    if block_lengths_s[-1] < series.block_s / 2:  # too short to be a part
        blocks, block_lengths_s = blocks[:-1], block_lengths_s[:-1]
    for number in sorted(THRESHOLDS, reverse=True):
        if len(blocks) < number:
            continue
        edges = [round(part * len(blocks) / number) for part in range(number + 1)]
        pairs = list(pairwise(edges))
        counts = [sum(block.count for block in blocks[start:end]) for start, end in pairs]
        if not all(counts):
            continue
        lengths_s = [sum(block_lengths_s[start:end]) for start, end in pairs]
        sums = [sum(block.sum_ns for block in blocks[start:end]) for start, end in pairs]
        totals = lengths_s if series.completions else [float(each) for each in sums]
        return [total / count for total, count in zip(totals, counts, strict=True)], lengths_s
    return [], []


def normal_scores(values: Sequence[float]) -> list[float]:
    """Return the normal score of each value's rank; equal values share the mean of their scores."""
    number, normal = len(values), NormalDist()
    by_rank = sorted(range(number), key=values.__getitem__)
    scores = [0.0] * number
    start = 0
    while start < number:
        end = start
        while end < number and values[by_rank[end]] == values[by_rank[start]]:
            end += 1
        score = fmean(normal.inv_cdf((rank + 0.5) / number) for rank in range(start, end))
        for rank in range(start, end):
            scores[by_rank[rank]] = score
        start = end
    return scores


def greatest_stretch(scores: Sequence[float]) -> float:
    """Return the greatest deviation of a stretch's sum from 0, in standard deviations over all orders."""
    number = len(scores)
    variance = sum(each**2 for each in scores) / (number - 1)
    if not variance:
        return 0.0
    sums = [0.0, *accumulate(scores)]
    greatest = 0.0
    for length in range(_SHORTEST_STRETCH, number - _SHORTEST_STRETCH + 1):
        deviation = max(abs(end - start) for start, end in zip(sums, sums[length:], strict=False))
        greatest = max(greatest, deviation / math.sqrt(variance * length * (number - length) / number))
    return greatest


def neighbour_correlation(scores: Sequence[float]) -> float:
    """Return the correlation of neighbouring scores, whose mean is 0."""
    squares = sum(each**2 for each in scores)
    return sum(a * b for a, b in pairwise(scores)) / squares if squares else 0.0


def _slow(values: Sequence[float]) -> list[bool]:
    """Return which values belong to the greater of two groups, chosen so that values within groups are most alike."""
    ordered = sorted(values)
    number, total = len(ordered), sum(ordered)
    best, limit, below = -1.0, ordered[0], 0.0
    for count, value in enumerate(ordered[:-1], 1):
        below += value
        between = count * (number - count) * (below / count - (total - below) / (number - count)) ** 2
        if between > best and value < ordered[count]:
            best, limit = between, value
    return [each > limit for each in values]
