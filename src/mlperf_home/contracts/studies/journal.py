"""The lines of a journal: its study and its observations, each with a checksum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlperf_home.contracts.codec import OpenDocument
from scriptgraph.files.json_reader import Limits

LINE_LIMITS = Limits(size=32 << 20, depth=32, values=1_000_000)
"""Limits for the first line, with up to 100,000 points and priors."""


class StudyEntry(OpenDocument):
    """The identity of the study, any JSON; only a study of the same identity resumes a journal."""

    schema: int
    study: Any


class ObservedEntry(OpenDocument):
    """An observation under a key: any JSON document, of a type that the key determines."""

    key: str
    observed: Any


@dataclass(frozen=True)
class Observation:
    """The result of one run of a point.

    Attributes:
        values: the metrics by name with unit ("latency_ms"), positive numbers.
        query_count: the number of answered queries.
        cost_s: the duration of the run with its start and end, in seconds.
    """

    values: Mapping[str, float]
    query_count: int
    cost_s: float


@dataclass(frozen=True)
class AccuracyCount:
    """The number of correct samples of `count` (for answers: the sum of their F1), and the duration of the run."""

    correct: float
    count: int
    cost_s: float


class PointFailure(OpenDocument):
    """The reason for which a point cannot be measured."""

    problem: str
    advice: str


class TrialEnd(OpenDocument):
    """The end of a trial: of the command with one combination of a grid's values.

    Attributes:
        ok: whether the exit status was 0.
        told: the result, for people.
        log: the file with the command's output.
        measurements: ids in the experiment's store.
        argv: the words of the command.
        seconds: the duration.
    """

    ok: bool
    told: str
    log: str
    measurements: tuple[str, ...]
    argv: tuple[str, ...] = ()
    seconds: float = 0.0
