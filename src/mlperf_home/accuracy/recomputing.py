"""Recompute accuracies from the answers of a run, for whoever holds the labels; needs the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.accuracy.question_scores import score, texts_of
from mlperf_home.loadgen_logs.answers import NO_RESULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.datasets.imagenet.images import Labels
    from mlperf_home.datasets.squad.reading import Dataset
    from mlperf_home.loadgen_logs.answers import AnswerColumn


@dataclass(frozen=True)
class Truths:
    """What is right: the labels of images, and questions with their accepted answers."""

    labels: Labels | None = None
    questions: Dataset | None = None

    def accuracies(self, answers: AnswerColumn, identity: Mapping[str, str]) -> dict[str, float] | None:
        """Return the values of accuracy.txt; None if these are the truths of another dataset.

        Args:
            answers: the answers of a run.
            identity: the hashes of the run's dataset, as its session has them.

        Raises:
            ValueError: an answer is impossible for the dataset.
        """
        if answers.kind == "class":
            return self._top1(answers, identity)
        questions = self.questions
        if questions is None or identity.get("dataset_sha256") != questions.sha256:
            return None
        if answers.count != len(questions.examples):
            raise ValueError(f"{answers.count} answers to {len(questions.examples)} questions")
        spans = [(first, first + length) if length else None for first, length in answers.answers()]
        found = score(questions.examples, texts_of(questions, spans))
        return {"exact_match_percent": found.exact_match, "f1_percent": found.f1}

    def _top1(self, answers: AnswerColumn, identity: Mapping[str, str]) -> dict[str, float] | None:
        if self.labels is None or answers.count > len(self.labels.names):
            return None
        labels = self.labels.first(answers.count)
        if identity.get("labels_sha256") != labels.sha256:
            return None
        good = sum(map(int.__eq__, answers.values, labels.classes))
        total = answers.count - answers.values.count(NO_RESULT)
        if not total:
            raise ValueError("no image has an answer")
        return {"good_samples": good, "total_samples": total}
