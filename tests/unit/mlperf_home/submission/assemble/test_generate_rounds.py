"""Results of a newer round become that round's tree, and those of another round do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from generated_trees import contents, submission_request
from round_trees import MOBILENET, SPARSE_BERT, describe, write_run
from submission_results import foreign, ours, write_accuracy_log
from submission_tree import BERT, RULES, SUT

from mlperf_home.rules import load_round
from mlperf_home.submission.assemble.collect import AssembleError
from mlperf_home.submission.assemble.generate import generate, infer_tree
from mlperf_home.submission.check.report import CheckOptions, check_submission
from mlperf_home.submission.delivery import PublicationError, refuse_samples

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.assemble.collect import SubmissionRequest

NEWER = load_round("v6.1")


def result_of(rules: Round, root: Path, model: str, benchmark: str, scenario: str, tests: tuple[str, ...] = ()) -> Path:
    """Write a result of a round as other tools leave it, with the runs of tests; the logs are synthesised."""
    folder = root / "results" / "valid_results" / SUT / model / scenario.lower()
    write_run(folder / "performance" / "run_1", rules, scenario, "PerformanceOnly", benchmark)
    write_run(folder / "accuracy", rules, scenario, "AccuracyOnly", benchmark)
    write_accuracy_log(folder / "accuracy", benchmark)
    for test in tests:
        audit = rules.submission.compliance[test].audit
        known = {key: value for key, value in audit.items() if key != "performance_issue_unique"}
        write_run(folder / test, rules, scenario, "PerformanceOnly", benchmark, **known)
        if test == "TEST01":
            log = (folder / "accuracy" / "mlperf_log_accuracy.json").read_bytes()
            (folder / test / "mlperf_log_accuracy.json").write_bytes(log)
    name = rules.benchmarks[benchmark].loadgen_model
    (folder / "user.conf").write_text(f"{name}.{scenario}.min_duration = 600000\n", "utf-8")
    (folder / "README.md").write_text("synthesised from recorded logs\n", "utf-8")
    return folder


def request_of(rules: Round, root: Path, **changes: object) -> SubmissionRequest:
    division = str(changes.get("division", "open"))
    description = describe(rules, division)
    return submission_request(root, rules=rules, describe=lambda *_: description, **changes)


def errors_of(rules: Round, root: Path) -> list[str]:
    return [str(each) for each in check_submission(root / "tree", rules, CheckOptions()).errors]


@pytest.mark.parametrize("name", ["v5.1", "v6.0", "v6.1"])
def test_results_become_a_valid_tree_of_their_round(tmp_path: Path, name: str) -> None:
    rules = load_round(name)
    result_of(rules, tmp_path, SPARSE_BERT, "bert-99", "Offline")
    result_of(rules, tmp_path, MOBILENET, "resnet", "SingleStream")

    made = generate(request_of(rules, tmp_path, infer=True))

    assert errors_of(rules, tmp_path) == []
    assert [each.scenario for each in made.inferred] == ["MultiStream", "Offline"]


def test_a_v6_result_stands_in_one_folder(tmp_path: Path) -> None:
    result_of(NEWER, tmp_path, SPARSE_BERT, "bert-99", "Offline")

    folder = generate(request_of(NEWER, tmp_path)).folder

    assert sorted(each.name for each in folder.iterdir()) == ["documentation", "results", "src", "systems"]
    result = folder / "results" / SUT / SPARSE_BERT / "Offline"
    assert sorted(each.name for each in result.iterdir()) == [
        "README.md", "accuracy", "measurements.json", "mlperf.conf", "performance", "user.conf",
    ]  # fmt: skip
    assert "bert.Offline.min_query_count = 10833" in (result / "mlperf.conf").read_text("utf-8")


@pytest.mark.parametrize("name", ["v5.1", "v6.1"])
def test_a_closed_result_has_the_tests_of_its_round(tmp_path: Path, name: str) -> None:
    rules = load_round(name)
    for scenario in ("SingleStream", "MultiStream", "Offline"):
        result_of(rules, tmp_path, "resnet50", "resnet", scenario, ("TEST01", "TEST04"))

    folder = generate(request_of(rules, tmp_path, division="closed")).folder

    below = ("compliance", "offline") if name == "v5.1" else ("results", "Offline")
    result = folder / below[0] / SUT / "resnet50" / below[1]
    verdict = (result / "TEST04" / "verify_performance.txt").read_text("utf-8")
    assert verdict.endswith("TEST PASS\n")
    assert not [each for each in errors_of(rules, tmp_path) if "accuracy" not in each]


def test_an_inferred_v6_result_is_marked(tmp_path: Path) -> None:
    result_of(NEWER, tmp_path, MOBILENET, "resnet", "SingleStream")
    folder = generate(request_of(NEWER, tmp_path)).folder

    infer_tree(tmp_path / "tree", NEWER)

    offline = folder / "results" / SUT / MOBILENET / "Offline"
    assert json.loads((offline / "measurements.json").read_text("utf-8"))["inferred_from"] == "SingleStream"
    assert "Inferred" in (offline / "README.md").read_text("utf-8")
    assert errors_of(NEWER, tmp_path) == []


@pytest.mark.parametrize("write", [ours, foreign])
def test_a_result_of_another_round_is_not_this_rounds(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path / "results")

    with pytest.raises(AssembleError, match=r"with the seeds of v3\.1: measure it again with --round=v6\.1"):
        generate(request_of(NEWER, tmp_path))

    assert not (tmp_path / "tree").exists()


def test_a_tree_of_another_round_is_not_mixed(tmp_path: Path) -> None:
    foreign(tmp_path / "results")
    generate(submission_request(tmp_path))
    before = contents(tmp_path / "tree")
    result_of(NEWER, tmp_path, MOBILENET, "resnet", "SingleStream")

    with pytest.raises(AssembleError, match=r"holds results of v3\.1, and this submission is for v6\.1; use another"):
        generate(request_of(NEWER, tmp_path))
    with pytest.raises(AssembleError, match=r"holds results of v3\.1, not of v6\.1; add --round=v3\.1"):
        infer_tree(tmp_path / "tree", NEWER)

    assert contents(tmp_path / "tree") == before
    folder = generate(request_of(NEWER, tmp_path, clean=True)).folder
    assert not (folder / "measurements").exists()


def test_a_mapping_against_the_measurement_is_refused(tmp_path: Path) -> None:
    ours(tmp_path / "results")

    with pytest.raises(AssembleError, match=f"is a result of bert-99, but .* takes {BERT} to resnet; correct the map"):
        generate(submission_request(tmp_path, model_benchmarks={BERT: "resnet"}))


def test_samples_of_every_layout_are_not_published(tmp_path: Path) -> None:
    for rules, name in ((RULES, f"{SUT}.json"), (NEWER, "measurements.json")):
        root = tmp_path / rules.name
        path = root / "open" / "me" / rules.submission.layout.measurements / SUT / MOBILENET / "offline" / name
        path.parent.mkdir(parents=True)
        path.write_text('{"sample": true}', "utf-8")

        with pytest.raises(PublicationError, match="is a sample, not an MLPerf result"):
            refuse_samples(root, [(root / "open" / "me").relative_to(root)])


def test_a_new_result_replaces_the_inferred_ones(tmp_path: Path) -> None:
    result_of(NEWER, tmp_path, MOBILENET, "resnet", "SingleStream")
    generate(request_of(NEWER, tmp_path, infer=True))

    made = generate(request_of(NEWER, tmp_path))

    assert [each.name for each in (made.folder / "results" / SUT / MOBILENET).iterdir()] == ["SingleStream"]
