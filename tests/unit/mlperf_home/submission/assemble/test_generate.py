"""Results become a tree that passes the check; the results stay unchanged."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from generated_trees import contents, errors, submission_request
from submission_results import foreign, ours
from submission_tree import BERT, MOBILENET, RULES, SUT

from mlperf_home.submission.assemble.collect import AssembleError
from mlperf_home.submission.assemble.generate import generate, infer_tree
from mlperf_home.submission.check.recorded import record
from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("write", [ours, foreign])
def test_complete_results_become_a_valid_tree(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "results")
    write(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    before = contents(tmp_path / "results")

    made = generate(submission_request(tmp_path, infer=True))

    assert errors(tmp_path / "tree") == []
    assert contents(tmp_path / "results") == before
    assert [(each.model, each.scenario) for each in made.inferred] == [
        (MOBILENET, "MultiStream"),
        (MOBILENET, "Offline"),
    ]


def test_measurement_files_have_values_of_the_measurement(tmp_path: Path) -> None:
    ours(tmp_path / "results", MOBILENET, "SingleStream", "resnet")

    folder = generate(submission_request(tmp_path)).folder

    fields = json.loads((folder / "measurements" / SUT / MOBILENET / "singlestream" / f"{SUT}.json").read_text("utf-8"))
    assert fields == {
        "starting_weights_filename": "model.onnx",
        "retraining": "no",
        "input_data_types": "fp32",
        "weight_data_types": "int8",
        "weight_transformations": "none",
        "starting_weights_sha256": "ab" * 32,
        "recorded": record(folder / "results" / SUT / MOBILENET / "singlestream", SUT, MOBILENET),
    }
    assert json.loads((folder / "systems" / f"{SUT}.json").read_text("utf-8"))["framework"] == "deepsparse v1.8.0"


def test_unknown_fields_come_from_the_user(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    path = tmp_path / "tree" / "open" / "Example" / "measurements" / SUT / BERT / "offline" / f"{SUT}.json"

    generate(submission_request(tmp_path))
    unknown = json.loads(path.read_text("utf-8"))
    generate(submission_request(tmp_path, user_fields={"weight_data_types": "int8"}))

    assert unknown["weight_data_types"].startswith("unknown")
    assert json.loads(path.read_text("utf-8"))["weight_data_types"] == "int8"


def test_an_inferred_scenario_is_marked_and_replaceable(tmp_path: Path) -> None:
    results = tmp_path / "results"
    foreign(results, MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path, infer=True)).folder
    offline = folder / "measurements" / SUT / MOBILENET / "offline"
    assert "Inferred" in (offline / "README.md").read_text("utf-8")
    assert json.loads((offline / f"{SUT}.json").read_text("utf-8"))["inferred_from"] == "SingleStream"

    foreign(results, MOBILENET, "Offline", "resnet")
    made = generate(submission_request(tmp_path, infer=True))

    assert [each.scenario for each in made.inferred] == ["MultiStream"]
    assert "Inferred" not in (offline / "README.md").read_text("utf-8")
    rows = {row.scenario: row.inferred_from for row in check_submission(tmp_path / "tree", RULES).results}
    assert rows == {"SingleStream": None, "Offline": None, "MultiStream": "SingleStream"}


def test_a_tree_is_reproducible(tmp_path: Path) -> None:
    ours(tmp_path / "results")
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")

    generate(submission_request(tmp_path, infer=True))
    first = contents(tmp_path / "tree")
    generate(submission_request(tmp_path, infer=True))
    again = contents(tmp_path / "tree")
    generate(submission_request(tmp_path, infer=True, clean=True))

    assert first == again == contents(tmp_path / "tree")


def test_results_of_two_folders_share_a_tree(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    foreign(tmp_path / "more", MOBILENET, "SingleStream", "resnet")

    generate(submission_request(tmp_path))
    generate(submission_request(tmp_path, results_dir=tmp_path / "more"))

    assert {row.model for row in check_submission(tmp_path / "tree", RULES).results} == {BERT, MOBILENET}
    assert errors(tmp_path / "tree") == []


def test_the_folder_of_another_submitter_stays(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    other = tmp_path / "tree" / "open" / "Other" / "systems" / "x.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}", "utf-8")

    generate(submission_request(tmp_path, clean=True))

    assert other.read_text("utf-8") == "{}"


def test_samples_need_a_permission_and_are_marked(tmp_path: Path) -> None:
    ours(tmp_path / "results", sample=True)

    with pytest.raises(AssembleError, match=r"it is a sample, not an MLPerf result; .*--allow_sample"):
        generate(submission_request(tmp_path))
    folder = generate(submission_request(tmp_path, allow_sample=True)).folder

    assert "sample" in json.loads((folder / "systems" / f"{SUT}.json").read_text("utf-8"))["sw_notes"]
    for path in ("code/mlperf-home/README.md", "documentation/calibration.md"):
        assert "sample result" in (folder / path).read_text("utf-8")
    assert any("is a sample" in line for line in errors(tmp_path / "tree"))
    assert errors(tmp_path / "tree", allow_sample=True) == []


def test_short_runs_are_left_out_and_reported(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    short = foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    target = tmp_path / "results" / "test_results" / SUT / MOBILENET
    target.mkdir(parents=True)
    short.rename(target / "singlestream")

    made = generate(submission_request(tmp_path))

    assert [str(each) for each in made.skipped] == [
        f"{target / 'singlestream'}: left out: test runs are too short for a submission"
    ]


def test_an_incomplete_result_is_included_and_reported(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")
    shutil.rmtree(folder / "accuracy")

    generate(submission_request(tmp_path))

    assert any("there is no accuracy run" in line for line in errors(tmp_path / "tree"))


def test_the_submitters_code_and_calibration_stay(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    folder = generate(submission_request(tmp_path)).folder
    (folder / "documentation" / "calibration.md").write_text("Mine.\n", "utf-8")
    (folder / "code" / BERT).unlink()
    (folder / "code" / BERT).mkdir()
    (folder / "code" / BERT / "README.md").write_text("Mine too.\n", "utf-8")

    generate(submission_request(tmp_path))

    assert (folder / "documentation" / "calibration.md").read_text("utf-8") == "Mine.\n"
    assert (folder / "code" / BERT / "README.md").read_text("utf-8") == "Mine too.\n"


def test_a_missing_estimate_is_not_inferred(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    path = folder / "performance" / "run_1" / "mlperf_log_detail.txt"
    text = path.read_text("utf-8")
    # The model is too slow: it has too few queries for the 99th percentile.
    path.write_text(
        text.replace('"early_stopping_latency_ms", "value": 14000000', '"early_stopping_latency_ms", "value": 0'),
        "utf-8",
    )

    made = generate(submission_request(tmp_path, infer=True))

    assert [each.scenario for each in made.inferred] == ["Offline"]
    assert errors(tmp_path / "tree") == []


def test_a_log_truncated_by_another_tool_keeps_its_hash(tmp_path: Path) -> None:
    log = foreign(tmp_path / "results") / "accuracy" / "mlperf_log_accuracy.json"
    complete = log.read_bytes()
    log.write_bytes(complete[:4096] + b"\n\n...\n\n" + complete[-4096:])

    generate(submission_request(tmp_path))

    assert errors(tmp_path / "tree") == []


def test_a_result_without_a_readme_is_inferred_from(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path)).folder
    (folder / "measurements" / SUT / MOBILENET / "singlestream" / "README.md").unlink()

    infer_tree(tmp_path / "tree", RULES)

    copy = folder / "measurements" / SUT / MOBILENET / "offline" / "README.md"
    assert "copy of the run of SingleStream" in copy.read_text("utf-8")
