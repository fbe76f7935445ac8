"""Published results as measurements: all values are copied, and empty ones unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.imports.naming import variant_of
from mlperf_home.measurements.measurement import Measurement, Value, unknown
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.published.results import PublishedResults, PublishedRow, PublishedSystem

SHIPPED = {"resnet": "images", "bert-99": "berts"}
"""The shipped results of each benchmark."""

LIVE = "its latency includes preprocessing"
_ACCURACY = {"resnet": "top1_percent", "bert-99": "f1_percent"}
_NOT_PUBLISHED = unknown("it was not published")
_QUANTITIES = ("latency_ms", "samples_per_second", "energy_mj", "power_w")


def shipped_measurements(name: str) -> Iterator[Measurement]:
    """Yield the shipped results called `name`: images or berts. Raise PublishedTableError if they are damaged."""
    results = shipped_results(name)
    models = [_model(each.name, results.source) for each in results.models]
    systems = [_system(each, results.source) for each in results.systems]
    for row in results.rows:
        yield _measurement(results, row, models[row.model], systems[row.system])


def _measurement(
    results: PublishedResults, row: PublishedRow, model: dict[str, Value], system: dict[str, Value]
) -> Measurement:
    made, source = results.systems[row.system], results.source
    values = {name: Value(number, "copied", source) for name in _QUANTITIES if (number := getattr(row, name))}
    accuracy = row.accuracy_percent
    known = _NOT_PUBLISHED if accuracy is None else Value(accuracy, "copied", source)
    return Measurement(
        round=made.round,
        benchmark=results.benchmark,
        scenario=results.scenarios[row.scenario],
        sample=results.sample,
        sample_note=source if results.sample else "",
        validity=None,
        reasons=(),
        unofficial_because=(f"copied from {source}: its logs were not seen",),
        engine={"name": _copied(made.framework, source), "runtime": _copied(made.runtime, source)},
        model=model,
        system=system,
        values={**values, _ACCURACY[results.benchmark]: known},
        logs={},
        warnings=(LIVE,) if made.live_preprocessing else (),
    )


def _copied(text: str, source: str) -> Value:
    return Value(text, "copied", source) if text else _NOT_PUBLISHED


def _model(name: str, source: str) -> dict[str, Value]:
    parts = {key: _copied(text, source) for key, text in variant_of(name).items()}
    return {"name": Value(name, "copied", source), **parts}


def _system(system: PublishedSystem, source: str) -> dict[str, Value]:
    facts = {name: _copied(getattr(system, name), source) for name in ("organization", "platform", "name", "cpu")}
    counts = {name: _count(getattr(system, name), source) for name in ("sockets", "cores")}
    return {**facts, **counts}


def _count(text: str, source: str) -> Value:
    return Value(int(text), "copied", source) if text.isdecimal() else _copied(text, source)
