"""SQuAD v1.1's own scores: exact match and F1 over words, the best over the accepted answers, in percent."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.datasets.squad.reading import Example

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Scores(NamedTuple):
    """Percentages over all questions."""

    exact_match: float
    f1: float


def normalise(answer: str) -> str:
    """Lower, then drop ASCII punctuation, articles and surplus white space, in this order."""
    return " ".join(_ARTICLE.sub(" ", answer.lower().translate(_WITHOUT_PUNCTUATION)).split())


def f1(prediction: str, answer: str) -> float:
    """Return the F1 of the words of two normalised texts; 0 when they share none, as two empty ones do."""
    predicted, accepted = prediction.split(), answer.split()
    shared = sum((Counter(predicted) & Counter(accepted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(accepted)
    return (2 * precision * recall) / (precision + recall)


def score(examples: Iterable[Example], predictions: Mapping[str, str]) -> Scores:
    """Score the predicted texts, by question id; sums in the file's order, so equal to the last digit."""
    exact_total, total = 0, 0
    f1_total = 0.0
    for example in examples:
        total += 1
        prediction = normalise(predictions[example.question_id])
        answers = [normalise(answer) for answer in example.answers]
        exact_total += prediction in answers
        f1_total += max(f1(prediction, answer) for answer in answers)
    return Scores(100.0 * exact_total / total, 100.0 * f1_total / total)
