"""A measurement survives JSON; other JSON is refused with the place of the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from results_logs import write_result

import mlperf_home.measurements
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import (
    MeasurementError,
    Value,
    from_json,
    read_measurement,
    to_json,
)
from mlperf_home.measurements.table import read_family

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURED = {"value": 1, "origin": "measured", "source": None, "reason": None}


def test_a_measurement_survives_json(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path), system={"host_processor_model_name": Value("CPU", "measured")})
    text = to_json(measurement)
    assert from_json(text) == measurement
    assert to_json(from_json(text)) == text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document.update(schema=2), "not a measurement of schema 1"),
        (lambda document: document.pop("values"), "missing or unknown keys: values"),
        (lambda document: document.update(colour="red"), "missing or unknown keys: colour"),
        (lambda document: document["values"].update(x={"value": 1, "origin": "guessed"}), "origin must be one of"),
        (lambda document: document["values"].update(x={"value": None, "origin": "measured"}), "if and only if"),
        (lambda document: document["values"].update(x={"value": None, "origin": "unknown"}), "needs a reason"),
        (lambda document: document["values"].update(x=3), "measurement#/values/x: holds a malformed value"),
        (
            lambda document: document["values"].update({"a b": {"value": [], "origin": "measured"}}),
            "#/values/a b/value: ",
        ),
        (lambda document: document["system"].update(x={**MEASURED, "unit": "s"}), "#/system/x: .*unknown key unit"),
        (
            lambda document: document["system"].update(x={**MEASURED, "value": 1 << 63}),
            "#/system/x: .*less than 64 bits",
        ),
        (lambda document: document["engine"].update(x={"value": 1}), "#/engine/x: .*missing required field"),
        (lambda document: document.update(values=[]), "#/values: holds a malformed value"),
        (lambda document: document.update(reasons="abc"), "#/reasons: holds a malformed value"),
        (lambda document: document.update(warnings=["a", 1]), "#/warnings/1: holds a malformed value"),
    ],
)
def test_other_json_is_rejected(tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str) -> None:
    document = json.loads(to_json(ingest(write_result(tmp_path))))
    change(document)
    with pytest.raises(MeasurementError, match=words):
        from_json(json.dumps(document))


def test_text_that_is_not_json_is_rejected() -> None:
    with pytest.raises(MeasurementError, match="is not JSON"):
        from_json("{")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON ("),
        (b"[" * 100_000, "is nested more than 8 levels deep"),
        (b"[" + b"0," * 100_000 + b"0]", "has more than 100,000 values"),
        (b" " * (4 << 20) + b"1", "has more than 4,194,304 bytes"),
        (b'{"schema": 1, "round": "\xff"}', "is not UTF-8 text at byte 24"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "measurement.json"
    path.write_bytes(content)

    for read in (lambda: read_measurement(path), lambda: read_family([tmp_path])):
        with pytest.raises(MeasurementError) as refused:
            read()
        assert str(refused.value).startswith(f"{path}: {problem}")
        assert "\n" not in str(refused.value)
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_measurement(tmp_path / "absent.json")


def test_measurements_conform_to_the_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    path = Path(mlperf_home.measurements.__file__).parent / "measurement.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text("utf-8")))
    document = json.loads(to_json(ingest(write_result(tmp_path))))
    validator.validate(document)
    assert document.keys() == set(validator.schema["required"])
    document["values"]["samples_per_second"]["value"] = None
    assert not validator.is_valid(document)
