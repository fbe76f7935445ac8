"""The judge's request and answer: all results of a board, and the state of each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.leaderboard.results import BoardResult
from scriptgraph.files.json_reader import Limits

JUDGING_LIMITS = Limits(size=1 << 30, depth=8, values=40_000_000)
"""A thousand bundles of 81 results have some 4,000,000 values."""

ANSWER_FILE = "answer.json"
"""The name of the judge's answer, beside its request."""

State = Literal["verified", "plausible", "consistent", "replicated", "disputed", "withdrawn", "published"]
"""What may be believed of a result; docs/trust.md explains each."""

STATES: tuple[State, ...] = (
    *("replicated", "consistent", "plausible", "verified"),
    *("disputed", "withdrawn", "published"),
)
"""The states, the most trusted first; the last three stand beside this order."""


class Judgement(Document):
    """The judgement of a result.

    Attributes:
        result: the result's id.
        reasons: why it has this state, and what would change it.
        others: results that agree with it, or contradict it.
        wanted: whether a second measurement would settle something.
        credited: whether it counts for the contributor's credit.
    """

    result: str
    state: State
    reasons: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    wanted: bool = False
    credited: bool = False


class KeyRecord(Document):
    """The record of a key.

    Attributes:
        in_a_row: consistent or replicated results since the last dispute.
        trusted: whether single results of it suffice.
        doubts: what is odd about its results as a whole.
    """

    key: str
    in_a_row: int
    trusted: bool
    doubts: tuple[str, ...] = ()


class JudgeRequest(Document):
    """All that the judge knows.

    Attributes:
        results: the results, in the order of their receipts.
        withdrawn: the withdrawn bundles, with the day.
        successors: later keys of a contributor by earlier ones, which the earlier one signed.
        revoked: keys whose later results count for nothing, with the day.
        vouched: keys that the organiser knows.
        crowd: the published results to learn from: "images", or "sample".
    """

    results: tuple[BoardResult, ...]
    withdrawn: Mapping[str, str] = {}
    successors: Mapping[str, str] = {}
    revoked: Mapping[str, str] = {}
    vouched: tuple[str, ...] = ()
    crowd: str = "images"


class PredictedLatency(Document, kw_only=False):
    """The latency of a model that a machine has not measured, in milliseconds; 90 % lie between `low` and `high`."""

    model: str
    latency_ms: float
    low_ms: float
    high_ms: float


class MachinePredictions(Document):
    """What the crowd predicts of a machine.

    Attributes:
        machine: the id of one of the machine's results.
    """

    machine: str
    latencies: tuple[PredictedLatency, ...]


class JudgeAnswer(Document):
    """The judgements, in the order of the results, the record of each key, and predictions."""

    judgements: tuple[Judgement, ...]
    keys: tuple[KeyRecord, ...] = ()
    predictions: tuple[MachinePredictions, ...] = ()
