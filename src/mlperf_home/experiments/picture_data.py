"""Marks from what was measured: experiments and their answers, folders of results, published tables."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.imports.tables import read_table
from mlperf_home.measurements.measurement import from_json
from mlperf_home.measurements.prices import with_cost
from mlperf_home.pictures.picture import STANDINGS, Interval, Mark, Picture, PictureError, axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.measurements.prices import Prices

_USUAL = {"x": ("latency_ms", "samples_per_second"), "y": ("top1_percent", "f1_percent")}
_MODEL_FACTS = ("family", "multiplier", "resolution", "precision")


@dataclass(frozen=True)
class Source:
    """One thing that was measured, before axes are chosen.

    Attributes:
        name: the model, or the point of a space.
        metrics: numbers by name with unit.
        intervals: (low, high) by the same names, where known.
        standing: as a Mark's.
        system: the machine.
        imported: whether it was measured elsewhere.
        sample: whether it was made with sample data.
        facts: for people and filters.
    """

    name: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    standing: str
    system: str
    imported: bool
    sample: bool
    facts: Mapping[str, str]


def from_experiment(experiment: Experiment, damages: list[str], prices: Prices | None = None) -> Iterator[Source]:
    """Return an exploration's points by its answer, and what another experiment measured.

    Raises:
        PictureError: the answer cannot be read.
    """
    if experiment.answer.is_file():
        yield from _from_answer(experiment)
        return
    for measurement in experiment.store.measurements(damages):
        yield from from_measurement(measurement, imported=experiment.kind == "import", prices=prices)


def from_results(folder: Path, prices: Prices | None = None) -> Iterator[Source]:
    """Return the measurements of a results folder.

    Raises:
        PictureError: it holds none.
        MeasurementError: one cannot be read.
    """
    paths = _measurements(folder)
    if not paths:
        raise PictureError(folder, "holds no measurement.json", "give the --results_dir of runs that have ended")
    for path in paths:
        yield from from_measurement(from_json(path.read_text("utf-8"), str(path)), imported=False, prices=prices)


def any_results(folder: Path) -> bool:
    """Whether a results folder holds a measurement."""
    return bool(_measurements(folder))


def _measurements(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("measurement.json"))
    return [path for path in found if not _hidden(path.relative_to(folder).parts)]


def from_table(path: Path, prices: Prices | None = None) -> Iterator[Source]:
    """Return what a published table tells. Raise TableError if it cannot be read."""
    for measurement in read_table(path):
        yield from from_measurement(measurement, imported=True, prices=prices)


def from_measurement(measurement: Measurement, *, imported: bool, prices: Prices | None = None) -> Iterator[Source]:
    """Return a measurement's numbers, and what it costs by a table of prices; nothing where it has none."""
    if prices:
        measurement = with_cost(measurement, prices)
    numbers = {name: _number(each) for name, each in measurement.values.items()}
    metrics = {name: number for name, number in numbers.items() if number is not None}
    if not metrics:
        return
    told = {name: _text(measurement.model, name) for name in _MODEL_FACTS}
    origins = Counter(measurement.values[name].origin for name in metrics)
    facts = {
        **told,
        "engine": " ".join(filter(None, (_text(measurement.engine, "name"), _text(measurement.engine, "version")))),
        "scenario": measurement.scenario,
        "round": measurement.round,
        "validity": measurement.validity or "",
        "values": origins.most_common(1)[0][0],
    }
    yield Source(
        _text(measurement.model, "name") or "unknown model",
        metrics,
        {},
        "",
        _text(measurement.system, "name") or "unknown system",
        imported,
        measurement.sample,
        {key: value for key, value in facts.items() if value},
    )


def draw_from(sources: Sequence[Source], x: str, y: str, title: str) -> Picture:
    """Choose the axes and make marks; what lacks one of the two is counted in a note.

    Args:
        sources: what was measured.
        x: a metric, or "" for latency, else throughput.
        y: a metric, or "" for top-1, else F1.
        title: for people, or "" for one made from the axes.

    Raises:
        PictureError: nothing has both metrics; says which there are.
    """
    counts = Counter(metric for source in sources for metric in source.metrics)
    chosen = [given or _usual(_USUAL[name], counts) for name, given in (("x", x), ("y", y))]
    for name in chosen:
        if name not in counts:
            known = ", ".join(sorted(counts)) or "none"
            raise PictureError("--x and --y", f"nothing has {name or 'two metrics'}", f"metrics there: {known}")
    first, second = axis(chosen[0]), axis(chosen[1])
    marks = tuple(_mark(each, chosen[0], chosen[1]) for each in sources if each.metrics.keys() >= set(chosen))
    if not marks:
        raise PictureError("--x and --y", f"nothing has both {chosen[0]} and {chosen[1]}", "choose other metrics")
    notes = []
    if left := len(sources) - len(marks):
        notes.append(f"{left} left out, which lack {chosen[0]} or {chosen[1]}")
    if any(mark.sample for mark in marks):
        notes.append("Sample data: made-up inputs and toy models. These are no MLPerf results.")
    return Picture(title or f"{second.label} against {first.label}", first, second, marks, tuple(notes))


def _usual(wanted: Iterable[str], counts: Counter[str]) -> str:
    return next((name for name in wanted if name in counts), "")


def _mark(source: Source, x: str, y: str) -> Mark:
    return Mark(
        source.name,
        source.metrics[x],
        source.metrics[y],
        source.intervals.get(x),
        source.intervals.get(y),
        source.standing,
        source.system,
        source.imported,
        source.sample,
        source.facts,
    )


def _from_answer(experiment: Experiment) -> Iterator[Source]:
    path = experiment.answer
    try:
        document = json.loads(path.read_text("utf-8"))
        for standing in STANDINGS:
            for each in document[standing]:
                if each["values"]:
                    yield _answered(document, each, standing)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PictureError(path, f"is no answer ({error})", "run the exploration again; its journal is kept") from None


def _answered(document: Mapping[str, Any], each: Mapping[str, Any], standing: str) -> Source:
    metrics = {**each["values"], **each["official"]}
    # An official run's value has no interval of the probes.
    intervals = {name: (low, high) for name, (low, high) in each["intervals"].items() if name not in each["official"]}
    facts = {
        "accuracy": each["accuracy_source"],
        "latency": "official run" if each["official"] else "probes",
        "against": ", ".join(each["against"]),
    }
    return Source(
        each["point"],
        {name: value for name, value in metrics.items() if math.isfinite(value)},
        intervals,
        standing,
        document["system"],
        imported=False,
        sample=document["sample"],
        facts={key: value for key, value in facts.items() if value},
    )


def _number(value: Value) -> float | None:
    given = value.value
    return float(given) if isinstance(given, (int, float)) and math.isfinite(given) else None


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name)
    return "" if value is None or value.value is None else str(value.value)


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") for part in parts)
