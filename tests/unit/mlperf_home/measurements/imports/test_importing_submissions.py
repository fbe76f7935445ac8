"""Results of other tools become measurements with copied values; unreadable ones are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from old_round import write_old_tree
from results_logs import write_logs

from mlperf_home.measurements.imports.importing import ImportedResultError, read_result, read_submission

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, *scenarios: str) -> Path:
    for scenario in scenarios:
        folder = root / "open/Lab/results/board/resnet50" / scenario
        write_logs(folder / "performance/run_1", scenario=scenario, changes={"early_stopping_latency_ss": 2_000_000})
        (folder / "accuracy").mkdir()
        (folder / "accuracy/accuracy.txt").write_text("accuracy=71.678%, good=35839, total=50000\n")
    systems = root / "open/Lab/systems"
    systems.mkdir(parents=True, exist_ok=True)
    (systems / "board.json").write_text('{"host_processor_core_count": "4", "host_memory_capacity": ""}')
    return root


def test_a_submission_tree_is_read(tmp_path: Path) -> None:
    problems: list[str] = []
    offline, stream = read_submission(tree(tmp_path, "Offline", "SingleStream"), "v3.0", problems)

    assert problems == []
    assert (offline.round, offline.benchmark, offline.scenario, offline.validity) == (
        "v3.0",
        "resnet",
        "Offline",
        "VALID",
    )
    assert (offline.values["samples_per_second"].value, stream.values["latency_ms"].value) == (40.5, 2.0)
    assert (stream.values["top1_percent"].value, stream.values["top1_percent"].origin) == (71.678, "copied")
    assert stream.system["platform"].value == "board"
    assert stream.system["host_memory_capacity"].origin == "unknown"


def test_trees_and_tables_name_systems_alike(tmp_path: Path) -> None:
    root = tree(tmp_path, "Offline")
    results = root / "open/Lab/results/board"
    (results / "resnet50").rename(results / "mine")
    (root / "open/Lab/model_mapping.json").write_text('{"mine": "resnet"}')
    (unnamed,) = read_submission(root, "v3.0", [])
    described = '{"system_name": "A board", "host_processor_core_count": "4", "host_processors_per_node": 1}'
    (root / "open/Lab/systems/board.json").write_text(described)
    (named,) = read_submission(root, "v3.0", [])

    assert (unnamed.benchmark, unnamed.model["name"].value) == ("resnet", "mine")
    assert (unnamed.system["name"].value, named.system["name"].value) == ("board", "A board")
    assert (named.system["cores"].value, named.system["sockets"].value) == (4, 1)
    assert "sockets" not in unnamed.system


def test_a_damaged_result_is_reported_and_others_are_read(tmp_path: Path) -> None:
    root = tree(tmp_path, "Offline", "SingleStream")
    detail = root / "open/Lab/results/board/resnet50/Offline/performance/run_1/mlperf_log_detail.txt"
    detail.write_text(detail.read_text()[:500])
    problems: list[str] = []

    assert [each.scenario for each in read_submission(root, "v3.0", problems)] == ["SingleStream"]
    assert "Offline/performance/run_1/mlperf_log_detail.txt" in problems[0]


@pytest.mark.parametrize(
    ("text", "problem"), [("[" * 100_000, "is nested more than 64"), ("[]", "is not a JSON object")]
)
def test_an_unreadable_system_description_is_reported(tmp_path: Path, text: str, problem: str) -> None:
    root = tree(tmp_path, "Offline")
    path = root / "open/Lab/systems/board.json"
    path.write_text(text)
    problems: list[str] = []

    assert list(read_submission(root, "v3.0", problems)) == []
    assert problems[0].startswith(f"{path}: {problem}")


def test_folders_without_results_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ImportedResultError, match="name the root of a submission tree"):
        list(read_submission(tmp_path, "v3.0", []))
    with pytest.raises(ImportedResultError, match="cannot be read"):
        read_result(tmp_path, "v3.0", "resnet50")


def test_an_absent_accuracy_is_unknown(tmp_path: Path) -> None:
    write_logs(tmp_path / "performance/run_1")

    assert read_result(tmp_path, "v3.1", "bert-99").values["accuracy"].origin == "unknown"


def test_results_of_an_older_loadgen_are_imported(tmp_path: Path) -> None:
    write_old_tree(tmp_path)
    problems: list[str] = []

    read = list(read_submission(tmp_path, "v3.0", problems))

    assert problems == []
    assert {each.benchmark for each in read} == {"resnet", "retinanet", "rnnt", "3d-unet-99"}
    assert {each.validity for each in read} == {"VALID"}
