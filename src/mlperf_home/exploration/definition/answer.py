"""Answers as documents, with the study that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.answer import Answer, AnswerDocument, AnswerMetric, Direction, answer_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class AnswerSubject:
    """The study that an answer belongs to.

    Attributes:
        name: the name of the space.
        sample: whether it was made with sample data: no MLPerf results.
        system: the system's name in the results.
        metrics: each metric with its direction, "min" or "max", in the order of a table's columns.
        confidence: of each interval alone; points are dropped by differences, at the risk of the whole study.
        dataset: the dataset's name and its number of samples; "" if unknown.
        without_dataset: whether accuracies are copied.
    """

    name: str
    sample: bool
    system: str
    metrics: Mapping[str, Direction]
    confidence: float
    dataset: str = ""
    without_dataset: bool = False


def to_json(answer: Answer, subject: AnswerSubject) -> str:
    """Return an answer as JSON text that conforms to answer.schema.json; equal answers have equal texts."""
    document = AnswerDocument(
        schema=1,
        name=subject.name,
        sample=subject.sample,
        system=subject.system,
        metrics=tuple(AnswerMetric(name=name, direction=direction) for name, direction in subject.metrics.items()),
        confidence=subject.confidence,
        dataset=subject.dataset,
        without_dataset=subject.without_dataset,
        front=answer.front,
        undecided=answer.undecided,
        dropped=answer.dropped,
        work=answer.work,
        warnings=answer.warnings,
    )
    return answer_text(document)
