"""A generated result tells when its runs, or the whole result, are another's."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from submission_results import ours
from submission_tree import BERT, MOBILENET, RULES, SUT, system

from mlperf_home.submission.assemble.collect import SubmissionRequest
from mlperf_home.submission.assemble.generate import generate
from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "mobilenet-v2-precision_float-1.0-224"


@pytest.fixture
def submitter(tmp_path: Path) -> Path:
    for model in (MOBILENET, OTHER):
        ours(tmp_path / "results", model, "SingleStream", "resnet")
    ours(tmp_path / "results", BERT, "Offline")
    describe = lambda *_: system("open", "Example")  # noqa: E731 - one expression
    request = SubmissionRequest(tmp_path / "results", tmp_path / "tree", "Example", "open", RULES, describe, infer=True)
    return generate(request).folder


def rules(submitter: Path) -> set[str]:
    return {each.rule for each in check_submission(submitter.parents[1], RULES).errors}


def replace(submitter: Path, kind: str, part: str = "") -> None:
    """Put what another model has in the place of a model's."""
    source, target = (submitter / kind / SUT / model / "singlestream" / part for model in (OTHER, MOBILENET))
    shutil.rmtree(target)
    shutil.copytree(source, target)


def test_a_generated_submission_has_no_errors(submitter: Path) -> None:
    assert rules(submitter) == set()


@pytest.mark.parametrize("part", ["performance/run_1", "accuracy"])
@pytest.mark.parametrize("gone", [True, False])
def test_another_models_run_is_told(submitter: Path, part: str, *, gone: bool) -> None:
    replace(submitter, "results", part)
    if gone:
        for kind in ("results", "measurements"):
            shutil.rmtree(submitter / kind / SUT / OTHER)

    assert ("log-of-another-run" in rules(submitter), "run-of-another" in rules(submitter)) == (True, not gone)


def test_another_models_whole_result_is_told(submitter: Path) -> None:
    for kind in ("results", "measurements"):
        replace(submitter, kind)
        shutil.rmtree(submitter / kind / SUT / OTHER)

    assert "result-of-another" in rules(submitter)


def test_another_accuracy_is_told(submitter: Path) -> None:
    path = submitter / "results" / SUT / BERT / "offline" / "accuracy" / "accuracy.txt"
    path.write_text(path.read_text("utf-8").replace("90.18", "90.28"), "utf-8")

    assert rules(submitter) == {"accuracy-of-another-run"}


@pytest.mark.parametrize("kind", ["measurements", "compliance"])
@pytest.mark.parametrize("level", ["", f"/{MOBILENET}", f"/{MOBILENET}/singlestream"])
def test_leftovers_of_a_result_are_told_once(submitter: Path, kind: str, level: str) -> None:
    (submitter / kind / SUT / MOBILENET / "singlestream").mkdir(parents=True, exist_ok=True)
    (submitter / kind / SUT / MOBILENET / "singlestream" / "x.txt").write_text("x\n", "utf-8")
    shutil.rmtree(f"{submitter}/results/{SUT}{level}")

    report = check_submission(submitter.parents[1], RULES)

    found = [each.path for each in report.errors if each.rule == f"{kind}-without-results"]
    assert found == [f"open/Example/{kind}/{SUT}{level}"]


@pytest.mark.parametrize("record", [1, [], {"logs": 5}, {"logs": {"performance/run_1/mlperf_log_detail.txt": []}}])
def test_a_damaged_record_is_an_error_or_none(submitter: Path, record: object) -> None:
    path = submitter / "measurements" / SUT / BERT / "offline" / f"{SUT}.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"recorded": record}), "utf-8")

    assert ("result-of-another" in rules(submitter)) is isinstance(record, dict)
