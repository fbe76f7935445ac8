"""What measures a point: a live harness or a replayed table; the search cannot tell them apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.exploration.definition.journal import Journal
    from mlperf_home.exploration.definition.space import Point


class PointFailedError(LocatedError):
    """A point cannot be measured; the others can."""


class AbsentPointError(PointFailedError):
    """A point cannot be measured now, for want of something that may be there the next time."""


@dataclass(frozen=True)
class Observation:
    """What one run of a point said.

    Attributes:
        values: the metrics by name with unit ("latency_ms"), positive numbers.
        query_count: queries that were answered.
        cost_s: the time that the run took, with starting and ending.
    """

    values: Mapping[str, float]
    query_count: int
    cost_s: float


@dataclass(frozen=True)
class AccuracyCount:
    """How many of `count` samples a model got right (of answers: the sum of their F1), and what it took."""

    correct: float
    count: int
    cost_s: float


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
        return Observation(**self._kept(point, key, lambda: self._meter.probe(point, seconds, number)))

    def official(self, point: Point) -> Observation:
        """See `Meter.official`."""
        return Observation(**self._kept(point, f"official/{point.name}", lambda: self._meter.official(point)))

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """See `Meter.check`."""
        key = f"check/{first}-{last}/{point.name}"
        return AccuracyCount(**self._kept(point, key, lambda: self._meter.check(point, first, last)))

    def _kept(self, point: Point, key: str, measure: Callable[[], Observation | AccuracyCount]) -> dict[str, Any]:
        found = self._journal.find(key)
        if found is None:
            failure = f"failed/{point.name}"
            if failed := self._journal.find(failure):
                raise PointFailedError(point.name, failed["problem"], failed["advice"])
            try:
                found = asdict(measure())
            except AbsentPointError:
                raise
            except PointFailedError as error:
                self._journal.add(failure, {"problem": error.problem, "advice": error.advice})
                raise
            self._journal.add(key, found)
        return found
