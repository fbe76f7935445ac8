"""Measurements without a dataset: only the speed is measured, and the accuracy is copied from others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.estimate import CopiedAccuracy
    from mlperf_home.measurements.measurement import Measurement

ACCURACIES = ("top1_percent", "f1_percent")
_UNKNOWN = "accuracy"
"""The value of a measurement that has no accuracy at all."""


def with_copied_accuracy(measurement: Measurement, name: str, accuracy: CopiedAccuracy | None) -> Measurement:
    """Return a measurement with an accuracy that others published; unchanged if nobody did."""
    if accuracy is None:
        return measurement
    return with_values(measurement, {name: Value(accuracy.percent, "copied", accuracy.source)})


def with_values(measurement: Measurement, copied: dict[str, Value]) -> Measurement:
    """Return a measurement with copied accuracies in place of an unknown one."""
    values = {name: value for name, value in measurement.values.items() if name != _UNKNOWN or not copied}
    return replace(measurement, values={**values, **copied})


def copied_values(measurement: Measurement) -> dict[str, Value]:
    """Return the accuracies of a measurement that are copied; none if it is not of a speed alone."""
    found = {name: value for name in ACCURACIES if (value := measurement.values.get(name)) is not None}
    return {name: value for name, value in found.items() if value.origin == "copied"}
