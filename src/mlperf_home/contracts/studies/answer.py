"""The answer of a study: the front, the undecided, the dropped, and the work it took.

`schemas/answer.schema.json` is generated from these types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, encode, read_document
from mlperf_home.contracts.intervals import Interval
from scriptgraph.files.json_reader import Limits

ANSWER_LIMITS = Limits(size=64 << 20, depth=8, values=2_000_000)
"""In the first rounds of a study, each point may name hundreds of others that it is undecided with."""

Numbers = Mapping[str, float]
Direction = Literal["min", "max"]


class AnswerMetric(Document):
    """A metric, and whether less ("min") or more ("max") of it is better."""

    name: Annotated[str, Meta(description="The name, with its unit: latency_ms, top1_percent.")]
    direction: Annotated[Direction, Meta(description="Whether less or more of it is better.")]


class Standing(Document):
    """One point's standing."""

    point: Annotated[str, Meta(description="The point's name, unique in the space; it identifies measurements.")]
    model: Annotated[str, Meta(description="The values that determine the accuracy; points of one model share it.")]
    values: Annotated[Numbers, Meta(description="By metric; unknown metrics are absent.")]
    intervals: Annotated[
        Mapping[str, Interval],
        Meta(description="By metric, [low, high], never negative; absent if unknown."),
    ]
    accuracy_source: Annotated[str, Meta(description="The origin of the accuracy, for people.")]
    against: Annotated[
        tuple[str, ...],
        Meta(
            description="For an undecided point: the points that it cannot be distinguished from. For a dropped one:"
            " the point that dominates it; none if it failed."
        ),
    ]
    changing: Annotated[
        tuple[str, ...],
        Meta(description="Of `against`: the points whose comparison with this one depends on the machine's state."),
    ] = ()
    official: Annotated[Numbers, Meta(description="The values of the official run; empty without one.")]
    likely: Annotated[bool, Meta(description="Whether no point dominates it by values without noise.")]
    failed: Annotated[str, Meta(description="The reason of a failure; empty if the point did not fail.")]
    left_out: Annotated[
        str, Meta(description="The prediction by which the point was not raced; empty for points of the race.")
    ] = ""


class StudyWork(Document):
    """The time of a study, and of the exhaustive sweep."""

    spent_s: Annotated[
        Mapping[str, Annotated[float, Meta(ge=0)]],
        Meta(description="Seconds by kind: prediction, probe, check, official."),
    ]
    exhaustive_s: Annotated[float, Meta(description="Estimated seconds for measuring every point.")]
    left_s: Annotated[float, Meta(description="The most seconds that the study still takes; 0 after its end.")]
    share: Annotated[float, Meta(description="The share of the exhaustive sweep's time that was spent.")]
    share_without_official: Annotated[float, Meta(description="The share without official runs.")]


def study_work(spent_s: Mapping[str, float], exhaustive_s: float, left_s: float) -> StudyWork:
    """Return the work of a study, with its shares of the exhaustive sweep."""
    spent = sum(spent_s.values())
    own = spent - spent_s.get("official", 0.0)
    share, without = (each / exhaustive_s if exhaustive_s else 0.0 for each in (spent, own))
    return StudyWork(
        spent_s=dict(spent_s), exhaustive_s=exhaustive_s, left_s=left_s, share=share, share_without_official=without
    )


class Answer(Document):
    """The three groups of points, with the work and the warnings."""

    front: Annotated[tuple[Standing, ...], Meta(description="Points that no other one dominates, with confidence.")]
    undecided: Annotated[tuple[Standing, ...], Meta(description="Points not distinguished from those they name.")]
    dropped: Annotated[tuple[Standing, ...], Meta(description="Points dominated with confidence, or failed.")]
    work: StudyWork
    warnings: tuple[str, ...]


class AnswerDocument(Answer):
    """The answer of a study: the points of the front, the undecided, the dropped, and the work."""

    schema: Literal[1]
    name: Annotated[str, Meta(min_length=1, description="The name of the space.")]
    sample: Annotated[bool, Meta(description="Whether sample data was used: no MLPerf results.")]
    system: Annotated[str, Meta(description="The system's name in results.")]
    metrics: Annotated[
        tuple[AnswerMetric, ...],
        Meta(min_length=2, description="The metrics, in the order of a table's columns."),
    ]
    confidence: Annotated[
        float,
        Meta(
            gt=0,
            lt=1,
            description="The confidence of each interval alone, such as 0.95. Points are dropped by differences, at the"
            " risk of the whole study.",
        ),
    ]
    dataset: Annotated[str, Meta(description="The dataset and its number of samples; empty in answers of 0.1.")] = ""
    without_dataset: Annotated[
        bool, Meta(description="Whether accuracies are copied from others: the answer is unofficial.")
    ] = False


def read_answer(path: Path) -> AnswerDocument:
    """Read an answer. Raise DocumentError if it cannot be read, or is not an answer."""
    return read_document(path, AnswerDocument, ANSWER_LIMITS)


def answer_text(answer: AnswerDocument) -> str:
    """Return an answer as JSON text; equal answers have equal texts."""
    return json.dumps(encode(answer), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
