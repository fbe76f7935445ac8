"""Lines of a journal: the study that it is of, and what was observed, each with a checksum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlperf_home.contracts.codec import Document, OpenDocument
from scriptgraph.files.json_reader import Limits

LINE_LIMITS = Limits(size=32 << 20, depth=32, values=1_000_000)
"""The first line names the space's points and their priors: a hundred thousand at most."""


class JournalLine(Document):
    """A line; `crc32` is that of the entry as JSON with sorted keys."""

    crc32: int
    entry: Mapping[str, Any]


class StudyEntry(OpenDocument):
    """What identifies the study: any JSON; only the same study resumes a journal."""

    schema: int
    study: Any


class ObservedEntry(OpenDocument):
    """What was observed under a key: any JSON document, of a type that the key tells."""

    key: str
    observed: Any


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


class PointFailure(OpenDocument):
    """Why a point cannot be measured."""

    problem: str
    advice: str


class TrialEnd(OpenDocument):
    """How one combination of a grid's values ended.

    Attributes:
        ok: whether it ended with 0.
        told: how it ended, for people.
        argv: the command's words.
        log: the file with all that it said.
        measurements: ids in the experiment's store.
        seconds: how long it took.
    """

    ok: bool
    told: str
    log: str
    measurements: tuple[str, ...]
    argv: tuple[str, ...] = ()
    seconds: float = 0.0
