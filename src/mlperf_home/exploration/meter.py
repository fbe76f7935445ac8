"""What measures a point: a live harness or a replayed table; the search cannot tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.exploration.space import Point


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
    """How many of the first `count` images a model classified right, and what it took."""

    correct: int
    count: int
    cost_s: float


class Meter(Protocol):
    """Measures points of a space."""

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Run a point for a short time; `number` counts its probes from 0."""

    def official(self, point: Point) -> Observation:
        """Run a point by the round's rules."""

    def check(self, point: Point, images: int) -> AccuracyCount:
        """Classify the first `images` images of the dataset, the same for every point."""
