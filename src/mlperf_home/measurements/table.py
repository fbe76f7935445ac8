"""Tables for users: the rows of one measurement, and one row for each of several models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import NOISY, published_sources, published_words, read_measurement, unknown
from mlperf_home.measurements.run_times import CHANGED_STATE, interval_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement, Value

_LABELS = {
    "samples_per_second": "Samples per second",
    "latency_ms": "Latency (ms)",
    "f1_percent": "F1 (%)",
    "exact_match_percent": "Exact match (%)",
    "top1_percent": "Top-1 accuracy (%)",
    # The names of unknown values, without a run of the mode that measures them.
    "result": "Result",
    "accuracy": "Accuracy",
}
_ENGINE_FACTS = (
    ("Arithmetic", "precision"), ("Kernel", "isa"), ("Chosen by trial", "trial"), ("Other engines", "trial_others")
)  # fmt: skip
_IF_KNOWN = {
    "energy_per_sample_j": "Energy per sample (J)",
    "cost_per_million_inferences": "Cost per million (in the price's currency)",
    "calibration": "Calibration",
}
_MACHINE = (
    ("steal {} %", ("steal_percent",)),
    ("other programs {} %", ("other_cpu_percent",)),
    ("clock {} to {} MHz", ("frequency_mhz_before", "frequency_mhz_after")),
    ("{} to {} C", ("temperature_c_before", "temperature_c_after")),
    ("governor {}", ("governor",)),
)
_ABSENT = unknown("the measurement does not tell it")
_RESULTS = (("latency_ms", "ms"), ("samples_per_second", "samples/s"))


def summary_rows(measurement: Measurement) -> list[tuple[str, str]]:
    """Return label and text of each row, in display order; an unknown value shows its reason."""
    rows = []
    if measurement.sample:
        rows.append(("Data", f"SAMPLE, no MLPerf result: {measurement.sample_note}".rstrip(": ")))
    if "host_processor_model_name" in measurement.system:
        rows.append(("CPU", _text(measurement.system["host_processor_model_name"])))
    rows.append(("Benchmark", f"{measurement.benchmark}, MLPerf inference {measurement.round}"))
    rows.append(("Scenario", measurement.scenario))
    rows.append(("Engine", " ".join(_text(measurement.engine.get(key, _ABSENT)) for key in ("name", "version"))))
    for label, key in _ENGINE_FACTS:
        if (fact := measurement.engine.get(key)) is not None and fact.value is not None:
            rows.append((label, _text(fact)))
    if (model := measurement.model.get("name", _ABSENT)).value is not None:
        rows.append(("Model", _text(model)))
    rows += [
        (label, f"{_text(measurement.values[key])}{interval_text(measurement, key)}")
        for key, label in _LABELS.items()
        if key in measurement.values
    ]
    rows += [(label, _text(value)) for key, label in _IF_KNOWN.items() if (value := _known(measurement, key))]
    if price := _known(measurement, "price_per_hour"):
        rows.append(("Price per hour", f"{_text(price)} ({price.source})"))
    rows += _machine_rows(measurement)
    if changed := measurement.values.get(CHANGED_STATE):
        rows.append(("Changed its state", _text(changed)))
    if measurement.validity is not None:
        rows.append(("LoadGen says", measurement.validity))
    noise = [each.removeprefix(NOISY) for each in measurement.warnings if each.startswith(NOISY)]
    reasons = {
        "because": measurement.reasons,
        "Not official": measurement.unofficial_because,
        "Noisy": noise,
        "Warning": [each for each in measurement.warnings if not each.startswith(NOISY)],
    }
    return rows + [(label, "; ".join(dict.fromkeys(texts))) for label, texts in reasons.items() if texts]


def result_words(measurement: Measurement) -> str:
    """Return a result in a few words: "0.1234 ms, top-1 79.083 %, VALID, noisy"."""
    words = []
    for key, unit in (*_RESULTS, ("f1_percent", "% F1"), ("top1_percent", "% top-1")):
        value = measurement.values.get(key)
        if value is not None and value.number is not None:
            words.append(f"{value.number:.5g} {unit}")
    words += [measurement.validity] if measurement.validity else []
    words += ["noisy"] if any(warning.startswith(NOISY) for warning in measurement.warnings) else []
    return ", ".join(words) or "no result"


def read_family(folders: Sequence[Path]) -> list[Measurement]:
    """Read the measurements of several results' folders, each once.

    Raises:
        MeasurementError: a measurement cannot be read.
    """
    paths = [folder / "measurement.json" for folder in dict.fromkeys(folders)]
    return [read_measurement(path) for path in paths]


def family_rows(measurements: Sequence[Measurement]) -> list[tuple[str, str]]:
    """Return a row for each model, the fastest first: its name; its result, accuracy and verdict; then the sources."""
    rows, sources = [], dict[str, None]()
    for measurement in measurements:
        results = [(key, unit, measurement.values[key]) for key, unit in _RESULTS if key in measurement.values]
        numbers = [(key, value.number) for key, _, value in results if value.number is not None]
        # A low latency is fast, as is a high rate.
        order = next((value if key == "latency_ms" else -value for key, value in numbers), float("inf"))
        words = [
            f"{unit} unknown ({value.reason})"
            if value.value is None
            else f"{_padded(value)} {unit}{interval_text(measurement, key)}"
            for key, unit, value in results
        ]
        accuracy = measurement.values.get("top1_percent")
        if accuracy is not None and accuracy.value is not None:
            words.append(f"top-1 {accuracy.value if accuracy.number is None else format(accuracy.number, '.3f')} %")
            words.append(", ".join(published_words(measurement, with_source=False)))
            sources |= dict.fromkeys(published_sources(measurement))
        words.append(measurement.validity or "")
        rows.append((order, str(measurement.model.get("name", _ABSENT).value), "  ".join(filter(None, words))))
    return [*((name, words) for _, name, words in sorted(rows)), *(("source", each) for each in sources)]


def _machine_rows(measurement: Measurement) -> list[tuple[str, str]]:
    """Return one row with the known state of the machine during the run; none if nothing is known."""
    words = []
    for form, keys in _MACHINE:
        values = [_known(measurement, key) for key in keys]
        if all(values):
            words.append(form.format(*(_text(value) for value in values if value)))
    return [("During the run", ", ".join(words))] if words else []


def _known(measurement: Measurement, key: str) -> Value | None:
    value = measurement.values.get(key)
    return None if value is None or value.value is None else value


def _padded(value: Value) -> str:
    return f"{value.value!s:>10}" if value.number is None else f"{value.number:10.4f}"


def _text(value: Value) -> str:
    if value.value is None:
        return f"unknown ({value.reason})"
    return f"{value.value:.6g}" if isinstance(value.value, float) else str(value.value)
