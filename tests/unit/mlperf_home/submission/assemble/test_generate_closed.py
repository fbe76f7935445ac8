"""The closed division: its rules before a run, and its compliance tests in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from results_logs import SESSION, save_session
from submission_results import closed_results, compliance_run, foreign
from submission_tree import RULES, SUT, system

from mlperf_home.contracts.runs.job import audit_text, logs_outputs, run_seeds
from mlperf_home.submission.assemble.collect import AssembleError, FoundResult, SubmissionRequest
from mlperf_home.submission.assemble.generate import generate
from mlperf_home.submission.assemble.logs import outputs_verdict, performance_verdict, write_compliance
from mlperf_home.submission.assemble.prerequisites import ModelChoice, refusals
from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def closed(tmp_path: Path) -> SubmissionRequest:
    closed_results(tmp_path / "results")
    describe = lambda *_: system("closed", "Example")  # noqa: E731 - one expression
    return SubmissionRequest(tmp_path / "results", tmp_path / "tree", "Example", "closed", RULES, describe)


def findings(closed: SubmissionRequest) -> list[str]:
    return [str(each) for each in check_submission(closed.submission_dir, RULES).errors]


def test_a_closed_result_with_its_tests_passes(closed: SubmissionRequest) -> None:
    folder = generate(closed).folder

    assert findings(closed) == []
    test = folder / "compliance" / SUT / "bert-99" / "offline" / "TEST01"
    assert "TEST PASS" in (test / "verify_accuracy.txt").read_text("utf-8")
    assert (test / "accuracy" / "mlperf_log_accuracy.json").stat().st_size == 8199
    assert (test / "accuracy" / "accuracy.txt").read_text("utf-8").startswith("hash=")


def test_a_slow_compliance_test_fails(closed: SubmissionRequest) -> None:
    path = closed.results_dir / "valid_results" / SUT / "bert-99" / "offline" / "TEST05" / "mlperf_log_detail.txt"
    path.write_text(path.read_text("utf-8").replace('"value": 109.5', '"value": 90.0'), "utf-8")

    generate(closed)

    line = next(
        each for each in findings(closed) if "TEST05/verify_performance.txt: does not contain TEST PASS" in each
    )
    assert "reference score = 109.5, test score = 90.0" in line
    assert "--rerun" in line


@pytest.mark.parametrize("change", [{"sha256": "cd" * 32}, {"files": {"w": "2"}}])
def test_a_test_of_another_model_is_refused(closed: SubmissionRequest, change: dict[str, Any]) -> None:
    folder = closed.results_dir / "valid_results" / SUT / "bert-99" / "offline"
    model = {**SESSION["model"], "files": {"w": "1"}}
    for mode, used in (("performance", model), ("TEST05", {**model, **change})):
        save_session(folder, mode, {**SESSION, "job": {**SESSION["job"], "mode": mode}, "model": used})

    with pytest.raises(AssembleError, match="the performance run and the TEST05 run differ in"):
        write_compliance(
            FoundResult(folder, SUT, "bert-99", "Offline", None), folder / "out", RULES, ("TEST01", "TEST05")
        )


def test_other_outputs_fail_and_the_accuracies_are_asked_for(closed: SubmissionRequest) -> None:
    path = closed.results_dir / "valid_results" / SUT / "bert-99" / "offline" / "TEST01" / "mlperf_log_accuracy.json"
    path.write_text(path.read_text("utf-8").replace("00000010", "00000011"), "utf-8")

    folder = generate(closed).folder

    assert any("TEST01/accuracy/baseline_accuracy.txt: is missing" in line for line in findings(closed))
    accuracy = folder / "compliance" / SUT / "bert-99" / "offline" / "TEST01" / "accuracy"
    for name, f1 in (("baseline_accuracy.txt", 90.1), ("compliance_accuracy.txt", 90.2)):
        (accuracy / name).write_text(f'{{"exact_match": 83.0, "f1": {f1}}}\n', "utf-8")
    assert findings(closed) == []
    (accuracy / "compliance_accuracy.txt").write_text('{"exact_match": 83.0, "f1": 85.0}\n', "utf-8")
    assert any("are not within 1 %" in line for line in findings(closed))


def test_the_verdicts_compare_scores_and_outputs(tmp_path: Path) -> None:
    result = foreign(tmp_path, scenario="SingleStream")
    near, far = (
        compliance_run(result, test, "SingleStream", score=score)
        for test, score in (("TEST01", 1.09), ("TEST05", 1.11))
    )

    assert performance_verdict(result / "performance" / "run_1", near).endswith("TEST PASS\n")
    assert performance_verdict(result / "performance" / "run_1", far).endswith("TEST FAIL\n")
    assert outputs_verdict(result / "accuracy", near).endswith("TEST PASS\n")
    assert outputs_verdict(result / "accuracy", far).endswith("TEST FAIL\n")


@pytest.mark.parametrize("part", ["accuracy", "TEST01"])
def test_outputs_of_a_damaged_log_fail(tmp_path: Path, part: str) -> None:
    result = foreign(tmp_path, scenario="SingleStream")
    test = compliance_run(result, "TEST01", "SingleStream", score=1.0)
    log = result / part / "mlperf_log_accuracy.json"
    log.write_text(log.read_text("utf-8").rstrip().removesuffix("]"), "utf-8")

    verdict = outputs_verdict(result / "accuracy", test)

    assert "the run was cut off" in verdict
    assert verdict.endswith("TEST FAIL\n")


def test_each_test_has_an_audit_config_or_own_seeds() -> None:
    assert "*.*.accuracy_log_sampling_target = 4096" in audit_text(RULES, "TEST01").splitlines()
    assert audit_text(RULES, "TEST05") == ""
    assert run_seeds(RULES, "TEST05") == RULES.test05_seeds
    assert run_seeds(RULES, "TEST01") == run_seeds(RULES, "performance") == RULES.seeds
    assert [mode for mode in ("performance", "accuracy", "TEST01", "TEST05") if logs_outputs(mode)] == [
        "accuracy",
        "TEST01",
    ]


@pytest.mark.parametrize(
    ("division", "compliance", "model", "message"),
    [
        ("closed", "", ModelChoice("", "", tried_sample=False), "use --model_variation=onnx-fp32"),
        ("closed", "", ModelChoice("mobilebert-14layer", "", tried_sample=False), "mobilebert-14layer has others"),
        ("closed", "", ModelChoice("", "mine.onnx", tried_sample=False), "not mine.onnx"),
        ("closed", "no", ModelChoice("onnx-fp32", "", tried_sample=False), "remove --compliance=no"),
        ("closed", "", ModelChoice("sample", "", tried_sample=False, benchmark="resnet"), "sample has others"),
        ("closed", "", ModelChoice("", "mine.onnx", tried_sample=False, benchmark="resnet"), "not mine.onnx"),
        ("open", "yes", ModelChoice("", "", tried_sample=False), "compliance tests are for the closed division"),
    ],
)
def test_violations_of_the_division_have_advice(
    division: str, compliance: str, model: ModelChoice, message: str
) -> None:
    found = refusals(division, compliance, model)

    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("division", "model"),
    [
        ("closed", ModelChoice("onnx-fp32", "", tried_sample=False)),
        ("closed", ModelChoice("", "", tried_sample=True)),
        ("closed", ModelChoice("", "", tried_sample=False, benchmark="resnet")),
        ("open", ModelChoice("", "mine.onnx", tried_sample=False)),
    ],
)
def test_allowed_models_are_no_violations(division: str, model: ModelChoice) -> None:
    assert refusals(division, "", model) == []
