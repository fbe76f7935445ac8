"""Each of many faults of a tree is reported by its rule."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from submission_tree import BERT, MOBILENET, RULES, SUT, log_line, write_result
from tree_changes import (
    ACCURACY,
    IMAGES,
    MEASUREMENTS,
    OFFLINE,
    PERFORMANCE,
    STREAM,
    SYSTEM,
    Change,
    append,
    big,
    field,
    folder_at,
    link,
    log,
    move,
    remove,
    replace,
    write,
)

from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], Any]


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
