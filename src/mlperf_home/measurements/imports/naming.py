"""One name for each model and benchmark, whoever wrote the measurement; applied where several sources meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.measurements.imports.published import IMAGE_BENCHMARK
from mlperf_home.published.classifiers import model_of

if TYPE_CHECKING:
    from mlperf_home.measurements.measurement import Measurement

_BENCHMARKS = {"mobilenets": IMAGE_BENCHMARK}
"""Tables that were imported by version 0.1 have this name."""


def with_one_name(measurement: Measurement) -> Measurement:
    """Return the measurement with the one name of its model and of its benchmark."""
    benchmark = _BENCHMARKS.get(measurement.benchmark, measurement.benchmark)
    name = measurement.model.get("name")
    if name is None or not isinstance(name.value, str):
        return replace(measurement, benchmark=benchmark)
    model = {**measurement.model, "name": replace(name, value=model_of(name.value))}
    return replace(measurement, benchmark=benchmark, model=model)


def variant_of(name: str) -> dict[str, str]:
    """Return the parts of an image classifier's one name: family, multiplier, resolution, precision; those it has."""
    parts = name.split("/")
    keys = {4: ("family", "multiplier", "resolution", "precision"), 2: ("family", "precision")}.get(len(parts), ())
    return dict(zip(keys, parts, strict=False))
