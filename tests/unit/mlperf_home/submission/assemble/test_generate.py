"""Results become a tree that the check takes; nothing of theirs is changed, and a killed run makes the same again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import foreign, ours
from submission_tree import BERT, MOBILENET, RULES, SUT, system

from mlperf_home.submission.assemble.collect import AssembleError, SubmissionRequest
from mlperf_home.submission.assemble.generate import generate, infer_tree
from mlperf_home.submission.assemble.generate import generate as generate_module
from mlperf_home.submission.check.report import CheckOptions, check_submission

if TYPE_CHECKING:
    from collections.abc import Mapping


def describe(sut: str, framework: str) -> Mapping[str, str]:
    return system("open", "Example") | {"system_name": sut, "framework": framework}


def submission_request(tmp_path: Path, **changes: Any) -> SubmissionRequest:
    made = SubmissionRequest(tmp_path / "results", tmp_path / "tree", "Example", "open", RULES, describe)
    return replace(made, **changes)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def errors(root: Path, *, allow_sample: bool = False) -> list[str]:
    return [str(finding) for finding in check_submission(root, RULES, CheckOptions(allow_sample=allow_sample)).errors]


@pytest.mark.parametrize("write", [ours, foreign])
def test_whole_results_become_a_tree_that_the_check_takes(tmp_path: Path, write: Any) -> None:
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


def test_what_the_measurement_knows_stands_in_the_measurement_files(tmp_path: Path) -> None:
    ours(tmp_path / "results", MOBILENET, "SingleStream", "resnet")

    folder = generate(submission_request(tmp_path)).folder

    told = json.loads((folder / "measurements" / SUT / MOBILENET / "singlestream" / f"{SUT}.json").read_text("utf-8"))
    assert told == {
        "starting_weights_filename": "model.onnx",
        "retraining": "no",
        "input_data_types": "fp32",
        "weight_data_types": "int8",
        "weight_transformations": "none",
        "starting_weights_sha256": "ab" * 32,
    }
    assert json.loads((folder / "systems" / f"{SUT}.json").read_text("utf-8"))["framework"] == "deepsparse v1.8.0"


def test_what_nobody_knows_is_said_to_be_unknown_unless_the_user_tells(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    path = tmp_path / "tree" / "open" / "Example" / "measurements" / SUT / BERT / "offline" / f"{SUT}.json"

    generate(submission_request(tmp_path))
    unknown = json.loads(path.read_text("utf-8"))
    generate(submission_request(tmp_path, user_fields={"weight_data_types": "int8"}))

    assert unknown["weight_data_types"].startswith("unknown")
    assert json.loads(path.read_text("utf-8"))["weight_data_types"] == "int8"


def test_an_inferred_scenario_is_marked_and_never_replaces_a_measured_one(tmp_path: Path) -> None:
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


def test_a_tree_is_the_same_byte_for_byte_when_made_again(tmp_path: Path) -> None:
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
def test_a_run_killed_at_any_step_leaves_the_old_tree_and_the_next_makes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    class Killed(BaseException):
        pass

    module = __import__(generate_module.__module__, fromlist=["generate"])
    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path, infer=True))
    ours(tmp_path / "results")
    wanted = submission_request(tmp_path, submission_dir=tmp_path / "wanted", infer=True)
    shutil.copytree(tmp_path / "tree", tmp_path / "wanted")
    generate(wanted)
    # The first tree to be copied is the old one, beside its place.
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

    assert contents(tmp_path / "tree") == contents(tmp_path / "wanted")


def test_a_run_killed_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
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


def test_results_of_two_folders_gather_in_one_tree(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    foreign(tmp_path / "more", MOBILENET, "SingleStream", "resnet")

    generate(submission_request(tmp_path))
    generate(submission_request(tmp_path, results_dir=tmp_path / "more"))

    assert {row.model for row in check_submission(tmp_path / "tree", RULES).results} == {BERT, MOBILENET}
    assert errors(tmp_path / "tree") == []


def test_another_submitters_folder_is_left_alone(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    other = tmp_path / "tree" / "open" / "Other" / "systems" / "x.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}", "utf-8")

    generate(submission_request(tmp_path, clean=True))

    assert other.read_text("utf-8") == "{}"


def test_samples_are_refused_unless_allowed_and_then_marked_everywhere(tmp_path: Path) -> None:
    ours(tmp_path / "results", sample=True)

    with pytest.raises(AssembleError, match="it is a sample, no MLPerf result; --allow_sample"):
        generate(submission_request(tmp_path))
    folder = generate(submission_request(tmp_path, allow_sample=True)).folder

    assert "sample" in json.loads((folder / "systems" / f"{SUT}.json").read_text("utf-8"))["sw_notes"]
    for path in ("code/mlperf-home/README.md", "documentation/calibration.md"):
        assert "sample result" in (folder / path).read_text("utf-8")
    assert any("is a sample" in line for line in errors(tmp_path / "tree"))
    assert errors(tmp_path / "tree", allow_sample=True) == []


def test_runs_too_short_to_count_are_not_taken_and_said(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    short = foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    target = tmp_path / "results" / "test_results" / SUT / MOBILENET
    target.mkdir(parents=True)
    short.rename(target / "singlestream")

    made = generate(submission_request(tmp_path))

    assert [str(each) for each in made.skipped] == [
        f"{target / 'singlestream'}: not taken: test runs are too short to be submitted"
    ]


def test_a_name_that_tells_no_benchmark_is_mapped_when_it_is_said(tmp_path: Path) -> None:
    foreign(tmp_path / "results", "my-own")

    with pytest.raises(AssembleError, match="--extra_model_benchmark_map=my-own:<bert-99"):
        generate(submission_request(tmp_path))
    folder = generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"})).folder

    assert json.loads((folder / "model_mapping.json").read_text("utf-8")) == {"my-own": "bert-99"}
    assert errors(tmp_path / "tree") == []


@pytest.mark.parametrize("name", ["model_mapping.json", "measurements/box/my-own/singlestream/box.json"])
def test_a_file_that_is_there_and_cannot_be_read_is_not_replaced(tmp_path: Path, name: str) -> None:
    foreign(tmp_path / "results", "my-own")
    folder = generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"})).folder
    path = folder / name.replace("box", next((folder / "results").iterdir()).name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[" * 100_000)

    with pytest.raises(AssembleError, match=rf"{path.name}: is nested more than 64 levels deep; correct it") as refused:
        generate(submission_request(tmp_path, model_benchmarks={"my-own": "bert-99"}))

    assert "\n" not in str(refused.value)
    assert path.read_text() == "[" * 100_000


def test_a_log_that_was_changed_after_the_measurement_is_refused(tmp_path: Path) -> None:
    folder = ours(tmp_path / "results")
    with (folder / "performance" / "run_1" / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write("\n")

    with pytest.raises(AssembleError, match="is not the log that was measured with"):
        generate(submission_request(tmp_path))


def test_two_results_for_one_scenario_are_both_named(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")
    shutil.copytree(folder, folder.with_name("Offline"))

    with pytest.raises(AssembleError, match=r"is a second result of .*, Offline, beside .*Offline"):
        generate(submission_request(tmp_path))


def test_an_interrupted_result_is_taken_and_the_check_says_what_is_missing(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")
    shutil.rmtree(folder / "accuracy")

    generate(submission_request(tmp_path))

    assert any("there is no accuracy run" in line for line in errors(tmp_path / "tree"))


def test_a_folder_without_results_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()

    with pytest.raises(AssembleError, match="holds no results; run a benchmark"):
        generate(submission_request(tmp_path))
    with pytest.raises(AssembleError, match="is no folder; give the folder of results"):
        generate(submission_request(tmp_path, results_dir=tmp_path / "nothing"))


def test_the_folder_of_one_result_is_not_the_folder_of_results(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results")

    with pytest.raises(AssembleError, match="give the folder above <system>/<model>/<scenario>"):
        generate(submission_request(tmp_path, results_dir=folder.parent))


def test_the_submitters_own_code_and_calibration_are_kept(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    folder = generate(submission_request(tmp_path)).folder
    (folder / "documentation" / "calibration.md").write_text("Mine.\n", "utf-8")
    (folder / "code" / BERT).unlink()
    (folder / "code" / BERT).mkdir()
    (folder / "code" / BERT / "README.md").write_text("Mine too.\n", "utf-8")

    generate(submission_request(tmp_path))

    assert (folder / "documentation" / "calibration.md").read_text("utf-8") == "Mine.\n"
    assert (folder / "code" / BERT / "README.md").read_text("utf-8") == "Mine too.\n"


def test_a_file_in_the_way_of_the_tree_is_said_in_one_line(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    (tmp_path / "tree").write_text("in the way", "utf-8")

    with pytest.raises(AssembleError, match=r"cannot be written .*; give a folder of yours by --submission_dir"):
        generate(submission_request(tmp_path))


def test_what_a_run_cannot_give_is_not_inferred(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    path = folder / "performance" / "run_1" / "mlperf_log_detail.txt"
    text = path.read_text("utf-8")
    # A model so slow that there were too few queries for the 99th percentile.
    path.write_text(
        text.replace('"early_stopping_latency_ms", "value": 14000000', '"early_stopping_latency_ms", "value": 0'),
        "utf-8",
    )

    made = generate(submission_request(tmp_path, infer=True))

    assert [each.scenario for each in made.inferred] == ["Offline"]
    assert errors(tmp_path / "tree") == []


@pytest.mark.parametrize("moment", range(8))
def test_inferring_that_is_killed_at_any_moment_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    class Killed(BaseException):
        pass

    foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    generate(submission_request(tmp_path))
    shutil.copytree(tmp_path / "tree", tmp_path / "wanted")
    infer_tree(tmp_path / "wanted", RULES)
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

    assert contents(tmp_path / "tree") == contents(tmp_path / "wanted")


@pytest.mark.parametrize("inside", ["results/tree", "results"])
def test_a_tree_among_the_results_is_refused_and_they_stay_as_they_are(tmp_path: Path, inside: str) -> None:
    foreign(tmp_path / "results")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(AssembleError, match="give two folders beside each other"):
        generate(SubmissionRequest(tmp_path / "results", tmp_path / inside, "Example", "open", RULES, lambda *_: {}))

    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_is_not_told_as_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_an_interruption_between_the_two_renames_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_an_accuracy_log_that_was_cut_is_not_taken_for_the_whole_one(tmp_path: Path) -> None:
    log = foreign(tmp_path / "results") / "accuracy" / "mlperf_log_accuracy.json"
    log.write_bytes(log.read_bytes()[:20000])

    with pytest.raises(AssembleError, match="is not the log whose hash"):
        generate(submission_request(tmp_path))

    text = log.with_name("accuracy.txt")
    text.write_text(text.read_text("utf-8").partition("hash=")[0], "utf-8")
    generate(submission_request(tmp_path))
    assert any(
        "mlperf_log_accuracy.json: has no end: the run was interrupted" in line for line in errors(tmp_path / "tree")
    )


def test_a_log_that_another_tool_has_truncated_keeps_the_hash_of_the_whole_one(tmp_path: Path) -> None:
    log = foreign(tmp_path / "results") / "accuracy" / "mlperf_log_accuracy.json"
    whole = log.read_bytes()
    log.write_bytes(whole[:4096] + b"\n\n...\n\n" + whole[-4096:])

    generate(submission_request(tmp_path))

    assert errors(tmp_path / "tree") == []
