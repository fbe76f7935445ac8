"""Answers as documents: with what they are the answer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.answer import Answer, AnswerDocument, AnswerMetric, Direction, answer_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class AnswerSubject:
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
    metrics: Mapping[str, Direction]
    confidence: float


def to_json(answer: Answer, subject: AnswerSubject) -> str:
    """Write an answer as JSON text, as answer.schema.json says; the same for the same answer."""
    document = AnswerDocument(
        schema=1,
        name=subject.name,
        sample=subject.sample,
        system=subject.system,
        metrics=tuple(AnswerMetric(name=name, direction=each) for name, each in subject.metrics.items()),
        confidence=subject.confidence,
        front=answer.front,
        undecided=answer.undecided,
        dropped=answer.dropped,
        work=answer.work,
        warnings=answer.warnings,
    )
    return answer_text(document)
