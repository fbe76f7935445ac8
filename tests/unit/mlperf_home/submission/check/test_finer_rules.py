"""Our check reports the finer rules of the official checker, which are easy to overlook."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import closed_tree
from submission_tree import BERT, RULES, SUT, log_line, write_result

from mlperf_home.submission.check.report import CheckOptions, check_submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OFFLINE = f"{SUT}/{BERT}/offline"
PERFORMANCE = f"results/{OFFLINE}/performance/run_1"
ACCURACY = f"results/{OFFLINE}/accuracy"
DETAIL = "mlperf_log_detail.txt"
SERVER = f"results/{SUT}/{BERT}/server/performance/run_1"
TEST01 = f"compliance/{SUT}/bert-99/offline/TEST01"
NETWORK = dict.fromkeys(RULES.submission.network.fields, "x") | {"is_network": "true"}


def rules(folder: Path) -> set[str]:
    return {each.rule for each in check_submission(folder.parents[1], RULES).errors}


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    return closed_tree(tmp_path)


def describe(folder: Path, **fields: Any) -> None:
    path = folder / "systems" / f"{SUT}.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    path.write_bytes(edit(path.read_bytes()))


def test_a_system_type_with_a_space_is_an_error(submitter: Path) -> None:
    describe(submitter, system_type="datacenter, edge")

    assert "system-type" in rules(submitter)


@pytest.mark.parametrize("target", ["calibration.md", "/etc/hostname", "../code"])
def test_a_link_with_a_target_is_an_error(submitter: Path, target: str) -> None:
    (submitter / "documentation" / "link.md").symlink_to(target)

    assert rules(submitter) == {"link"}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"is_network": "true"}, "system-field"),
        ({"is_network": True}, "system-field-type"),
        (NETWORK, "network-sut"),
    ],
)
def test_an_incomplete_network_system_is_an_error(submitter: Path, fields: dict[str, Any], rule: str) -> None:
    describe(submitter, **fields)

    assert rule in rules(submitter)


def test_the_open_division_allows_network_systems(submitter: Path) -> None:
    describe(submitter, **NETWORK)
    for path in submitter.rglob(DETAIL):
        change(path, lambda log: log.replace(b'"PySUT"', b'"Network SUT: PySUT"'))

    assert rules(submitter) == set()


def test_the_closed_division_allows_no_network_systems(closed: Path) -> None:
    describe(closed, **NETWORK)

    assert "system-network" in rules(closed)


def test_the_network_division_needs_network_systems(submitter: Path) -> None:
    network = submitter.parents[1] / "network" / "Example"
    shutil.copytree(submitter, network)
    describe(network, division="network")

    assert rules(submitter) == {"system-network"}


def test_each_candidate_for_the_results_json_is_checked(submitter: Path) -> None:
    path = submitter / "measurements" / OFFLINE / f"{SUT}_reference_offline.json"
    path.write_text("{}", "utf-8")

    assert rules(submitter) == {"result-field"}


@pytest.mark.parametrize("run", [PERFORMANCE, ACCURACY])
@pytest.mark.parametrize(("key", "value"), [("effective_qsl_rng_seed", 1), ("result_validity", "INVALID")])
def test_a_log_of_two_runs_is_an_error(submitter: Path, run: str, key: str, value: Any) -> None:
    # The official checker reads the first value; other readers may use the last.
    change(submitter / run / DETAIL, lambda log: log_line(key, value).encode() * 2 + log)

    assert "log-twice" in rules(submitter)


@pytest.mark.parametrize("run", [PERFORMANCE, ACCURACY])
def test_a_detail_log_must_be_utf_8(submitter: Path, run: str) -> None:
    line = log_line("generic_message", "?").encode().replace(b"?", b"\xff")
    change(submitter / run / DETAIL, lambda log: log + line)

    assert rules(submitter) == {"not-utf-8"}


def test_a_hash_with_spaces_after_it_is_an_error(submitter: Path) -> None:
    change(submitter / ACCURACY / "accuracy.txt", lambda text: text.rstrip() + b" \n")

    assert rules(submitter) == {"accuracy-hash"}


def test_two_accuracies_in_one_text_are_an_error(submitter: Path) -> None:
    change(submitter / ACCURACY / "accuracy.txt", lambda text: b'{"exact_match": 1, "f1": 1}\n' + text)

    assert "accuracy-twice" in rules(submitter)


@pytest.mark.parametrize("limit", [None, "130", True])
def test_a_server_run_needs_a_latency_limit(submitter: Path, limit: Any) -> None:
    describe(submitter, system_type="datacenter,edge")
    write_result(submitter, BERT, "Server", "bert-99")
    path = submitter / SERVER / DETAIL
    kept = [
        line for line in path.read_text("utf-8").splitlines(keepends=True) if "effective_target_latency" not in line
    ]
    kept.append(log_line("result_scheduled_samples_per_sec", 50.0))
    path.write_text("".join(kept) + ("" if limit is None else log_line("effective_target_latency_ns", limit)), "utf-8")

    assert "log-value" in rules(submitter)


@pytest.mark.parametrize(
    ("baseline", "other"),
    [
        ('{"exact_match": 80, "f1": 90}\n{"exact_match": 80, "f1": 80}\n', '{"exact_match": 80, "f1": 90}\n'),
        ("accuracy=90.000%, good=9, total=10\n", "accuracy=90.000%, good=9, total=10\n"),
        ("", ""),
    ],
)
def test_accuracies_must_be_comparable(closed: Path, baseline: str, other: str) -> None:
    (closed / TEST01 / "verify_accuracy.txt").write_text("TEST FAIL\n", "utf-8")
    (closed / TEST01 / "accuracy" / "baseline_accuracy.txt").write_text(baseline, "utf-8")
    (closed / TEST01 / "accuracy" / "compliance_accuracy.txt").write_text(other, "utf-8")

    assert rules(closed) == {"compliance-accuracy"}


@pytest.mark.parametrize("name", [BERT, "my-bert-99"])
def test_the_closed_division_needs_the_reference_model(closed: Path, name: str) -> None:
    for kind in ("results", "measurements", "compliance"):
        (closed / kind / SUT / "bert-99").rename(closed / kind / SUT / name)
    (closed / "code" / "bert-99").rename(closed / "code" / name)

    # The generated JSON records the model.
    assert rules(closed) == {"closed-model", "result-of-another"}


def test_a_benchmark_known_by_an_option_only_is_an_error(submitter: Path) -> None:
    write_result(submitter, "my-own", "Offline", "bert-99")
    (submitter / "code" / "my-own").write_text(f"{BERT}\n", "utf-8")
    options = CheckOptions(more_names={"my-own": "bert-99"})

    found = {each.rule for each in check_submission(submitter.parents[1], RULES, options).errors}
    (submitter / "model_mapping.json").write_text('{"my-own": "bert-99"}', "utf-8")

    assert found == {"mapping-missing"}
    assert check_submission(submitter.parents[1], RULES, options).errors == ()
