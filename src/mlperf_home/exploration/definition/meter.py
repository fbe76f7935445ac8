"""What measures a point, a live harness or a replayed table; with a journal, nothing is measured twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from mlperf_home.contracts.journal import AccuracyCount, Observation, PointFailure
from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.exploration.definition.journal import Journal
    from mlperf_home.exploration.definition.space import Point

_T = TypeVar("_T")


class PointFailedError(LocatedError):
    """A point cannot be measured; the others can."""


class AbsentPointError(PointFailedError):
    """A point cannot be measured now, for want of something that may be there the next time."""


def left_out(point: str, error: PointFailedError) -> str:
    """Return the warning that a point is left out, and what to do."""
    return f"{point} failed and is left out: {error.problem}; {error.advice}"


class Meter(Protocol):
    """Measures points of a space; each method may raise PointFailedError."""

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Run a point for a short time; `number` counts its probes from 0."""

    def official(self, point: Point) -> Observation:
        """Run a point by the round's rules."""

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Run the samples from `first` up to, not with, `last` of the dataset, the same for every point."""


class JournaledMeter:
    """A meter that keeps everything, failures too, in a journal, and measures only what is not there yet."""

    def __init__(self, meter: Meter, journal: Journal) -> None:
        """Put a journal before a meter."""
        self._meter, self._journal = meter, journal

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """See `Meter.probe`."""
        key = f"probe/{number}/{point.name}"
        return self._kept(point, key, Observation, lambda: self._meter.probe(point, seconds, number))

    def official(self, point: Point) -> Observation:
        """See `Meter.official`."""
        return self._kept(point, f"official/{point.name}", Observation, lambda: self._meter.official(point))

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """See `Meter.check`."""
        key = f"check/{first}-{last}/{point.name}"
        return self._kept(point, key, AccuracyCount, lambda: self._meter.check(point, first, last))

    def _kept(self, point: Point, key: str, kind: type[_T], measure: Callable[[], _T]) -> _T:
        if (found := self._journal.find(key, kind)) is not None:
            return found
        failure = f"failed/{point.name}"
        if failed := self._journal.find(failure, PointFailure):
            raise PointFailedError(point.name, failed.problem, failed.advice)
        try:
            measured = measure()
        except PointFailedError as error:
            if not isinstance(error, AbsentPointError):
                self._journal.add(failure, PointFailure(problem=error.problem, advice=error.advice))
            raise
        self._journal.add(key, measured)
        return measured
