"""What a submission says of a model's weights: as far as the measurement knows them, else as the user tells."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.measurements.measurement import Measurement, Value

# NumPy's names of types in the spelling of published submissions.
_SPELLINGS = {"float32": "fp32", "float16": "fp16"}
_DTYPE = re.compile(r"'dtype': '(\w+)'")


def measured_fields(measurement: Measurement) -> dict[str, str]:
    """Give the fields of a result's JSON that a measurement knows; the others are left out."""
    model, engine = measurement.model, measurement.engine
    fields = {
        "starting_weights_filename": _filename(model),
        "weight_data_types": _text(model.get("weight_type")),
        "input_data_types": _input_type(measurement.benchmark, engine),
        "retraining": _text(model.get("retraining")),
        "weight_transformations": _text(model.get("weight_transformations")),
    }
    return {key: value for key, value in fields.items() if value}


def framework(measurement: Measurement) -> str:
    """Give the engine as a system description names it ("deepsparse v1.8.0")."""
    return f"{measurement.engine['name'].value} v{measurement.engine['version'].value}"


def _filename(model: Mapping[str, Value]) -> str:
    path = _text(model.get("path"))
    return PurePosixPath(path).name if path else ""


def _input_type(benchmark: str, engine: Mapping[str, Value]) -> str:
    if benchmark.startswith("bert"):
        # Token ids, masks and segments, as the features are kept.
        return "int64"
    # The TFLite backends tell their input as a text with shape, dtype, scale and zero point.
    told = _DTYPE.search(_text(engine.get("input")))
    return _SPELLINGS.get(told.group(1), told.group(1)) if told else ""


def _text(value: Value | None) -> str:
    return "" if value is None or value.value is None else str(value.value)
