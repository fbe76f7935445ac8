"""Results and trees that a submission cannot be made from are refused, with the file and the remedy."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from generated_trees import contents, errors, submission_request
from submission_results import foreign, ours
from submission_tree import MOBILENET, RULES, SUT

from mlperf_home.submission.assemble.collect import AssembleError, SubmissionRequest
from mlperf_home.submission.assemble.generate import generate, infer_tree

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_file_instead_of_the_tree_is_reported(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    (tmp_path / "tree").write_text("in the way", "utf-8")

    with pytest.raises(AssembleError, match=r"cannot be written .*; use a --submission_dir that you can write to"):
        generate(submission_request(tmp_path))


@pytest.mark.parametrize("inside", ["results/tree", "results"])
def test_a_tree_among_the_results_is_rejected(tmp_path: Path, inside: str) -> None:
    foreign(tmp_path / "results")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(AssembleError, match="use two folders beside each other"):
        generate(SubmissionRequest(tmp_path / "results", tmp_path / inside, "Example", "open", RULES, lambda *_: {}))

    assert sorted(tmp_path.rglob("*")) == before


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
