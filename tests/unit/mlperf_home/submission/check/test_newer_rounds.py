"""The rules that came with v5.1 and v6.0: what they add, what they leave free, what they no longer look at."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from old_round import add_power
from round_trees import SPARSE_BERT, SUT, TreeOfRound, write_round_tree
from submission_tree import write_tree
from tree_changes import field, log

from mlperf_home.rules import load_round
from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.submission.check.places import Finding

RULES = load_round("v6.1")
OFFLINE = f"results/{SUT}/{SPARSE_BERT}/Offline"
TEST01 = f"results/{SUT}/bert-99/Offline/TEST01"
CAPACITY = f"systems/{SUT}_power.yaml"


def found(submitter: Path, name: str = "v6.1") -> tuple[Finding, ...]:
    return check_submission(submitter.parents[1], load_round(name)).findings


def rules(submitter: Path, level: str, name: str = "v6.1") -> set[str]:
    return {each.rule for each in found(submitter, name) if each.level == level}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_round_tree(tmp_path / "tree", RULES)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    return write_round_tree(tmp_path / "closed", RULES, "closed")


@pytest.fixture
def powered(tree: Path) -> Path:
    """Return a tree with a measured power."""
    add_power(tree / OFFLINE / "performance" / "run_1")
    for name in RULES.submission.files.power_measurements:
        (tree / OFFLINE / f"{name}.md").write_text("x\n", "utf-8")
    return tree


def test_an_unknown_power_capacity_has_a_note(powered: Path) -> None:
    assert rules(powered, "error") == set()
    assert "power-nameplate" in rules(powered, "note")


def test_a_power_capacity_that_cannot_be_read_is_an_error(powered: Path) -> None:
    (powered / CAPACITY).write_text("psus: [\n", "utf-8")

    assert rules(powered, "error") == {"power-nameplate"}


@pytest.mark.parametrize("where", ["file", "description"])
def test_a_known_power_capacity_has_no_finding(powered: Path, where: str) -> None:
    if where == "file":
        (powered / CAPACITY).write_text("box:\n  PSUs: [{PowerCapacityWatts: 500}]\n  Min PSUs Needed: 1\n", "utf-8")
    else:
        field(f"systems/{SUT}.json", "system_power_capacity", "500")(powered)

    assert "power-nameplate" not in {each.rule for each in found(powered)}


def test_a_test_that_the_round_does_not_have_is_noted(closed: Path) -> None:
    shutil.copytree(closed / TEST01, (closed / TEST01).with_name("TEST05"))

    assert rules(closed, "error") == set()
    assert rules(closed, "note") == {"compliance-unknown"}


def test_equal_outputs_need_no_accuracy_files(closed: Path) -> None:
    shutil.rmtree(closed / TEST01 / "accuracy")

    assert rules(closed, "error") == set()


def test_tests_in_the_open_division_are_noted(tree: Path, closed: Path) -> None:
    shutil.copytree(closed / TEST01, tree / OFFLINE / "TEST01")

    assert rules(tree, "error") == set()
    assert "compliance-division" in rules(tree, "note")


def test_an_open_offline_run_may_have_few_samples(tree: Path) -> None:
    log("effective_samples_per_query", 1285, f"{OFFLINE}/performance/run_1")(tree)

    assert "offline-samples" not in rules(tree, "error")
    assert "offline-samples" in rules(tree, "note")


def test_older_loadgen_counts_by_the_dataset(tmp_path: Path) -> None:
    submitter = write_round_tree(tmp_path, load_round("v5.1"))
    place = TreeOfRound(load_round("v5.1"), SUT, SPARSE_BERT, "Offline")
    log("effective_accuracy_sample_count", None, place.accuracy)(submitter)
    assert rules(submitter, "error", "v5.1") == set()

    log("qsl_reported_total_count", 11072, place.accuracy)(submitter)
    assert "accuracy-samples" in rules(submitter, "error", "v5.1")


def test_a_tree_of_v3_1_is_none_of_v6_1(tmp_path: Path) -> None:
    submitter = write_tree(tmp_path)

    assert {"old-folder", "scenario-case", "seed", "result-json", "code-missing"} <= rules(submitter, "error")
