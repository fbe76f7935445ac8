"""What a study answers: the front, the undecided, the dropped, and the work it took."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1


@dataclass(frozen=True)
class Standing:
    """One point's standing.

    Attributes:
        point: its name.
        values: what is believed of its metrics, by name with unit.
        accuracy_source: where the accuracy comes from.
        against: for an undecided point those it is undecided with; for a dropped one the one that dominates it.
        official: what its official run measured, empty without one.
        likely: whether no other point dominates it by the values as they are; always so of the front.
        model: what decides its accuracy; points with the same model are equally accurate.
        intervals: (low, high) of each metric of which an interval is known, at the answer's confidence.
        failed: why it could not be measured; such a point is among the dropped, against nothing. Empty otherwise.
    """

    point: str
    values: Mapping[str, float]
    accuracy_source: str
    against: tuple[str, ...]
    official: Mapping[str, float]
    likely: bool
    model: str
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class Work:
    """Seconds spent by kind ("probe", "check", "official"), and what the exhaustive sweep would have taken.

    Attributes:
        spent_s: by kind.
        exhaustive_s: estimated from the probes.
        left_s: the most that the study would still take at this moment; 0 when it has ended.
    """

    spent_s: Mapping[str, float]
    exhaustive_s: float
    left_s: float

    @property
    def share(self) -> float:
        """Spent of what the exhaustive sweep takes."""
        return sum(self.spent_s.values()) / self.exhaustive_s if self.exhaustive_s else 0.0

    @property
    def share_without_official(self) -> float:
        """Spent without our official runs, of what the exhaustive sweep takes with its own."""
        own = sum(self.spent_s.values()) - self.spent_s.get("official", 0.0)
        return own / self.exhaustive_s if self.exhaustive_s else 0.0


@dataclass(frozen=True)
class Answer:
    """The three parts, with the work and sentences that belong beside them."""

    front: tuple[Standing, ...]
    undecided: tuple[Standing, ...]
    dropped: tuple[Standing, ...]
    work: Work
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class About:
    """What an answer is the answer to.

    Attributes:
        name: the space's.
        sample: whether it was made with sample data: no MLPerf results.
        system: the machine's name, as its results have it.
        metrics: each metric with its direction, "min" or "max", in the order in which a table shows them.
        confidence: of each interval alone; what drops a point is a difference, at the whole study's risk.
    """

    name: str
    sample: bool
    system: str
    metrics: Mapping[str, str]
    confidence: float


def to_json(answer: Answer, about: About) -> str:
    """Write an answer as JSON text, as answer.schema.json says; the same for the same answer."""
    metrics = [{"name": name, "direction": direction} for name, direction in about.metrics.items()]
    document = {"schema": SCHEMA, **asdict(about), "metrics": metrics, **asdict(answer)}
    document["work"] |= {"share": answer.work.share, "share_without_official": answer.work.share_without_official}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
