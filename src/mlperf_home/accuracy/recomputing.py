"""Recompute accuracies from the answers of a run, for whoever holds the labels; needs the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.accuracy.question_scores import score, texts_of

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

    def know(self, answers: AnswerColumn, identity: Mapping[str, str]) -> bool:
        """Whether these are the truths of a run's dataset; `identity` has its hashes, as the run's session has them."""
        if answers.kind == "span":
            return self.questions is not None and identity.get("dataset_sha256") == self.questions.sha256
        labels = self._labels(answers.count)
        return labels is not None and identity.get("labels_sha256") == labels.sha256

    def accuracies(self, answers: AnswerColumn) -> dict[str, float]:
        """Return the values of accuracy.txt for the answers of a run whose dataset these truths know.

        Raises:
            ValueError: an answer is impossible for the dataset.
        """
        if answers.kind == "span" and self.questions is not None:
            if answers.count != len(self.questions.examples):
                raise ValueError(f"{answers.count} answers to {len(self.questions.examples)} questions")
            spans = [(first, first + length) if length else None for first, length in answers.answers()]
            found = score(self.questions.examples, texts_of(self.questions, spans))
            return {"exact_match_percent": found.exact_match, "f1_percent": found.f1}
        labels = self._labels(answers.count)
        if labels is None:
            raise ValueError(f"{answers.count} answers, but there are fewer labels")
        good = sum(map(int.__eq__, answers.values, labels.classes))
        return {"good_samples": good, "total_samples": answers.answered}

    def _labels(self, count: int) -> Labels | None:
        """Return the labels of the first `count` images; None if there are fewer."""
        known = self.labels
        return known.first(count) if known is not None and count <= len(known.names) else None
