"""`report.json` of a challenge's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.challenge_run import Estimate, Requirement
from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.machine import Machine
from scriptgraph.files.json_reader import Limits

REPORT_LIMITS = Limits(size=16 << 20, depth=7, values=200_000)
"""A result has some 20 values; 81 models in several explorations stay far below."""

ANSWER_LIMITS = Limits(size=16 << 20, depth=8, values=500_000)
"""An exploration of some thousand points; each has some 20 values."""


class ReportedMetric(Document):
    """A value that results are ranked by, with its origin; `better` is "more" or "less"."""

    name: str
    better: str
    value: int | float | str | None
    origin: str


class ReportedResult(Document):
    """A measurement, as a report tells of it.

    Attributes:
        path: of its measurement.json, within the run's folder.
        workflow: that left it, or the experiment.
        validity: LoadGen's word; None without a performance run.
        noisy: what disturbed it.
    """

    path: str
    workflow: str
    benchmark: str
    scenario: str
    model: int | float | str | None
    engine: str
    sample: bool
    validity: str | None
    unofficial_because: tuple[str, ...]
    noisy: tuple[str, ...]
    metrics: tuple[ReportedMetric, ...]


class ReportedPoint(Document):
    """A point of a Pareto front, with its values by metric."""

    point: str
    values: Mapping[str, int | float]


class ReportedExploration(Document):
    """An exploration's answer, as a report tells of it; `work_share` is of the exhaustive work."""

    path: str
    experiment: str
    sample: bool
    front: tuple[ReportedPoint, ...]
    undecided: int
    dropped: int
    work_share: float | None


class AnsweredWork(OpenDocument):
    """Of the work that an answer tells, its share of the exhaustive work."""

    share: float | None = None


class AnsweredPoint(OpenDocument):
    """A point of an answer's front."""

    point: str
    values: Mapping[str, int | float]


class CountedPoint(OpenDocument):
    """A point of an answer that a report only counts."""


class AnswerOutline(OpenDocument):
    """Of an exploration's answer, what a report tells."""

    sample: bool = False
    front: tuple[AnsweredPoint, ...]
    undecided: tuple[CountedPoint, ...]
    dropped: tuple[CountedPoint, ...]
    work: AnsweredWork


class ReportedWorkflow(Document):
    """A workflow, its command's tags, and how it ended."""

    name: str
    title: str
    tags: str
    status: str
    error: str


class ChallengeTerms(Document):
    """The challenge of a report: its days in ISO 8601, and what a bundle is worth that counts."""

    name: str
    title: str
    opened: str
    closed: str
    points: int


class RunFacts(Document):
    """What a run tells besides its results.

    Attributes:
        state: of the challenge when it was made: "open", "closed", "not yet open".
        made_utc: when the last workflow ended, ISO 8601.
        version: of this product.
        extra_options: what the user's environment added to every command.
        lock_differences: how what was installed differs from the lock, a sentence each.
    """

    sample: bool
    state: str
    made_utc: str
    version: str
    extra_options: str
    lock_differences: tuple[str, ...]
    workflows: tuple[ReportedWorkflow, ...]
    required: tuple[Requirement, ...]
    expected: tuple[Estimate, ...]
    machine: Machine


class ChallengeReport(RunFacts):
    """The report of a run: its facts, its results, and whether it counts for the challenge, or why not."""

    schema: Literal["mlperf-home/challenge-report/1"] = "mlperf-home/challenge-report/1"
    challenge: ChallengeTerms
    results: tuple[ReportedResult, ...]
    explorations: tuple[ReportedExploration, ...]
    counts: bool
    counts_not_because: tuple[str, ...]
