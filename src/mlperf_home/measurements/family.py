"""The results of many models of one system beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import from_json
from mlperf_home.measurements.published_accuracy import published_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

_RESULTS = (("latency_ms", "ms"), ("samples_per_second", "samples/s"))


def read_family(folders: Sequence[Path]) -> list[Measurement]:
    """Read the measurements of some results, each once.

    Args:
        folders: `<results>/<style>_results/<system>/<model>/<scenario>` of each.

    Raises:
        MeasurementError: a measurement cannot be read.
    """
    paths = [folder / "measurement.json" for folder in dict.fromkeys(folders)]
    return [from_json(path.read_text(encoding="utf-8"), str(path)) for path in paths]


def family_rows(measurements: Sequence[Measurement]) -> list[tuple[str, str]]:
    """Give a row for each model: its name, and result, accuracy and verdict; the fastest first."""
    rows = sorted((_order(each), str(each.model["name"].value), _words(each)) for each in measurements)
    return [(name, words) for _, name, words in rows]


def _order(measurement: Measurement) -> float:
    for key, _ in _RESULTS:
        value = measurement.values.get(key)
        if value is not None and isinstance(value.value, (int, float)):
            return value.value if key == "latency_ms" else -value.value
    return float("inf")


def _words(measurement: Measurement) -> str:
    words = []
    for key, unit in _RESULTS:
        value = measurement.values.get(key)
        if value is not None:
            words.append(f"{unit} unknown ({value.reason})" if value.value is None else f"{value.value:10.4f} {unit}")
    accuracy = measurement.values.get("top1_percent")
    if accuracy is not None and accuracy.value is not None:
        words.append(f"top-1 {accuracy.value:.3f} %")
        words.append(", ".join(published_words(measurement)))
    if measurement.validity:
        words.append(measurement.validity)
    return "  ".join(filter(None, words))
