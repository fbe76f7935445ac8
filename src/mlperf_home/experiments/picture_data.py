"""Pictures from measurements: of experiments and their answers, folders of results, published tables."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.answer import read_answer
from mlperf_home.contracts.studies.picture import Mark, MarkLabels, Picture
from mlperf_home.experiments.fronts import numbers, usual_pair
from mlperf_home.measurements.measurement import read_measurement
from mlperf_home.measurements.prices import with_cost
from mlperf_home.measurements.published import read_table
from mlperf_home.pictures.picture import STANDINGS, PictureError, axis
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.intervals import Interval
    from mlperf_home.contracts.studies.answer import AnswerDocument, Standing
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.measurements.prices import Prices


@dataclass(frozen=True)
class MarkSource(MarkLabels):
    """A mark before the choice of axes: numbers by name with unit, and their known intervals."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]

    def mark(self, x: str, y: str) -> Mark:
        """Return the mark in a picture of these two metrics."""
        labels = {each.name: getattr(self, each.name) for each in fields(MarkLabels)}
        interval = self.intervals.get
        return Mark(**labels, x=self.metrics[x], y=self.metrics[y], x_interval=interval(x), y_interval=interval(y))


def from_experiment(experiment: Experiment, damages: list[str], prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield the points of an exploration's answer, else the measurements of an experiment.

    Raises:
        PictureError: the answer is damaged.
    """
    if experiment.answer.is_file():
        try:
            answer = read_answer(experiment.answer)
        except DocumentError as error:
            advice = "run the exploration again; its journal is kept"
            raise PictureError(experiment.answer, f"is not an answer ({error.fault})", advice) from None
        parts = zip(STANDINGS, (answer.front, answer.undecided, answer.dropped), strict=True)
        yield from (_from_standing(answer, each, name) for name, part in parts for each in part if each.values)
        return
    for measurement in experiment.store.measurements(damages):
        yield from from_measurement(measurement, imported=experiment.kind == "import", prices=prices)


def from_results(folder: Path, prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield the measurements of a folder. Raise PictureError if there are none, MeasurementError if one is damaged."""
    if not (paths := result_files(folder)):
        raise PictureError(folder, "has no measurement.json", "use the --results_dir of finished runs")
    for path in paths:
        yield from from_measurement(read_measurement(path), imported=False, prices=prices)


def result_files(folder: Path) -> list[Path]:
    """Return the measurement files of a results folder, without hidden ones."""
    paths = sorted(folder.rglob("measurement.json"))
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def from_table(path: Path, prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield the measurements of a published table. Raise TableError if it cannot be read."""
    for measurement in read_table(path):
        yield from from_measurement(measurement, imported=True, prices=prices)


def from_measurement(measurement: Measurement, *, imported: bool, prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield a measurement with its numbers, and its cost by a table of prices; nothing if it has no numbers."""
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
    yield MarkSource(model, "", system, imported, measurement.sample, facts, metrics, {})


def make_picture(sources: Sequence[MarkSource], x: str, y: str, title: str) -> Picture:
    """Return a picture of two metrics; a note counts the sources that lack one of them.

    Args:
        sources: the marks, with all their metrics.
        x: a metric, or "" for latency, else a rate.
        y: a metric, or "" for top-1, else F1.
        title: the title, or "" for one made from the axes.

    Raises:
        PictureError: no source has both metrics; the error names the existing ones.
    """
    counts = Counter(metric for source in sources for metric in source.metrics)
    x, y = (name or usual for name, usual in zip((x, y), usual_pair(counts), strict=True))
    for name in (x, y):
        if name not in counts:
            known = ", ".join(sorted(counts)) or "none"
            problem = f"no measurement has {name or 'two metrics'}"
            raise PictureError("--x and --y", problem, f"choose among these metrics: {known}")
    marks = tuple(each.mark(x, y) for each in sources if each.metrics.keys() >= {x, y})
    if not marks:
        raise PictureError("--x and --y", f"no measurement has both {x} and {y}", "choose other metrics")
    left_out, x_axis, y_axis = len(sources) - len(marks), axis(x), axis(y)
    notes = [f"{left_out} left out, which lack {x} or {y}"] if left_out else []
    if any(mark.sample for mark in marks):
        notes.append("Sample data: made-up inputs and toy models. These are no MLPerf results.")
    return Picture(title or f"{y_axis.label} against {x_axis.label}", x_axis, y_axis, marks, tuple(notes))


def _from_standing(answer: AnswerDocument, point: Standing, standing: str) -> MarkSource:
    # The intervals of probes do not apply to an official run's values.
    intervals = {name: bounds for name, bounds in point.intervals.items() if name not in point.official}
    facts = {
        "accuracy": point.accuracy_source,
        "latency": "official run" if point.official else "probes",
        "against": ", ".join(point.against),
    }
    values = {**point.values, **point.official}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    facts = {key: value for key, value in facts.items() if value}
    return MarkSource(point.point, standing, answer.system, False, answer.sample, facts, finite, intervals)


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name)
    return "" if value is None or value.value is None else str(value.value)
