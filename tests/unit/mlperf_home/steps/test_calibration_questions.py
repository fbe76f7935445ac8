"""A quantisation is calibrated with an even part of questions that are not the evaluation's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.reading import read_dataset
from mlperf_home.samples.questions import write_sample
from mlperf_home.steps.calibration_questions import MOST_QUESTIONS, refuse_evaluation, write_part

if TYPE_CHECKING:
    from pathlib import Path


def test_a_part_lies_evenly_in_the_file(tmp_path: Path) -> None:
    source = write_sample(tmp_path, seed=3, questions=2 * MOST_QUESTIONS).dataset
    whole = [example.question_id for example in read_dataset(source).examples]

    part = read_dataset(write_part(source, tmp_path / "part.json")).examples

    assert [example.question_id for example in part] == whole[::2]


def test_the_evaluations_questions_are_refused(tmp_path: Path) -> None:
    source = write_sample(tmp_path, questions=20).dataset

    with pytest.raises(DatasetError, match="has the questions of the evaluation"):
        refuse_evaluation(source, source)
    refuse_evaluation(source, None)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"data": [{"title": "x"}]}), encoding="utf-8")

    with pytest.raises(DatasetError, match=r"not in SQuAD v1\.1 format"):
        write_part(path, tmp_path / "part.json")
