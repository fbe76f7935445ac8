"""Results become a tree that passes the check; they stay unchanged, and a killed run can be repeated."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import foreign, ours
from submission_tree import BERT, MOBILENET, RULES, SUT, system

from mlperf_home.submission.assemble.collect import AssembleError, SubmissionRequest
from mlperf_home.submission.assemble.generate import generate, infer_tree
from mlperf_home.submission.assemble.generate import generate as generate_function
from mlperf_home.submission.check.recorded import record
from mlperf_home.submission.check.report import CheckOptions, check_submission

if TYPE_CHECKING:
    from collections.abc import Mapping


def describe(sut: str, framework: str) -> Mapping[str, str]:
    return system("open", "Example") | {"system_name": sut, "framework": framework}


def submission_request(tmp_path: Path, **changes: Any) -> SubmissionRequest:
    request = SubmissionRequest(tmp_path / "results", tmp_path / "tree", "Example", "open", RULES, describe)
    return replace(request, **changes)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def errors(root: Path, *, allow_sample: bool = False) -> list[str]:
    return [str(finding) for finding in check_submission(root, RULES, CheckOptions(allow_sample=allow_sample)).errors]


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


@pytest.mark.parametrize(
    "step", ["copytree", "_write", "_write_systems", "write_documents", "infer_scenarios", "_swap"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_run_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str) -> None:
    class Killed(BaseException):
        pass

    module = __import__(generate_function.__module__, fromlist=["generate"])
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path, infer=True))
    ours(tmp_path / "results")
    expected = submission_request(tmp_path, submission_dir=tmp_path / "expected", infer=True)
    shutil.copytree(tmp_path / "tree", tmp_path / "expected")
    generate(expected)
    # The first copied tree is the old one.
    owner = shutil if step == "copytree" else module
    original = getattr(owner, step)

    def killed(*args: Any, **named: Any) -> Any:
        if when == "after":
            original(*args, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            generate(submission_request(tmp_path, infer=True))
    generate(submission_request(tmp_path, infer=True))

    assert contents(tmp_path / "tree") == contents(tmp_path / "expected")


def test_a_run_killed_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    folder = generate(submission_request(tmp_path)).folder
    before = contents(folder)
    partial = tmp_path / "tree" / ".mlperf-home-partial"
    partial.mkdir()
    folder.rename(partial / "old")
    shutil.rmtree(tmp_path / "results")
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")

    generate(submission_request(tmp_path))

    assert before.items() - contents(folder).items() <= {
        (name, before[name]) for name in before if name.startswith(("systems/", "code/"))
    }
    assert not partial.exists()


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


def test_a_model_of_an_unknown_name_needs_a_mapping(tmp_path: Path) -> None:
    foreign(tmp_path / "results", "my-own")

    with pytest.raises(AssembleError, match="--extra_model_benchmark_map=my-own:<bert-99"):
        generate(submission_request(tmp_path))
    folder = generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"})).folder

    assert json.loads((folder / "model_mapping.json").read_text("utf-8")) == {"my-own": "bert-99"}
    assert errors(tmp_path / "tree") == []


@pytest.mark.parametrize("name", ["model_mapping.json", "measurements/box/my-own/singlestream/box.json"])
def test_an_unreadable_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    foreign(tmp_path / "results", "my-own")
    folder = generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"})).folder
    path = folder / name.replace("box", next((folder / "results").iterdir()).name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[" * 100_000)

    with pytest.raises(AssembleError, match=rf"{path.name}: is nested more than 64 levels deep; correct it") as refused:
        generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"}))

    assert "\n" not in str(refused.value)
    assert path.read_text() == "[" * 100_000


def test_a_log_changed_after_its_measurement_is_rejected(tmp_path: Path) -> None:
    folder = ours(tmp_path / "results")
    with (folder / "performance" / "run_1" / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write("\n")

    with pytest.raises(AssembleError, match="is not the log of the measurement"):
        generate(submission_request(tmp_path))


def test_two_results_of_one_scenario_are_rejected(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")
    shutil.copytree(folder, folder.with_name("Offline"))

    with pytest.raises(AssembleError, match=r"is a second result of .*, Offline, beside .*Offline"):
        generate(submission_request(tmp_path))


def test_an_incomplete_result_is_included_and_reported(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")
    shutil.rmtree(folder / "accuracy")

    generate(submission_request(tmp_path))

    assert any("there is no accuracy run" in line for line in errors(tmp_path / "tree"))


def test_a_folder_without_results_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()

    with pytest.raises(AssembleError, match="holds no results; run a benchmark"):
        generate(submission_request(tmp_path))
    with pytest.raises(AssembleError, match="is not a folder; pass the folder of results"):
        generate(submission_request(tmp_path, results_dir=tmp_path / "nothing"))


def test_the_folder_of_one_model_is_rejected(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")

    with pytest.raises(AssembleError, match="pass the folder above <system>/<model>/<scenario>"):
        generate(submission_request(tmp_path, results_dir=folder.parent))


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


def test_a_file_instead_of_the_tree_is_reported(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    (tmp_path / "tree").write_text("in the way", "utf-8")

    with pytest.raises(AssembleError, match=r"cannot be written .*; use a --submission_dir that you can write to"):
        generate(submission_request(tmp_path))


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


@pytest.mark.parametrize("moment", range(8))
def test_a_killed_inference_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    class Killed(BaseException):
        pass

    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path))
    shutil.copytree(tmp_path / "tree", tmp_path / "expected")
    infer_tree(tmp_path / "expected", RULES)
    moments = iter(range(100))

    def stopping(original: Any) -> Any:
        def stopped(*args: Any, **named: Any) -> Any:
            if next(moments) == moment:
                raise Killed
            return original(*args, **named)

        return stopped

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", stopping(shutil.copytree))
        patch.setattr(Path, "rename", stopping(Path.rename))
        with pytest.raises(Killed):
            infer_tree(tmp_path / "tree", RULES)
    infer_tree(tmp_path / "tree", RULES)

    assert contents(tmp_path / "tree") == contents(tmp_path / "expected")


@pytest.mark.parametrize("inside", ["results/tree", "results"])
def test_a_tree_among_the_results_is_rejected(tmp_path: Path, inside: str) -> None:
    foreign(tmp_path / "results")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(AssembleError, match="use two folders beside each other"):
        generate(SubmissionRequest(tmp_path / "results", tmp_path / inside, "Example", "open", RULES, lambda *_: {}))

    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_is_not_reported_as_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path / "results")

    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("os.sync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        generate(submission_request(tmp_path))
    assert list((tmp_path / "tree").iterdir()) == [], "nothing half-written"


def test_an_interruption_between_two_renames_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path / "results")
    generate(submission_request(tmp_path))
    before = contents(tmp_path / "tree")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "Example" and ".mlperf-home-partial" in self.parts and target.parent.name == "open":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(submission_request(tmp_path))

    assert contents(tmp_path / "tree") == before
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["open"]


def test_a_changed_accuracy_log_is_rejected(tmp_path: Path) -> None:
    log = foreign(tmp_path / "results") / "accuracy" / "mlperf_log_accuracy.json"
    log.write_bytes(log.read_bytes()[:20000])

    with pytest.raises(AssembleError, match=r"does not have the hash in accuracy\.txt"):
        generate(submission_request(tmp_path))

    text = log.with_name("accuracy.txt")
    text.write_text(text.read_text("utf-8").partition("hash=")[0], "utf-8")
    generate(submission_request(tmp_path))
    assert any(
        "mlperf_log_accuracy.json: has no end: the run was interrupted" in line for line in errors(tmp_path / "tree")
    )


def test_a_log_truncated_by_another_tool_keeps_its_hash(tmp_path: Path) -> None:
    log = foreign(tmp_path / "results") / "accuracy" / "mlperf_log_accuracy.json"
    complete = log.read_bytes()
    log.write_bytes(complete[:4096] + b"\n\n...\n\n" + complete[-4096:])

    generate(submission_request(tmp_path))

    assert errors(tmp_path / "tree") == []


@pytest.mark.parametrize("name", ["measurements/{}/{}/{}/{}.json", "model_mapping.json"])
@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, "\ud800"])
def test_a_damaged_json_in_the_tree_is_located(tmp_path: Path, name: str, text: str) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path, infer=True)).folder
    path = folder / name.format(SUT, MOBILENET, "singlestream", SUT)
    path.write_text(text, "utf-8", errors="surrogatepass")
    shutil.rmtree(folder / "results" / SUT / MOBILENET / "multistream")
    before = contents(folder)

    with pytest.raises(AssembleError, match=f"^{re.escape(str(path))}: .*; correct it, or delete it"):
        infer_tree(tmp_path / "tree", RULES)

    assert contents(folder) == before


def test_a_damaged_json_of_a_copy_stops_generation(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path, infer=True)).folder
    path = folder / "measurements" / SUT / MOBILENET / "offline" / f"{SUT}.json"
    path.write_text("{", "utf-8")
    before = contents(folder)

    with pytest.raises(AssembleError, match=f"^{re.escape(str(path))}: is not JSON"):
        generate(submission_request(tmp_path, infer=True))

    assert contents(folder) == before


def test_a_result_without_a_readme_is_inferred_from(tmp_path: Path) -> None:
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    folder = generate(submission_request(tmp_path)).folder
    (folder / "measurements" / SUT / MOBILENET / "singlestream" / "README.md").unlink()

    infer_tree(tmp_path / "tree", RULES)

    copy = folder / "measurements" / SUT / MOBILENET / "offline" / "README.md"
    assert "copy of the run of SingleStream" in copy.read_text("utf-8")
