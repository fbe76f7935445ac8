"""A job is checked before anything starts, and messages name the key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.contracts.job import decode_job, read_job

if TYPE_CHECKING:
    from pathlib import Path

    from harness_jobs import MakeJob


def test_a_whole_job_is_decoded(make_job: MakeJob) -> None:
    job = decode_job(make_job().document)
    assert job.rules.name == "v3.1"
    assert job.backend.batch_sizes == (4,)
    assert job.partial_dir.name == "run_1.partial"
    assert job.error_path.name == "session.error.json"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("round", "v9", "round: no rules"),
        ("benchmark", "bert", "benchmark: must be one of bert-99"),
        ("scenario", "offline", "scenario: must be one of SingleStream"),
        ("mode", "fast", "mode: must be one of performance"),
        ("stall_timeout_s", 0, "stall_timeout_s: must be a number above 0"),
        ("stall_timeout_s", True, "stall_timeout_s: must be a number above 0"),
        ("sample", "yes", "sample: must be true or false"),
        ("out_dir", "", "out_dir: must be a string"),
        ("loadgen_model", "Bert", "loadgen_model: must be one of"),
        ("dataset", [], "dataset: must be a JSON object"),
        ("colour", "red", "colour: is not a key"),
        ("rules", "v3.1", "rules: is not a key"),
        ("calibration_path", 1, "calibration_path: must be a string, got 1"),
        ("time_limit_s", None, "time_limit_s: must be a number above 0, got None"),
    ],
)
def test_a_wrong_key_is_named(make_job: MakeJob, key: str, value: Any, words: str) -> None:
    with pytest.raises(HarnessError, match=words) as caught:
        decode_job(make_job().document | {key: value})
    assert caught.value.status is ExitStatus.BAD_JOB


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("streams", 0, "backend: streams: must be a whole number above 0 or null"),
        ("streams", 1.5, "backend: streams: must be a whole number"),
        ("lengths", [], "backend: lengths: must be a list"),
        ("lengths", [128, 64], "backend: lengths: must be ascending"),
        ("batch_sizes", ["4"], "backend: batch_sizes: must be a list"),
        ("batch_sizes", [1, 2, 3], "backend: batch_sizes: must have one entry, or one for each of the 4 lengths"),
        ("options", None, "backend: options: must be a JSON object"),
    ],
)
def test_a_wrong_key_of_the_backend_is_named(make_job: MakeJob, key: str, value: Any, words: str) -> None:
    document = make_job().document
    document["backend"][key] = value
    with pytest.raises(HarnessError, match=words):
        decode_job(document)


def test_keys_with_a_default_may_be_left_out(make_job: MakeJob) -> None:
    document = make_job().document
    for left_out in ("first", "after"):
        document["dataset"].pop(left_out, None)
    whole = decode_job(document).dataset
    assert (whole.first, whole.after) == (None, 0)
    document["dataset"] |= {"first": 2, "after": None}
    assert decode_job(document).dataset.after == 0
    document["dataset"] |= {"first": None, "after": 2}
    with pytest.raises(HarnessError, match="job: dataset: after: needs first"):
        decode_job(document)


def test_a_missing_key_is_named(make_job: MakeJob) -> None:
    document = make_job().document
    del document["session_path"]
    with pytest.raises(HarnessError, match="session_path: is missing"):
        decode_job(document)


def test_a_file_that_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"absent\.json: cannot be read"):
        read_job(tmp_path / "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    with pytest.raises(HarnessError, match="is not JSON"):
        read_job(broken)
    broken.write_text(json.dumps([1]), "utf-8")
    with pytest.raises(HarnessError, match="must be a JSON object"):
        read_job(broken)
