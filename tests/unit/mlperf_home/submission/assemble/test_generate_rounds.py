"""A submission has the layout of its round, and results of another round's seeds are left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from generated_trees import submission_request
from submission_results import foreign, ours
from submission_tree import MOBILENET, SUT

from mlperf_home.rules import load_round
from mlperf_home.submission.assemble.collect import AssembleError
from mlperf_home.submission.assemble.generate import generate
from mlperf_home.submission.delivery import PublicationError, refuse_samples

if TYPE_CHECKING:
    from pathlib import Path

V6 = load_round("v6.1")


def test_a_tree_of_v6_1_has_its_layout(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path, rules=V6)).folder
    result = folder / "results" / SUT / MOBILENET / "SingleStream"
    names = {path.name for path in result.iterdir()}
    assert {"measurements.json", "user.conf", "README.md", "performance", "accuracy"} <= names
    assert (folder / "src" / "mlperf-home" / "README.md").is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["documentation", "results", "src", "systems"]


def test_inferred_results_of_v6_1_are_whole_and_marked(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    made = generate(submission_request(tmp_path, rules=V6, infer=True))
    offline = made.folder / "results" / SUT / MOBILENET / "Offline"
    assert [each.scenario for each in made.inferred] == ["MultiStream", "Offline"]
    assert json.loads((offline / "measurements.json").read_text())["inferred_from"] == "SingleStream"
    assert (offline / "performance" / "run_1" / "mlperf_log_detail.txt").is_file()


def test_a_new_result_replaces_the_inferred_ones(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path, rules=V6, infer=True))
    made = generate(submission_request(tmp_path, rules=V6))
    assert sorted(path.name for path in (made.folder / "results" / SUT / MOBILENET).iterdir()) == ["SingleStream"]


def test_results_of_another_rounds_seeds_are_refused(tmp_path: Path) -> None:
    ours(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    with pytest.raises(AssembleError, match=r"the seeds of v3\.1: measure it again with --round=v6\.1"):
        generate(submission_request(tmp_path, rules=V6))


def test_a_sample_in_a_tree_of_v6_1_is_not_published(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path, rules=V6)).folder
    path = folder / "results" / SUT / MOBILENET / "SingleStream" / "measurements.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sample": True}))
    with pytest.raises(PublicationError, match="is a sample"):
        refuse_samples(tmp_path / "tree", [folder.relative_to(tmp_path / "tree")])
