"""`report.json` of a challenge's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.challenges.contributor import Sender
from mlperf_home.contracts.challenges.machine import Machine
from mlperf_home.contracts.challenges.run import Estimate, Requirement
from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.intervals import Interval
from mlperf_home.contracts.runs.latencies import TimesOverTime
from scriptgraph.files.json_reader import Limits

REPORT_LIMITS = Limits(size=32 << 20, depth=7, values=2_000_000)
"""A result has some 500 values, most of them its picture over time; the front of an exploration's answer has fewer
values than the answer."""


class ReportedMetric(Document, omit_defaults=True):
    """A ranking value of a result, with its origin and, if known, its interval; `better` is "more" or "less"."""

    name: str
    better: str
    value: int | float | str | None
    origin: str
    interval: Interval | None = None


class ReportedResult(Document, omit_defaults=True):
    """A measurement in a report.

    Attributes:
        path: path of its measurement.json, within the run's folder.
        workflow: its workflow or experiment.
        validity: LoadGen's verdict, "VALID" or "INVALID"; None without a performance run.
        noisy: disturbances of the run.
        over_time: the timed section by parts; None if the run kept no times.
        latency_only: whether its accuracy is copied from others. Its images are then the sample's, its model is not.
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
    over_time: TimesOverTime | None = None
    latency_only: bool = False

    @property
    def made_up(self) -> bool:
        """Whether model and accuracy are a sample's: such a result stands beside no others."""
        return self.sample and not self.latency_only


class ReportedPoint(Document):
    """A point of a Pareto front, with its values by metric."""

    point: str
    values: Mapping[str, int | float]


class ReportedExploration(Document):
    """An exploration's answer in a report; `work_share` is its share of the exhaustive work."""

    path: str
    experiment: str
    sample: bool
    front: tuple[ReportedPoint, ...]
    undecided: int
    dropped: int
    work_share: float | None


class AnsweredWork(OpenDocument):
    """The work of an answer, as a share of the exhaustive work."""

    share: float | None = None


class AnsweredPoint(OpenDocument):
    """A point of an answer's Pareto front."""

    point: str
    values: Mapping[str, int | float]


class CountedPoint(OpenDocument):
    """A point of an answer; reports only count these."""


class AnswerOutline(OpenDocument):
    """The parts of an exploration's answer that a report shows."""

    sample: bool = False
    front: tuple[AnsweredPoint, ...]
    undecided: tuple[CountedPoint, ...]
    dropped: tuple[CountedPoint, ...]
    work: AnsweredWork


class ReportedWorkflow(Document):
    """A workflow: its command's tags, and its ending."""

    name: str
    title: str
    tags: str
    status: str
    error: str


class ChallengeTerms(Document):
    """The challenge of a report: its dates in ISO 8601, and the points for a bundle that counts."""

    name: str
    title: str
    opened: str
    closed: str
    points: int


class RunFacts(Document):
    """The facts of a run besides its results.

    Attributes:
        state: state of the challenge at `made_utc`: "open", "closed", or "not yet open".
        made_utc: end of the last workflow, ISO 8601.
        version: version of this product.
        extra_options: options that the user's environment added to every command.
        lock_differences: differences between the installed lock and the challenge's, one sentence each.
        sender: who sends the bundle; None in version 0.1.
        repeats: SHA-256 of the manifest of the bundle that this run replays; "" if it is no replay.
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
    sender: Sender | None = None
    repeats: str = ""


class ChallengeReport(RunFacts):
    """The report of a run: facts, results, and whether it counts for the challenge, with the reasons."""

    schema: Literal["mlperf-home/challenge-report/1"] = "mlperf-home/challenge-report/1"
    challenge: ChallengeTerms
    results: tuple[ReportedResult, ...]
    explorations: tuple[ReportedExploration, ...]
    counts: bool
    counts_not_because: tuple[str, ...]
