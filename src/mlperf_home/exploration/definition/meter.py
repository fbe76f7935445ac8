"""Meters: they measure points, by the live harness or from a table; a journal prevents measuring twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from mlperf_home.contracts.studies.journal import AccuracyCount, Observation, PointFailure
from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.exploration.definition.journal import Journal
    from mlperf_home.exploration.definition.space import Point

_T = TypeVar("_T")


class PointFailedError(LocatedError):
    """One point cannot be measured; others can."""


class AbsentPointError(PointFailedError):
    """A point cannot be measured now, because a file is absent that may exist next time."""


def failure_warning(point: str, error: PointFailedError) -> str:
    """Return the warning that a point is left out, with the advice of the error."""
    return f"{point} failed and is left out: {error.problem}; {error.advice}"


class Meter(Protocol):
    """A meter of the points of a space; each method may raise PointFailedError."""

    def begin_round(self, spacing_s: float) -> None:
        """Wait until `spacing_s` seconds after the begin of the previous round; start the engines' processes anew."""

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Run a point for a short time; `number` counts the point's probes from 0."""

    def official(self, point: Point) -> Observation:
        """Run a point by the round's rules."""

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Run the dataset's samples from `first` up to, not including, `last`: the same samples for every point."""


class JournaledMeter:
    """A meter that stores every observation and failure in a journal, and measures only what is not stored yet."""

    def __init__(self, meter: Meter, journal: Journal) -> None:
        """Put a journal in front of a meter."""
        self._meter, self._journal = meter, journal
        self._begin: Callable[[], None] = lambda: None

    def begin_round(self, spacing_s: float) -> None:
        """Begin a round at its first measurement that is not stored yet."""
        self._begin = lambda: self._meter.begin_round(spacing_s)

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Run `Meter.probe` once."""
        key = f"probe/{number}/{point.name}"
        return self._measure_once(point, key, Observation, lambda: self._meter.probe(point, seconds, number))

    def official(self, point: Point) -> Observation:
        """Run `Meter.official` once."""
        return self._measure_once(point, f"official/{point.name}", Observation, lambda: self._meter.official(point))

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Run `Meter.check` once."""
        key = f"check/{first}-{last}/{point.name}"
        return self._measure_once(point, key, AccuracyCount, lambda: self._meter.check(point, first, last))

    def _measure_once(self, point: Point, key: str, kind: type[_T], measure: Callable[[], _T]) -> _T:
        if (stored := self._journal.find(key, kind)) is not None:
            return stored
        failure_key = f"failed/{point.name}"
        if failure := self._journal.find(failure_key, PointFailure):
            raise PointFailedError(point.name, failure.problem, failure.advice)
        begin, self._begin = self._begin, lambda: None
        begin()
        try:
            observed = measure()
        except PointFailedError as error:
            if not isinstance(error, AbsentPointError):
                self._journal.add(failure_key, PointFailure(problem=error.problem, advice=error.advice))
            raise
        self._journal.add(key, observed)
        return observed
