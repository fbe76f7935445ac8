"""`reproducibility.json`: a bundle's results beside those of its replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.intervals import Interval

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


class ComparedValue(Document):
    """A value then, and in each repetition of the replay; then is None if it is unknown, now lacks unknown values.

    Attributes:
        ratio_interval: of a speed: the interval of the ratio now to then; None without repeated runs.
        runs: the repetitions that would decide, if the ratio stays as it is; None if none would, or it is decided.
        verdict: whether the values are the same.
        rule: the rule that decided, for people.
    """

    metric: str
    then: float | None
    now: tuple[float, ...]
    ratio_interval: Interval | None
    runs: int | None
    verdict: Verdict
    rule: str


class ReplayedResult(Document):
    """A result then and now.

    Attributes:
        validity: LoadGen's verdicts then, and in each repetition; None without a performance run.
        there: whether each repetition has the result too; otherwise nothing is compared.
        as_valid: whether validity and mode are the same in all.
        same_arithmetic: whether accuracies must be equal.
        noisy: the disturbed runs: "then", "now", or both.
    """

    workflow: str
    benchmark: str
    model: str
    scenario: str
    sample: bool
    validity: tuple[str | None, ...]
    there: bool = False
    as_valid: bool = False
    same_arithmetic: bool = False
    values: tuple[ComparedValue, ...] = ()
    noisy: tuple[str, ...] = ()


class ReplayedFront(Document):
    """The points of an experiment's front then, now (None: no front), and in both."""

    experiment: str
    then: tuple[str, ...]
    now: tuple[str, ...] | None
    both: tuple[str, ...]


class ReplayFacts(Document):
    """The facts of a replay besides its results.

    Attributes:
        bundle: SHA-256 of the bundle's manifest.
        failed: errors of the workflows that failed now, by name.
        newly_failed: failed workflows that were done in the bundle.
        repeats: the number of repetitions.
        margin: the greatest difference of a speed that counts as the same, as a share.
    """

    sample: bool
    bundle: str
    made_utc: str
    replayed_utc: str
    signature: str
    failed: Mapping[str, str]
    newly_failed: tuple[str, ...]
    repeats: int
    margin: float
    plan_differences: tuple[str, ...]
    machine_differences: tuple[str, ...]


class Reproduction(ReplayFacts):
    """The report of a replay: facts, results, and a verdict."""

    schema: Literal["mlperf-home/reproduction/2"] = "mlperf-home/reproduction/2"
    challenge: str
    verdict: Verdict
    results: tuple[ReplayedResult, ...]
    explorations: tuple[ReplayedFront, ...]
    only_now: tuple[str, ...]
