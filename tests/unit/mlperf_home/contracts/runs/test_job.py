"""Jobs are checked before anything starts, and error messages name the key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import audit_text, decode_job, read_job
from mlperf_home.rules import load_round

if TYPE_CHECKING:
    from pathlib import Path

    from harness_jobs import MakeJob


def test_a_complete_job_is_decoded(make_job: MakeJob) -> None:
    job = decode_job(make_job().document)
    assert job.rules.name == "v3.1"
    assert job.backend.batch_sizes == (4,)
    assert job.partial_dir.name == "run_1.partial"
    assert job.error_path.name == "session.error.json"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("round", "v9", "job#/round: no rules"),
        ("benchmark", "bert", "job#/benchmark: must be one of bert-99"),
        ("scenario", "offline", "job#/scenario: invalid enum value 'offline'"),
        ("mode", "fast", "job#/mode: invalid enum value 'fast'"),
        ("stall_timeout_s", 0, "job#/stall_timeout_s: expected `float` > 0"),
        ("stall_timeout_s", True, "job#/stall_timeout_s: expected `float`, got `bool`"),
        ("sample", "yes", "job#/sample: expected `bool`, got `str`"),
        ("out_dir", "", "job#/out_dir: expected a path, got ''"),
        ("loadgen_model", "Bert", "job#/loadgen_model: must be one of"),
        ("dataset", [], "job#/dataset: expected `object`, got `array`"),
        ("colour", "red", "job: object contains unknown field `colour`"),
        ("rules", "v3.1", "job: object contains unknown field `rules`"),
        ("calibration_path", 1, "job#/calibration_path: expected a path, got 1"),
        ("time_limit_s", 0, "job#/time_limit_s: expected `float` > 0"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(make_job: MakeJob, key: str, value: Any, words: str) -> None:
    with pytest.raises(HarnessError, match=f"^{re.escape(words)}") as caught:
        decode_job(make_job().document | {key: value})
    assert caught.value.status is ExitStatus.BAD_JOB


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("streams", 0, "streams: expected `int` >= 1"),
        ("streams", 1.5, "streams: expected `int | null`, got `float`"),
        ("lengths", [], "lengths: expected `array` of length >= 1"),
        ("lengths", [128, 64], "lengths: must be ascending"),
        ("batch_sizes", ["4"], "batch_sizes/0: expected `int`, got `str`"),
        ("batch_sizes", [1, 2, 3], "batch_sizes: must have one entry, or one for each of the 4 lengths"),
        ("options", None, "options: expected `object`, got `null`"),
    ],
)
def test_a_wrong_value_of_the_backend_is_named_by_its_key(make_job: MakeJob, key: str, value: Any, words: str) -> None:
    document = make_job().document
    document["backend"][key] = value
    with pytest.raises(HarnessError, match=re.escape(f"job#/backend/{words}")):
        decode_job(document)


def test_keys_with_a_default_may_be_left_out(make_job: MakeJob) -> None:
    document = make_job().document
    for key in ("first", "after"):
        document["dataset"].pop(key, None)
    dataset = decode_job(document).dataset
    assert (dataset.first, dataset.after) == (None, 0)
    document["dataset"] |= {"first": None, "after": 2}
    with pytest.raises(HarnessError, match="job#/dataset/after: needs dataset/first"):
        decode_job(document)


def test_a_missing_key_is_named(make_job: MakeJob) -> None:
    document = make_job().document
    del document["session_path"]
    with pytest.raises(HarnessError, match="job: object missing required field `session_path`"):
        decode_job(document)


def test_an_absent_or_malformed_job_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"absent\.json: cannot be read"):
        read_job(tmp_path / "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    with pytest.raises(HarnessError, match="is not JSON"):
        read_job(broken)
    broken.write_text(json.dumps([1]), "utf-8")
    with pytest.raises(HarnessError, match="expected `object`, got `array`"):
        read_job(broken)


def test_a_test_that_the_round_lacks_is_refused(make_job: MakeJob) -> None:
    document = make_job().document | {"round": "v6.1", "mode": "TEST05"}

    with pytest.raises(
        HarnessError, match=r"^job#/mode: TEST05 is no compliance test of v6\.1, which has TEST01, TEST04"
    ):
        decode_job(document)


@pytest.mark.parametrize("name", ["v3.1", "v6.1"])
def test_test04_repeats_the_sample_of_the_rules(name: str) -> None:
    assert audit_text(load_round(name), "TEST04").splitlines() == [
        "*.*.mode = 2",
        "*.*.performance_issue_unique = 0",
        "*.*.performance_issue_same = 1",
        "*.*.performance_issue_same_index = 3",
    ]
