"""Submissions to v3.0 pass if that round's checker takes them; what it does not look at is noted with the reason."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from old_round import OLD_RULES, OLD_SUT, add_power, write_old_result, write_old_tree

from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.submission.check.places import Finding

LITE = f"{OLD_SUT}/efficientnet-fp32-lite0/singlestream"
RUN = f"results/{LITE}/performance/run_1"
NETS = f"{OLD_SUT}/resnet50/multistream"


@pytest.fixture
def submitter(tmp_path: Path) -> Path:
    return write_old_tree(tmp_path)


def findings(submitter: Path, level: str) -> dict[str, Finding]:
    report = check_submission(submitter.parents[1], OLD_RULES)
    return {each.rule: each for each in report.findings if each.level == level}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_all_that_its_checker_takes_is_taken(submitter: Path) -> None:
    report = check_submission(submitter.parents[1], OLD_RULES)

    assert [str(each) for each in report.errors] == []
    assert {row.benchmark: (row.value, row.accuracy_percent) for row in report.results} == {
        "3d-unet-99": (110.0, pytest.approx(86.242)),
        "retinanet": (110.0, 37.573),
        "rnnt": (110.0, 92.6),
        "resnet": (pytest.approx(13.0007), 75.068),
    }


@pytest.mark.parametrize(
    ("rule", "path", "old", "new"),
    [
        ("conf-round", f"measurements/{LITE}/mlperf.conf", "10003631887983097364", "14284205019438841327"),
        ("conf-model", f"measurements/{LITE}/user.conf", "40326", "41417"),
        ("conf-of-another-run", f"measurements/{NETS}/user.conf", "40326", "41417"),
        ("runs-differ", f"results/{LITE}/accuracy/mlperf_log_detail.txt", "TFLite_SUT", "Other_SUT"),
        ("seed", f"results/{LITE}/accuracy/mlperf_log_detail.txt", "10003631887983097364", "1"),
        ("accuracy-log-hash", f"results/{LITE}/accuracy/mlperf_log_accuracy.json", "0000", "0001"),
        ("measurement-file-empty", f"measurements/{LITE}/README.md", "cmr 'generate-run-cmds inference'", ""),
    ],
)
def test_stricter_findings_are_notes_with_reasons(submitter: Path, rule: str, path: str, old: str, new: str) -> None:
    edit(submitter / path, old, new)

    assert findings(submitter, "error") == {}
    assert "only noted: the checker of v3.0 does not" in findings(submitter, "note")[rule].problem


def test_measurements_without_results_are_noted(submitter: Path) -> None:
    (submitter / "measurements" / OLD_SUT / "rnnt" / "server").mkdir()
    (submitter / "measurements" / OLD_SUT / "rnnt" / "server" / "user.conf").write_text("x\n", "utf-8")

    assert findings(submitter, "error") == {}
    assert "measurements-without-results" in findings(submitter, "note")


@pytest.mark.parametrize(
    ("rule", "path", "old", "new"),
    [
        ("logs-mixed", f"{RUN}/mlperf_log_summary.txt", ": 11500000", ": 11400000"),
        ("figures-differ", f"{RUN}/mlperf_log_detail.txt", '_ss", "value": 11', '_ss", "value": 12'),
        ("run-interrupted", f"{RUN}/mlperf_log_detail.txt", "result_99.90_percentile", "x"),
        ("seed", f"results/{NETS}/performance/run_1/mlperf_log_detail.txt", "10003631887983097364", "1"),
        ("accuracy-form", f"results/{OLD_SUT}/retinanet/offline/accuracy/accuracy.txt", "mAP=37.573%", "AUC=80.1"),
    ],
)  # fmt: skip
def test_contradictions_are_errors_there_too(submitter: Path, rule: str, path: str, old: str, new: str) -> None:
    edit(submitter / path, old, new)

    assert rule in findings(submitter, "error")


@pytest.mark.parametrize("name", ["power/ptd_logs.txt", "ranging/spl.txt", "ranging/mlperf_log_detail.txt"])
def test_a_power_measurement_needs_all_its_files(submitter: Path, name: str) -> None:
    (submitter / "results" / LITE / "performance" / name).unlink()

    assert set(findings(submitter, "error")) == {"power-file"}


@pytest.mark.parametrize(("name", "rule"), [("power/x.txt", "file-list"), ("ranging/x.txt", "file-list")])
def test_other_files_of_a_power_run_are_errors(submitter: Path, name: str, rule: str) -> None:
    path = submitter / "results" / LITE / "performance" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x\n", "utf-8")

    assert set(findings(submitter, "error")) == {rule}


def test_spl_txt_is_for_power_measurements_only(submitter: Path) -> None:
    (submitter / "results" / NETS / "performance" / "run_1" / "spl.txt").write_text("x\n", "utf-8")

    assert set(findings(submitter, "error")) == {"file-list"}


def test_ranging_without_power_is_an_error(submitter: Path) -> None:
    run = submitter / "results" / NETS / "performance" / "run_1"
    add_power(run)
    for path in run.with_name("power").iterdir():
        path.unlink()
    run.with_name("power").rmdir()

    assert "power-file" in findings(submitter, "error")


def test_a_run_in_two_models_is_told(submitter: Path) -> None:
    images = "accuracy=75.068%, good=37534, total=50000"
    target = "mobilenet.SingleStream.max_query_count = 40366\n"
    run = write_old_result(submitter, "mobilenet-v1", "SingleStream", "resnet", accuracy=images, user_conf=target)
    source = submitter / "results" / LITE / "performance" / "run_1"
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        (run / name).write_bytes((source / name).read_bytes())

    assert "run-of-another" in findings(submitter, "error")


@pytest.mark.parametrize(
    ("key", "value", "level"), [("status", 1, "error"), ("cooling", 0, "note"), ("status", "x", "error")]
)
def test_values_that_its_checker_cannot_read_are_errors(submitter: Path, key: str, value: Any, level: str) -> None:
    path = submitter / "systems" / f"{OLD_SUT}.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {key: value}), "utf-8")

    assert {"system-field-type", "system-status"} & set(findings(submitter, level))


def test_names_with_capitals_are_noted(submitter: Path) -> None:
    for kind in ("results", "measurements"):
        (submitter / kind / NETS).rename(submitter / kind / OLD_SUT / "resnet50" / "MultiStream")

    assert findings(submitter, "error") == {}
    assert "scenario-case" in findings(submitter, "note")


def test_one_run_of_two_systems_is_noted(submitter: Path) -> None:
    other = f"{OLD_SUT}-datacenter"
    for kind in ("results", "measurements"):
        shutil.copytree(submitter / kind / OLD_SUT, submitter / kind / other)
    for path in (submitter / "measurements" / other).rglob("*.json"):
        path.rename(path.with_name(f"{other}.json"))
    shutil.copyfile(submitter / "systems" / f"{OLD_SUT}.json", submitter / "systems" / f"{other}.json")

    assert findings(submitter, "error") == {}
    assert "run-of-another" in findings(submitter, "note")


def test_performance_logs_of_an_accuracy_run_are_noted(submitter: Path) -> None:
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        shutil.copyfile(submitter / RUN / name, submitter / "results" / LITE / "accuracy" / name)

    assert findings(submitter, "error") == {}
    assert "log-mode" in findings(submitter, "note")
