"""Marks from what was measured: experiments and their answers, folders of results, published tables."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mlperf_home.contracts.answer import read_answer
from mlperf_home.contracts.picture import Interval, Mark, Measured, Picture
from mlperf_home.experiments.fronts import numbers, usual_pair
from mlperf_home.measurements.measurement import from_json
from mlperf_home.measurements.prices import with_cost
from mlperf_home.measurements.published import read_table
from mlperf_home.pictures.picture import STANDINGS, PictureError, axis
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.answer import AnswerDocument, Standing
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.measurements.prices import Prices


@dataclass(frozen=True)
class Source(Measured):
    """One thing that was measured, before axes are chosen: numbers by name with unit, and their known intervals."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]

    def mark(self, x: str, y: str) -> Mark:
        """Return its mark in a picture of these two metrics."""
        told = {each.name: getattr(self, each.name) for each in fields(Measured)}
        between = self.intervals.get
        return Mark(**told, x=self.metrics[x], y=self.metrics[y], x_interval=between(x), y_interval=between(y))


def from_experiment(experiment: Experiment, damages: list[str], prices: Prices | None = None) -> Iterator[Source]:
    """Return an exploration's points by its answer, else what was measured. Raise PictureError for a damaged answer."""
    if experiment.answer.is_file():
        try:
            answer = read_answer(experiment.answer)
        except DocumentError as error:
            advice = "run the exploration again; its journal is kept"
            raise PictureError(experiment.answer, f"is no answer ({error.fault})", advice) from None
        parts = zip(STANDINGS, (answer.front, answer.undecided, answer.dropped), strict=True)
        yield from (_answered(answer, each, name) for name, part in parts for each in part if each.values)
        return
    for measurement in experiment.store.measurements(damages):
        yield from from_measurement(measurement, imported=experiment.kind == "import", prices=prices)


def from_results(folder: Path, prices: Prices | None = None) -> Iterator[Source]:
    """Return a folder's measurements. Raise PictureError if it has none, MeasurementError if one is damaged."""
    if not (paths := result_files(folder)):
        raise PictureError(folder, "holds no measurement.json", "give the --results_dir of runs that have ended")
    for path in paths:
        yield from from_measurement(from_json(path.read_text("utf-8"), str(path)), imported=False, prices=prices)


def result_files(folder: Path) -> list[Path]:
    """Return the measurements of a results folder."""
    found = sorted(folder.rglob("measurement.json"))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def from_table(path: Path, prices: Prices | None = None) -> Iterator[Source]:
    """Return what a published table tells. Raise TableError if it cannot be read."""
    for measurement in read_table(path):
        yield from from_measurement(measurement, imported=True, prices=prices)


def from_measurement(measurement: Measurement, *, imported: bool, prices: Prices | None = None) -> Iterator[Source]:
    """Return a measurement's numbers, and what it costs by a table of prices; nothing where it has none."""
    if prices:
        measurement = with_cost(measurement, prices)
    metrics = numbers(measurement)
    if not metrics:
        return
    origins = Counter(measurement.values[name].origin for name in metrics)
    facts = {
        **{name: _text(measurement.model, name) for name in ("family", "multiplier", "resolution", "precision")},
        "engine": " ".join(_text(measurement.engine, name) for name in ("name", "version")).strip(),
        "scenario": measurement.scenario,
        "round": measurement.round,
        "validity": measurement.validity or "",
        "values": origins.most_common(1)[0][0],
    }
    model = _text(measurement.model, "name") or "unknown model"
    system = _text(measurement.system, "name") or "unknown system"
    facts = {key: value for key, value in facts.items() if value}
    yield Source(model, "", system, imported, measurement.sample, facts, metrics, {})


def draw_from(sources: Sequence[Source], x: str, y: str, title: str) -> Picture:
    """Choose the axes and make marks; what lacks one of the two is counted in a note.

    Args:
        sources: what was measured.
        x: a metric, or "" for latency, else a rate.
        y: a metric, or "" for top-1, else F1.
        title: for people, or "" for one made from the axes.

    Raises:
        PictureError: nothing has both metrics; says which there are.
    """
    counts = Counter(metric for source in sources for metric in source.metrics)
    x, y = (given or usual for given, usual in zip((x, y), usual_pair(counts), strict=True))
    for name in (x, y):
        if name not in counts:
            known = ", ".join(sorted(counts)) or "none"
            raise PictureError("--x and --y", f"nothing has {name or 'two metrics'}", f"metrics there: {known}")
    marks = tuple(each.mark(x, y) for each in sources if each.metrics.keys() >= {x, y})
    if not marks:
        raise PictureError("--x and --y", f"nothing has both {x} and {y}", "choose other metrics")
    left, across, up = len(sources) - len(marks), axis(x), axis(y)
    notes = [f"{left} left out, which lack {x} or {y}"] if left else []
    if any(mark.sample for mark in marks):
        notes.append("Sample data: made-up inputs and toy models. These are no MLPerf results.")
    return Picture(title or f"{up.label} against {across.label}", across, up, marks, tuple(notes))


def _answered(answer: AnswerDocument, each: Standing, standing: str) -> Source:
    # An official run's value has no interval of the probes.
    intervals = {name: bounds for name, bounds in each.intervals.items() if name not in each.official}
    facts = {
        "accuracy": each.accuracy_source,
        "latency": "official run" if each.official else "probes",
        "against": ", ".join(each.against),
    }
    values = {**each.values, **each.official}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    facts = {key: value for key, value in facts.items() if value}
    return Source(each.point, standing, answer.system, False, answer.sample, facts, finite, intervals)


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name)
    return "" if value is None or value.value is None else str(value.value)
