"""`reproducibility.json`: a bundle's results beside those of its replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document


class ComparedValue(Document):
    """One value, then and now; None where unknown. Intervals are (low, high)."""

    metric: str
    then: float | None
    now: float | None
    then_interval: tuple[float, float] | None
    now_interval: tuple[float, float] | None
    agree: bool
    rule: str


class ReplayedResult(Document):
    """One result, then and now.

    Attributes:
        validity: LoadGen's word then and now; None where there is none.
        there: whether the replay has it too; else nothing is compared.
        same_arithmetic: whether accuracies have to be equal.
        noisy: in which of the two runs something disturbed it: "then", "now".
    """

    workflow: str
    benchmark: str
    model: str
    scenario: str
    sample: bool
    validity: tuple[str | None, str | None]
    there: bool = False
    as_valid: bool = False
    same_arithmetic: bool = False
    values: tuple[ComparedValue, ...] = ()
    noisy: tuple[str, ...] = ()


class ReplayedFront(Document):
    """The points of an experiment's front then, now (None: it is missing), and in both."""

    experiment: str
    then: tuple[str, ...]
    now: tuple[str, ...] | None
    both: tuple[str, ...]


class ReplayFacts(Document):
    """What a replay tells besides results.

    Attributes:
        bundle: the SHA-256 of its manifest.
        failed: workflows that failed now, with the reason.
        newly_failed: those of them that had ended well.
    """

    sample: bool
    bundle: str
    made_utc: str
    replayed_utc: str
    signature: str
    failed: Mapping[str, str]
    newly_failed: tuple[str, ...]
    plan_differences: tuple[str, ...]
    machine_differences: tuple[str, ...]


class Reproduction(ReplayFacts):
    """What a replay came to: facts, results, and a verdict."""

    schema: Literal["mlperf-home/reproduction/1"] = "mlperf-home/reproduction/1"
    challenge: str
    verdict: str
    results: tuple[ReplayedResult, ...]
    explorations: tuple[ReplayedFront, ...]
    only_now: tuple[str, ...]
