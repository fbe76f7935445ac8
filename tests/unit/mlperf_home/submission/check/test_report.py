"""Our check accepts a valid tree, and reports each of many faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from submission_tree import BERT, MOBILENET, RULES, SUT, write_result, write_tree
from tree_changes import (
    ACCURACY,
    MEASUREMENTS,
    OFFLINE,
    PERFORMANCE,
    STREAM,
    SYSTEM,
    Change,
    field,
    log,
    remove,
    replace,
    write,
)

from mlperf_home.rules import load_round
from mlperf_home.submission.check.report import CheckError, CheckOptions, check_submission, result_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], Any]


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

    assert (rows["Offline"].value, rows["Offline"].inferred_from) == (83.3333, "SingleStream")
    assert (rows["MultiStream"].value, rows["MultiStream"].unit) == (pytest.approx(112.0), "latency_ms")
    assert rows["SingleStream"].inferred_from is None


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


def test_a_sample_without_a_scenario_counts_both_errors(submitter: Path) -> None:
    field(f"{MEASUREMENTS}/{SUT}.json", "sample", value=True)(submitter)
    for kind in ("results", "measurements"):
        (submitter / kind / OFFLINE).rename(submitter / kind / SUT / BERT / "online")

    report = check_submission(submitter.parents[1], RULES)

    assert {row.scenario: row.errors for row in report.results if row.model == BERT} == {"online": 2, "SingleStream": 0}
    assert {"sample", "scenario-name"} <= {each.rule for each in report.errors}


@pytest.mark.parametrize(
    ("name", "samples", "passes"), [("v3.1", 10833, False), ("v4.0", 10833, True), ("v4.0", 10832, False)]
)
def test_the_samples_of_offline_depend_on_the_round(submitter: Path, name: str, samples: int, *, passes: bool) -> None:
    log("effective_samples_per_query", samples)(submitter)

    found = {each.rule for each in check_submission(submitter.parents[1], load_round(name)).errors}

    assert ("offline-samples" not in found) is passes


def test_a_benchmark_that_the_rules_do_not_hold_is_noted(submitter: Path) -> None:
    for kind in ("results", "measurements", "code"):
        source = submitter / kind / ("" if kind == "code" else SUT)
        (source / BERT).rename(source / "gptj-99")
    (submitter / "code" / MOBILENET).write_text("gptj-99\n", "utf-8")

    report = check_submission(submitter.parents[1], RULES)

    assert report.errors == ()
    assert {each.rule for each in report.notes} == {"benchmark-not-held"}


@pytest.mark.parametrize("value", [1e30, [], {}, True, 10**400, "\ud800"])
@pytest.mark.parametrize("key", ["result_validity", "effective_scenario", "early_stopping_result", "loadgen_version"])
def test_odd_values_in_a_log_end_in_a_report(submitter: Path, key: str, value: Any) -> None:
    log(key, value)(submitter)

    report = check_submission(submitter.parents[1], RULES)

    assert len(result_rows(report)) == len(report.results)
