"""The answer of a study: the front, the undecided, the dropped, and the work it took.

`schemas/answer.schema.json` is made from these types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, encode_finite, read_document
from scriptgraph.files.json_reader import Limits

# Of a study in its first rounds each point may name hundreds of others that it is undecided with.
_LIMITS = Limits(size=64 << 20, depth=8, values=2_000_000)

Numbers = Mapping[str, float]
Direction = Literal["min", "max"]


class AnswerMetric(Document):
    """A metric, and whether less ("min") or more ("max") of it is better."""

    name: Annotated[str, Meta(description="With its unit: latency_ms, top1_percent.")]
    direction: Annotated[Direction, Meta(description="Whether less or more of it is better.")]


class Standing(Document):
    """One point's standing."""

    point: Annotated[str, Meta(description="Its name, unique in the space; measurements are found by it.")]
    model: Annotated[str, Meta(description="What decides its accuracy; points with the same model share it.")]
    values: Annotated[Numbers, Meta(description="By metric; a metric of which nothing is known is absent.")]
    intervals: Annotated[
        Mapping[str, tuple[float, float]],
        Meta(description="By metric, [low, high]; absent where no interval is known."),
    ]
    accuracy_source: Annotated[str, Meta(description="Where the accuracy comes from, for people.")]
    against: Annotated[
        tuple[str, ...],
        Meta(
            description="Undecided: those it is undecided with. Dropped: the one that dominates it; none if it failed."
        ),
    ]
    official: Annotated[Numbers, Meta(description="What its official run measured; empty without one.")]
    likely: Annotated[bool, Meta(description="By the values as they are, nothing dominates it.")]
    failed: Annotated[str, Meta(description="Why it could not be measured; empty unless it failed.")]


class StudyWork(Document):
    """The seconds that a study took, and what the exhaustive sweep would have taken."""

    spent_s: Annotated[
        Mapping[str, Annotated[float, Meta(ge=0)]], Meta(description="Seconds by kind: probe, check, official.")
    ]
    exhaustive_s: Annotated[float, Meta(description="What measuring every point would have taken, estimated.")]
    left_s: Annotated[float, Meta(description="The most that the study would still take; 0 when it has ended.")]
    share: Annotated[float, Meta(description="Spent, of the exhaustive sweep.")]
    share_without_official: Annotated[float, Meta(description="The same without our official runs.")]


def study_work(spent_s: Mapping[str, float], exhaustive_s: float, left_s: float) -> StudyWork:
    """Return the work of a study, with its shares of the exhaustive sweep."""
    spent = sum(spent_s.values())
    own = spent - spent_s.get("official", 0.0)
    share, without = (each / exhaustive_s if exhaustive_s else 0.0 for each in (spent, own))
    return StudyWork(
        spent_s=dict(spent_s), exhaustive_s=exhaustive_s, left_s=left_s, share=share, share_without_official=without
    )


class Answer(Document):
    """The three parts, with the work and sentences that belong beside them."""

    front: Annotated[tuple[Standing, ...], Meta(description="With confidence, nothing dominates them.")]
    undecided: Annotated[tuple[Standing, ...], Meta(description="Not told apart from the points that they name.")]
    dropped: Annotated[tuple[Standing, ...], Meta(description="Dominated with confidence, or failed.")]
    work: StudyWork
    warnings: tuple[str, ...]


class AnswerDocument(Answer):
    """What an exploration answers: the front, what is undecided, what was dropped, and the work it took."""

    schema: Literal[1]
    name: Annotated[str, Meta(min_length=1, description="The space's name.")]
    sample: Annotated[bool, Meta(description="Made with sample data: no MLPerf results.")]
    system: Annotated[str, Meta(description="The machine's name, as its results have it.")]
    metrics: Annotated[
        tuple[AnswerMetric, ...],
        Meta(min_length=2, description="The metrics, in the order in which a table shows them."),
    ]
    confidence: Annotated[
        float,
        Meta(
            gt=0,
            lt=1,
            description="Of each interval alone, such as 0.95. What drops a point is a difference, at the whole study's"
            " risk.",
        ),
    ]


def read_answer(path: Path) -> AnswerDocument:
    """Read an answer; raise DocumentError if it cannot be read, or is none."""
    return read_document(path, AnswerDocument, _LIMITS)


def answer_text(answer: AnswerDocument) -> str:
    """Write an answer as JSON text, the same for the same answer."""
    return json.dumps(encode_finite(answer), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
