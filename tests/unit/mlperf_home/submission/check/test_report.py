"""Our check accepts a valid tree, and reports each of many faults."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from submission_tree import BERT, MOBILENET, RULES, SUT, log_line, write_result, write_tree

from mlperf_home.submission.check.report import CheckError, CheckOptions, check_submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], Any]

OFFLINE = f"{SUT}/{BERT}/offline"
STREAM = f"{SUT}/{BERT}/singlestream"
IMAGES = f"{SUT}/{MOBILENET}/singlestream"
INFERRED = f"{SUT}/{MOBILENET}/offline"
PERFORMANCE = f"results/{OFFLINE}/performance/run_1"
ACCURACY = f"results/{OFFLINE}/accuracy"
MEASUREMENTS = f"measurements/{OFFLINE}"
SYSTEM = f"systems/{SUT}.json"


def remove(path: str) -> Change:
    def change(folder: Path) -> None:
        target = folder / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return change


def write(path: str, text: str = "x\n") -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")

    return change


def move(source: str, target: str) -> Change:
    return lambda folder: (folder / source).rename(folder / target)


def replace(path: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / path).read_text("utf-8")
        assert old in text, f"{old!r} is not in {path}"
        (folder / path).write_text(text.replace(old, new), "utf-8")

    return change


def log(key: str, value: Any, run: str = PERFORMANCE) -> Change:
    """Change a value in a run's detail log; None removes its line."""

    def change(folder: Path) -> None:
        path = folder / run / "mlperf_log_detail.txt"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if f'"key": "{key}"' not in line]
        path.write_text("".join(kept) + ("" if value is None else log_line(key, value)), "utf-8")
        if value is not None:
            # A summary with the old value would be another finding.
            (path.parent / "mlperf_log_summary.txt").write_text("No errors encountered during test.\n", "utf-8")

    return change


def field(path: str, key: str, value: Any = ...) -> Change:
    """Change a field of a JSON file, or remove it."""

    def change(folder: Path) -> None:
        document = json.loads((folder / path).read_text("utf-8"))
        document.pop(key, None)
        if value is not ...:
            document[key] = value
        (folder / path).write_text(json.dumps(document), "utf-8")

    return change


def big(path: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / path).open("wb") as file:
            file.truncate(50 * 2**20 + 1)

    return change


def append(path: str, text: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def link(path: str) -> Change:
    return lambda folder: (folder / path).symlink_to("nowhere")


def folder_at(path: str) -> Change:
    return lambda folder: (folder / path).mkdir(parents=True)


CHANGES: list[tuple[str, str, Change]] = [
    ("a file in the root", "root-file", write("../../summary.csv")),
    ("a folder in the root", "root-folder", write("../../originals/x.txt")),
    ("a file beside the submitters", "division-file", write("../notes.md")),
    ("an empty folder", "empty-folder", folder_at("results/empty")),
    ("a .gitkeep", "unfriendly-name", write("systems/.gitkeep")),
    ("a hidden file", "unfriendly-name", write("documentation/.notes.swp")),
    ("an odd character", "unfriendly-name", write("documentation/what?.md")),
    ("a space in a file's name", "space-in-name", write("documentation/my notes.md")),
    ("compiled Python", "pycache", write("code/x/__pycache__/x.pyc")),
    ("names that differ by case", "case-collision", write("documentation/Calibration.md")),
    ("a broken link", "broken-link", link("documentation/link.md")),
    ("a file above 50 MB", "file-size", big("documentation/big.md")),
    ("a submitter with a space", "space-in-name", lambda folder: folder.rename(folder.with_name("Ex ample"))),
    ("no description", "system-missing", remove(SYSTEM)),
    ("a description of nothing", "system-without-results", write("systems/other.json", "{}")),
    ("a description that is cut", "system-unreadable", write(SYSTEM, '{"division": ')),
    ("a description that is a list", "system-unreadable", write(SYSTEM, "[]")),
    ("a description that is nested", "system-unreadable", write(SYSTEM, "[" * 100_000)),
    ("a field that is missing", "system-field", field(SYSTEM, "host_memory_capacity")),
    ("a field that may be empty is missing", "system-field", field(SYSTEM, "sw_notes")),
    ("the network cards under the old key", "system-field", field(SYSTEM, "host_network_card_count")),
    ("an empty field", "system-field-empty", field(SYSTEM, "cooling", "")),
    ("a field of blanks", "system-field-empty", field(SYSTEM, "framework", "  ")),
    ("a number for a text", "system-field-type", field(SYSTEM, "accelerators_per_node", 0)),
    ("another submitter", "system-submitter", field(SYSTEM, "submitter", "Somebody")),
    ("another division", "system-division", field(SYSTEM, "division", "closed")),
    ("a status that is none", "system-status", field(SYSTEM, "status", "released")),
    ("a type that is none", "system-type", field(SYSTEM, "system_type", "laptop")),
    ("no measurement files", "measurements-missing", remove(MEASUREMENTS)),
    (
        "measurement files in another case",
        "measurements-missing",
        move(MEASUREMENTS, f"measurements/{SUT}/{BERT}/Offline"),
    ),
    (
        "measurements of a model without results",
        "measurements-without-results",
        write(f"measurements/{SUT}/x/offline/a.md"),
    ),
    ("no user.conf", "measurement-file", remove(f"{MEASUREMENTS}/user.conf")),
    ("an empty user.conf", "measurement-file-empty", write(f"{MEASUREMENTS}/user.conf", "")),
    ("no mlperf.conf", "measurement-file", remove(f"{MEASUREMENTS}/mlperf.conf")),
    ("no README", "measurement-file", remove(f"{MEASUREMENTS}/README.md")),
    ("an empty README", "measurement-file-empty", write(f"{MEASUREMENTS}/README.md", " \n")),
    ("a JSON of another name", "result-json", move(f"{MEASUREMENTS}/{SUT}.json", f"{MEASUREMENTS}/other.json")),
    ("a JSON that is cut", "result-json-unreadable", write(f"{MEASUREMENTS}/{SUT}.json", "{")),
    ("a JSON that is nested", "result-json-unreadable", write(f"{MEASUREMENTS}/{SUT}.json", "[" * 100_000)),
    ("no weight types", "result-field", field(f"{MEASUREMENTS}/{SUT}.json", "weight_data_types")),
    ("empty transformations", "result-field-empty", field(f"{MEASUREMENTS}/{SUT}.json", "weight_transformations", "")),
    ("retraining as a bool", "result-field-empty", field(f"{MEASUREMENTS}/{SUT}.json", "retraining", False)),
    (
        "the mlperf.conf of another round",
        "conf-round",
        replace(f"{MEASUREMENTS}/mlperf.conf", "148687905518835231", "1"),
    ),
    ("a user.conf of another model", "conf-model", replace(f"{MEASUREMENTS}/user.conf", "bert.", "resnet50.")),
    ("a user.conf of another length", "conf-of-another-run", replace(f"{MEASUREMENTS}/user.conf", "600000", "60000")),
    ("a user.conf of another rate", "conf-of-another-run", replace(f"{MEASUREMENTS}/user.conf", "= 100", "= 200")),
    ("no code", "code-missing", remove(f"code/{BERT}")),
    ("code without a README", "code-readme", move(f"code/{BERT}/README.md", f"code/{BERT}/main.py")),
    ("a reference to no code", "code-reference", write(f"code/{MOBILENET}", "elsewhere\n")),
    ("an empty reference", "code-reference", write(f"code/{MOBILENET}", "")),
    ("no performance run", "performance-missing", remove(f"results/{OFFLINE}/performance")),
    ("a second performance run", "run-folder", write(f"results/{OFFLINE}/performance/run_2/x.txt")),
    ("no summary", "log-missing", remove(f"{PERFORMANCE}/mlperf_log_summary.txt")),
    ("no detail log", "log-missing", remove(f"{PERFORMANCE}/mlperf_log_detail.txt")),
    ("a session beside the logs", "file-list", write(f"{PERFORMANCE}/session.json")),
    ("accuracy.txt in the performance run", "file-list", write(f"{PERFORMANCE}/accuracy.txt")),
    ("a corrupt line", "log-corrupt", append(f"{PERFORMANCE}/mlperf_log_detail.txt", ':::MLLOG {"key": \n')),
    ("an interrupted run", "run-interrupted", log("result_validity", None)),
    ("a run without seeds", "run-interrupted", log("effective_qsl_rng_seed", None)),
    (
        "an error that LoadGen logged",
        "log-errors",
        append(f"{PERFORMANCE}/mlperf_log_detail.txt", log_line("error", "bad", is_error=True)),
    ),
    ("an accuracy log as performance", "log-mode", log("effective_test_mode", "AccuracyOnly")),
    ("another QSL seed", "seed", log("effective_qsl_rng_seed", 1)),
    ("another index seed", "seed", log("effective_sample_index_rng_seed", 1)),
    ("another schedule seed", "seed", log("effective_schedule_rng_seed", 1)),
    ("an audit.config", "audit-config", log("effective_performance_issue_same", True)),
    ("an INVALID run", "invalid-run", log("result_validity", "INVALID")),
    ("Server's log in offline", "log-scenario", log("effective_scenario", "Server")),
    ("no metric", "no-metric", log("result_samples_per_second", None)),
    ("a metric of zero", "no-metric", log("early_stopping_latency_ss", 0, f"results/{STREAM}/performance/run_1")),
    ("too few samples loaded", "performance-samples", log("effective_performance_sample_count", 1024)),
    ("a short run", "min-duration", log("effective_min_duration_ms", 8000)),
    ("too few samples in Offline", "offline-samples", log("effective_samples_per_query", 10000)),
    ("too few queries", "query-count", log("result_query_count", 10, f"results/{STREAM}/performance/run_1")),
    ("a summary of another run", "logs-mixed", replace(f"{PERFORMANCE}/mlperf_log_summary.txt", ": 109.5", ": 209.5")),
    (
        "a summary of another scenario",
        "logs-mixed",
        replace(f"{PERFORMANCE}/mlperf_log_summary.txt", ": Offline", ": Server"),
    ),
    ("a summary that is cut", "summary-cut", write(f"{PERFORMANCE}/mlperf_log_summary.txt", "Scenario : Offline\n")),
    ("no accuracy run", "accuracy-missing", remove(ACCURACY)),
    ("no accuracy.txt", "log-missing", remove(f"{ACCURACY}/accuracy.txt")),
    ("no accuracy log", "log-missing", remove(f"{ACCURACY}/mlperf_log_accuracy.json")),
    ("predictions beside the accuracy log", "file-list", write(f"{ACCURACY}/predictions.json", "{}")),
    ("an accuracy that cannot be read", "accuracy-unreadable", replace(f"{ACCURACY}/accuracy.txt", "{", "scores: {")),
    (
        "an accuracy of images",
        "accuracy-form",
        replace(
            f"{ACCURACY}/accuracy.txt", '{"exact_match": 83.58, "f1": 90.18}', "accuracy=1.000%, good=1, total=100"
        ),
    ),
    ("an accuracy above 100", "accuracy-range", replace(f"{ACCURACY}/accuracy.txt", "90.18", "190.18")),
    ("no hash", "accuracy-hash", replace(f"{ACCURACY}/accuracy.txt", "hash=", "#")),
    ("a log that is not truncated", "log-not-truncated", append(f"{ACCURACY}/mlperf_log_accuracy.json", " " * 10240)),
    ("a short log with another hash", "accuracy-log-hash", write(f"{ACCURACY}/mlperf_log_accuracy.json", "[\n]\n")),
    ("a short log that is cut", "accuracy-log-cut", write(f"{ACCURACY}/mlperf_log_accuracy.json", '[\n{"seq_id": 1')),
    (
        "an error in the accuracy run",
        "log-errors",
        append(f"{ACCURACY}/mlperf_log_detail.txt", log_line("error", "bad", is_error=True)),
    ),
    ("an interrupted accuracy run", "run-interrupted", log("power_end", None, ACCURACY)),
    ("a performance log as accuracy", "log-mode", log("effective_test_mode", "PerformanceOnly", ACCURACY)),
    ("accuracy by another LoadGen", "runs-differ", log("loadgen_version", "4.0 @ x", ACCURACY)),
    ("accuracy of another scenario", "runs-differ", log("effective_scenario", "SingleStream", ACCURACY)),
    ("accuracy of another dataset", "runs-differ", log("qsl_reported_total_count", 100, ACCURACY)),
    ("accuracy with another seed", "seed", log("effective_qsl_rng_seed", 1, ACCURACY)),
    ("accuracy of a subset", "accuracy-samples", log("effective_accuracy_sample_count", 100, ACCURACY)),
    (
        "a sum that does not add up",
        "accuracy-sum",
        replace(f"results/{IMAGES}/accuracy/accuracy.txt", "35838", "35000"),
    ),
    (
        "a count of another run",
        "accuracy-of-another-run",
        replace(
            f"results/{IMAGES}/accuracy/accuracy.txt",
            "accuracy=71.676%, good=35838, total=50000",
            "accuracy=50.000%, good=50, total=100",
        ),
    ),
    ("a scenario in another case", "scenario-case", move(f"results/{OFFLINE}", f"results/{SUT}/{BERT}/Offline")),
    (
        "a scenario twice",
        "scenario-twice",
        lambda folder: shutil.copytree(folder / "results" / OFFLINE, folder / f"results/{SUT}/{BERT}/Offline"),
    ),
    ("a scenario that is none", "scenario-name", write(f"results/{SUT}/{BERT}/online/x.txt")),
    (
        "a scenario of another category",
        "scenario-category",
        lambda folder: write_result(folder, BERT, "Server", "bert-99"),
    ),
    ("a model that is none", "model", lambda folder: write_result(folder, "my-own", "Offline", "bert-99")),
    ("a mapping that is cut", "mapping-unreadable", write("model_mapping.json", "{")),
    ("a mapping that is nested", "mapping-unreadable", write("model_mapping.json", "[" * 100_000)),
    ("a mapping to nothing", "mapping-benchmark", write("model_mapping.json", '{"x": "best-model"}')),
    ("a sample", "sample", field(f"{MEASUREMENTS}/{SUT}.json", "sample", True)),
    ("a copy that is none", "inferred-mark", field(f"{MEASUREMENTS}/{SUT}.json", "inferred_from", "SingleStream")),
    ("no results", "no-results", remove("results")),
]


@pytest.fixture
def submitter(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


def test_a_valid_tree_has_no_findings(submitter: Path) -> None:
    report = check_submission(submitter.parents[1], RULES)

    assert report.findings == ()
    assert [(row.scenario, row.value) for row in report.results if row.model == BERT] == [
        ("Offline", 109.5),
        ("SingleStream", 13.5),
    ]


def test_inferred_results_follow_the_rules_of_the_round(submitter: Path) -> None:
    rows = {
        row.scenario: row for row in check_submission(submitter.parents[1], RULES).results if row.model == MOBILENET
    }

    assert (rows["Offline"].value, rows["Offline"].inferred_from) == (83.25, "SingleStream")
    assert (rows["MultiStream"].value, rows["MultiStream"].unit) == (pytest.approx(112.0), "latency_ms")
    assert rows["SingleStream"].inferred_from is None


@pytest.mark.parametrize(
    ("rule", "change"), [(rule, change) for _, rule, change in CHANGES], ids=[name for name, _, _ in CHANGES]
)
def test_every_fault_of_a_tree_is_reported(submitter: Path, rule: str, change: Change) -> None:
    root = submitter.parents[1]
    change(submitter)

    report = check_submission(root, RULES)

    assert rule in {finding.rule for finding in report.errors}, [str(finding) for finding in report.findings]
    for finding in report.findings:
        assert finding.problem
        assert finding.remedy
        assert "\n" not in str(finding)


def test_at_least_75_faults_are_tested() -> None:
    assert len({name for name, _, _ in CHANGES}) == len(CHANGES) >= 75


def test_all_findings_are_reported_at_once(submitter: Path) -> None:
    for change in (
        remove(SYSTEM),
        log("effective_qsl_rng_seed", 1),
        remove(f"results/{STREAM}/accuracy"),
        write("../../a.csv"),
    ):
        change(submitter)

    found = {finding.rule for finding in check_submission(submitter.parents[1], RULES).errors}

    assert found == {"system-missing", "empty-folder", "seed", "accuracy-missing", "root-file"}


def test_a_sample_passes_with_a_note_if_it_is_allowed(submitter: Path) -> None:
    for path in submitter.glob(f"measurements/{SUT}/*/*/{SUT}.json"):
        field(str(path.relative_to(submitter)), "sample", value=True)(submitter)
    log("effective_min_duration_ms", 8000)(submitter)
    replace(f"{MEASUREMENTS}/user.conf", "600000", "8000")(submitter)

    strict = check_submission(submitter.parents[1], RULES)
    allowed = check_submission(submitter.parents[1], RULES, CheckOptions(allow_sample=True))

    assert {finding.rule for finding in strict.errors} == {"sample", "min-duration"}
    assert allowed.errors == ()
    assert {finding.rule for finding in allowed.notes} == {"sample", "min-duration"}
    assert all(row.sample for row in allowed.results)


def test_the_closed_division_has_stricter_rules(tmp_path: Path) -> None:
    submitter = write_tree(tmp_path, division="closed")
    replace(f"{ACCURACY}/accuracy.txt", "90.18", "89.9")(submitter)
    remove(f"results/{STREAM}")(submitter)
    write("model_mapping.json", "{}")(submitter)

    found = {finding.rule for finding in check_submission(tmp_path, RULES).errors}

    assert {"accuracy-threshold", "compliance-missing", "scenario-missing", "mapping-division"} <= found


def test_a_mapping_names_the_benchmark_of_a_model(submitter: Path) -> None:
    write_result(submitter, "my-own", "Offline", "bert-99")
    write("code/my-own", f"{BERT}\n")(submitter)
    write("model_mapping.json", '{"my-own": "bert-99"}')(submitter)

    assert check_submission(submitter.parents[1], RULES).errors == ()


@pytest.mark.parametrize(
    ("dataset", "count", "told"),
    [
        (11_072, 11_072, "the run's dataset has 11072 features, that of v3.1 has 10833; run again on the official"),
        (10_833, 100, "accuracy was measured on 100 of 10833 features; run again on the whole dataset"),
    ],
)
def test_counts_are_of_the_same_dataset(submitter: Path, dataset: int, count: int, told: str) -> None:
    for run in (PERFORMANCE, ACCURACY):
        log("qsl_reported_total_count", dataset, run)(submitter)
    log("effective_accuracy_sample_count", count, ACCURACY)(submitter)

    found = [str(each) for each in check_submission(submitter.parents[1], RULES).errors]

    assert any(told in text for text in found), found


def test_an_absent_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="is not a folder; pass the root of a submission"):
        check_submission(tmp_path / "nothing", RULES)


def test_an_empty_tree_is_an_error(tmp_path: Path) -> None:
    assert {finding.rule for finding in check_submission(tmp_path, RULES).errors} == {"empty-tree"}
