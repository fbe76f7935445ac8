"""Accuracies follow from compact answers, for whoever holds the labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlperf_home.accuracy.recomputing import Truths
from mlperf_home.datasets.imagenet.images import Labels
from mlperf_home.datasets.squad.reading import Dataset, Example
from mlperf_home.loadgen_logs.answers import class_column, span_column

LABELS = Labels(Path("val_map.txt"), ("a", "b", "c"), (5, 6, 7))
QUESTIONS = Dataset(
    name="d",
    version="1.1",
    sha256="ab" * 32,
    paragraphs=(("Ada", "Lovelace's", "notes"),),
    examples=(Example("q1", "who", ("Ada Lovelace",), 0), Example("q2", "what", ("the notes",), 0)),
)


def test_top1_counts_right_answers() -> None:
    truths, answers = Truths(labels=LABELS), class_column("", [5, 0, None])
    assert truths.know(answers, {"labels_sha256": LABELS.sha256})
    assert truths.accuracies(answers) == {"good_samples": 1, "total_samples": 2}


def test_a_part_of_the_images_has_a_part_of_the_labels() -> None:
    answers = class_column("", [5, 6])
    assert Truths(labels=LABELS).know(answers, {"labels_sha256": LABELS.first(2).sha256})
    assert not Truths(labels=LABELS).know(answers, {"labels_sha256": LABELS.sha256})
    assert not Truths().know(answers, {"labels_sha256": LABELS.sha256})


def test_f1_is_that_of_the_answers_texts() -> None:
    truths, answers = Truths(questions=QUESTIONS), span_column("", [(0, 12), (15, 20)])
    assert truths.know(answers, {"dataset_sha256": "ab" * 32})
    assert truths.accuracies(answers) == {"exact_match_percent": 100.0, "f1_percent": 100.0}


@pytest.mark.parametrize("spans", [[(0, 12)], [(0, 12), (15, 99)]])
def test_impossible_answers_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"answers to|outside its context"):
        Truths(questions=QUESTIONS).accuracies(span_column("", spans))
