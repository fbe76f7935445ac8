"""Score answers to questions by exact match and F1, as SQuAD's and MLPerf's scripts do, by the standard library."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_home.datasets.squad.reading import Dataset, Example

NO_ANSWER = "empty"
"""The reference's answer to a question without a valid span."""

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)

Span = tuple[int, int]
"""An answer: its first letter, and the one after its last, in the words of its context with one space between them."""


class Scores(NamedTuple):
    """Percentages over all questions."""

    exact_match: float
    f1: float


def normalise(answer: str) -> str:
    """Lower the case, then remove ASCII punctuation, articles and surplus white space, in this order."""
    return " ".join(_ARTICLE.sub(" ", answer.lower().translate(_WITHOUT_PUNCTUATION)).split())


def f1(prediction: str, answer: str) -> float:
    """Return the F1 of the words of two normalised texts; 0 if they share none, even if both are empty."""
    predicted, accepted = prediction.split(), answer.split()
    shared = sum((Counter(predicted) & Counter(accepted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(accepted)
    return (2 * precision * recall) / (precision + recall)


def score(examples: Iterable[Example], predictions: Mapping[str, str]) -> Scores:
    """Score the predicted texts by question id, summed in the file's order so that the last digit agrees."""
    exact_total, total, f1_total = 0, 0, 0.0
    for example in examples:
        total += 1
        prediction = normalise(predictions[example.question_id])
        answers = [normalise(answer) for answer in example.answers]
        exact_total += prediction in answers
        f1_total += max(f1(prediction, answer) for answer in answers)
    return Scores(100.0 * exact_total / total, 100.0 * f1_total / total)


def texts_of(dataset: Dataset, spans: Sequence[Span | None]) -> dict[str, str]:
    """Return the answers' texts by question id; `spans` are in the dataset's order, None for no answer.

    Raises:
        ValueError: a span lies outside its context, or there are not as many as questions.
    """
    contexts = [" ".join(words) for words in dataset.paragraphs]
    texts = {}
    for example, span in zip(dataset.examples, spans, strict=True):
        context = contexts[example.paragraph_index]
        if span is not None and not 0 <= span[0] < span[1] <= len(context):
            raise ValueError(f"the answer to {example.question_id} lies outside its context")
        texts[example.question_id] = context[slice(*span)] if span else NO_ANSWER
    return texts
