"""All obstacles to a submission are reported at once, before the long run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from round_trees import write_round_tree
from submission_tree import RULES

from mlperf_home.rules import load_round
from mlperf_home.submission.assemble.prerequisites import PlannedSubmission, obstacles


@pytest.fixture
def planned(tmp_path: Path) -> PlannedSubmission:
    return PlannedSubmission(
        tmp_path / "s", tmp_path / "r", "Example", "my-model", "valid", sample=False, allow_sample=False, rules=RULES
    )


def test_a_good_run_has_no_obstacles(planned: PlannedSubmission) -> None:
    assert obstacles(planned) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"submitter": ""}, "add --submitter"),
        ({"submitter": "My Company"}, "use letters, digits and . _ + -"),
        ({"submitter": "../x"}, "cannot name a folder"),
        ({"model_name": "a b"}, "--model_name='a b'"),
        ({"style": "test"}, "too short for a submission: use --execution_mode=valid"),
        ({"sample": True}, "samples are not MLPerf results"),
        ({"checker": Path("nowhere.py")}, "--checker_path=nowhere.py: there is no checker"),
        ({"mapping": "my-model"}, "--extra_model_benchmark_map: 'my-model' maps no model"),
        ({"mapping": "my-model:best"}, "my-model: unknown benchmark best; use one of bert-99"),
        ({"push": True}, "name your fork by --results_git_url"),
        ({"push": True, "fork": "https://me:t0ken@example.org/x.git"}, "carries a name or token"),
        ({"scenario": "Server", "category": "edge"}, "Server is not a scenario of bert-99 in edge"),
        ({"scenario": "MultiStream", "category": "edge"}, "use SingleStream, Offline"),
        ({"mapping": "my-model:resnet"}, "my-model runs as bert-99, not resnet: correct or remove it"),
        ({"model_name": "mobilenet"}, "--model_name=mobilenet names resnet in v3.1"),
        ({"model_name": "bert-99.9"}, "names bert-99.9 in v3.1, and this is a run of bert-99: use another name"),
        ({"dataset_size": 500}, "v3.1 requires all 10833 samples of bert-99: leave the option out"),
        ({"rules": load_round("v6.1"), "scenario": "Server", "category": "datacenter"}, "use another category"),
    ],
)
def test_each_obstacle_has_advice(planned: PlannedSubmission, changes: dict[str, object], message: str) -> None:
    found = obstacles(replace(planned, **changes))  # type: ignore[arg-type]  # the changes are of any field

    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("scenario", "category", "benchmark"),
    [("Server", "datacenter", "bert-99"), ("all", "edge", "bert-99"), ("MultiStream", "edge", "resnet"), ("", "", "")],
)
def test_a_scenario_of_the_category_is_no_obstacle(
    planned: PlannedSubmission, scenario: str, category: str, benchmark: str
) -> None:
    assert obstacles(replace(planned, scenario=scenario, category=category, benchmark=benchmark)) == []


@pytest.mark.parametrize(("results", "tree"), [("r", "r"), ("r", "r/s"), ("s/r", "s")])
def test_results_and_submission_must_not_overlap(
    planned: PlannedSubmission, tmp_path: Path, results: str, tree: str
) -> None:
    found = obstacles(replace(planned, results_dir=tmp_path / results, submission_dir=tmp_path / tree))

    assert len(found) == 1
    assert "two folders beside each other" in found[0]


def test_a_tree_of_another_round_is_an_obstacle(planned: PlannedSubmission) -> None:
    write_round_tree(planned.submission_dir, load_round("v6.1"))

    found = obstacles(planned)

    assert len(found) == 1
    assert "holds results of v6.1, not of v3.1: use another --submission_dir" in found[0]


def test_the_archive_must_not_be_inside_the_tree(planned: PlannedSubmission, tmp_path: Path) -> None:
    found = obstacles(replace(planned, tar_file=tmp_path / "s" / "s.tar.gz"))

    assert len(found) == 1
    assert "--tar_file" in found[0]


def test_an_allowed_sample_is_no_obstacle(planned: PlannedSubmission) -> None:
    assert obstacles(replace(planned, sample=True, allow_sample=True, style="sample")) == []


def test_all_obstacles_are_reported_at_once(planned: PlannedSubmission) -> None:
    assert len(obstacles(replace(planned, submitter="", style="fast", sample=True))) == 3


def test_a_file_instead_of_a_folder_is_an_obstacle(planned: PlannedSubmission) -> None:
    planned.submission_dir.write_text("", "utf-8")

    assert "is a file, not a folder" in obstacles(planned)[0]


def test_a_full_disk_is_an_obstacle(planned: PlannedSubmission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**20})())

    assert "has 1 MB free" in obstacles(planned)[0]
