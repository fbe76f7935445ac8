"""A part of the dataset is refused before a run for a submission."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from harness_jobs import run_options

from mlperf_home.contracts.runs.job import DatasetChoice
from mlperf_home.steps.whole_dataset import require_whole_dataset
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.runs.job import JobOptions


def options(root: Path, benchmark: str, count: int, *, sample: bool = False) -> JobOptions:
    kind, name, key = {
        "bert-99": ("squad", "features.json", "features"), "resnet": ("imagenet", "images.json", "images"),
    }[benchmark]  # fmt: skip
    (root / name).write_text(json.dumps({key: count}), "utf-8")
    chosen = DatasetChoice(kind=kind, path=root)
    return run_options(root, benchmark=benchmark, dataset=chosen, sample=sample, round="v6.1")


@pytest.mark.parametrize(("benchmark", "count"), [("bert-99", 10833), ("resnet", 50000)])
def test_the_whole_dataset_is_accepted(tmp_path: Path, benchmark: str, count: int) -> None:
    require_whole_dataset(options(tmp_path, benchmark, count))


@pytest.mark.parametrize(
    ("benchmark", "count", "words"),
    [
        ("bert-99", 200, "has 200 features, and v6.1 requires 10833 of bert-99: no submission takes this result"),
        ("bert-99", 11072, "has 11072 features, and v6.1 requires 10833"),
        ("resnet", 500, "has 500 samples, and v6.1 requires 50000 of resnet"),
    ],
)
def test_another_number_of_samples_is_refused(tmp_path: Path, benchmark: str, count: int, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        require_whole_dataset(options(tmp_path, benchmark, count))


def test_sample_data_are_exempt(tmp_path: Path) -> None:
    require_whole_dataset(options(tmp_path, "bert-99", 12, sample=True))
