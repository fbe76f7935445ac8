"""Replication: whether two machines of one class, of two contributors, have the same speeds, by replay's own rule."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.leaderboard.judge.machines import subject_of
from mlperf_home.measurements.equivalence import MARGIN, KnownNoise, RepeatedValue, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.judge.machines import BoardMachine, Subject
    from mlperf_home.measurements.equivalence import ComparedRuns

_FEWEST_COMMON = 4
# The standard deviation of normal values is this many times their median distance from the median.
_OF_MEDIAN_DISTANCE = 1.4826


class Comparison(NamedTuple):
    """A subject on two machines of two owners; the ratio is the second's time to the first's."""

    subject: Subject
    first: BoardMachine
    second: BoardMachine
    found: ComparedRuns


def comparisons(machines: Sequence[BoardMachine], margin: float = MARGIN) -> Iterator[Comparison]:
    """Compare all pairs of signed machines of one class with different owners, and replays with what they repeat."""
    by_class: dict[object, list[BoardMachine]] = defaultdict(list)
    for machine in machines:
        if machine.signed and not machine.id.published:
            by_class[machine.id.of, machine.id.sample].append(machine)
    for group in by_class.values():
        for number, first in enumerate(group):
            for second in group[number + 1 :]:
                if first.owner != second.owner:
                    yield from _compare(first, second, margin)
    yield from _replays(machines, margin)


def _replays(machines: Sequence[BoardMachine], margin: float) -> Iterator[Comparison]:
    """Compare replays on another class of the same CPU and runtime, such as with another governor."""
    by_bundle = {each.bundle: machine for machine in machines for each in machine.results if each.bundle}
    done = set()
    for second in machines:
        for digest in {each.repeats for each in second.results if each.repeats}:
            first = by_bundle.get(digest)
            if first is None or first.owner == second.owner or not (first.signed and second.signed):
                continue
            alike = (first.id.of.cpu, first.id.of.runtime) == (second.id.of.cpu, second.id.of.runtime)
            if alike and first.id.of != second.id.of and (first.id, second.id) not in done:
                done.add((first.id, second.id))
                yield from _compare(first, second, margin)


def _compare(first: BoardMachine, second: BoardMachine, margin: float) -> Iterator[Comparison]:
    mine, theirs = first.times(), second.times()
    common = [subject for subject in mine if subject in theirs]
    values = [RepeatedValue(mine[subject], theirs[subject]) for subject in common]
    found = compare(values, margin, _noise_between(values))
    for subject, each in zip(common, found, strict=True):
        yield Comparison(subject, first, second, each)


def _noise_between(values: Sequence[RepeatedValue]) -> KnownNoise | None:
    """Return the noise of single runs, from how much the ratios of many subjects differ; None with few subjects.

    A difference of the machines that all subjects share is no noise.
    """
    if len(values) < _FEWEST_COMMON:
        return None
    ratios = [_log_mean(each.now) - _log_mean(each.then) for each in values]
    middle = statistics.median(ratios)
    spread = _OF_MEDIAN_DISTANCE * statistics.median(abs(each - middle) for each in ratios)
    # The ratio of two runs has twice the variance of one.
    degrees = len(values) - 1
    return KnownNoise(squares=degrees * spread**2 / 2, degrees=degrees)


def _log_mean(values: Sequence[float]) -> float:
    return statistics.fmean(math.log(each) for each in values)


class Replications:
    """Which other results agree with a result, or contradict it."""

    def __init__(self, found: Sequence[Comparison]) -> None:
        self._found: dict[tuple[object, Subject], list[tuple[BoardMachine, ComparedRuns]]] = defaultdict(list)
        for subject, first, second, each in found:
            self._found[first.id, subject].append((second, each))
            self._found[second.id, subject].append((first, each))

    def of(self, machine: BoardMachine, result: BoardResult) -> dict[str, list[BoardMachine]]:
        """Return the other machines by verdict: reproduced, not reproduced, inconclusive."""
        verdicts: dict[str, list[BoardMachine]] = defaultdict(list)
        for other, each in self._found.get((machine.id, subject_of(result)), ()):
            verdicts[each.verdict].append(other)
        return verdicts

    def runs_wanted(self, machine: BoardMachine, result: BoardResult) -> int | None:
        """Return the fewest runs that would settle an inconclusive comparison; None if none would."""
        found = self._found.get((machine.id, subject_of(result)), ())
        return min((each.runs for _, each in found if each.runs is not None), default=None)
