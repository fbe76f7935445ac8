"""Pictures from measurements: of experiments and their answers, folders of results, published tables."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.studies.experiment import ExploredRuns
from mlperf_home.contracts.studies.picture import Mark, MarkLabels, Picture
from mlperf_home.experiments.fronts import Comparable, comparable_of, numbers, usual_pair
from mlperf_home.measurements.imports.naming import variant_of, with_one_name
from mlperf_home.measurements.imports.published import read_table
from mlperf_home.measurements.imports.shipped import LIVE, shipped_measurements
from mlperf_home.measurements.measurement import read_measurement
from mlperf_home.measurements.prices import with_cost
from mlperf_home.measurements.run_times import SESSION_ONLY
from mlperf_home.pictures.picture import STANDINGS, PictureError, axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.intervals import Interval
    from mlperf_home.contracts.studies.answer import AnswerDocument, Standing
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.measurements.prices import Prices


@dataclass(frozen=True)
class MarkSource(MarkLabels):
    """A mark before the choice of axes: numbers by name with unit, and their known intervals.

    Attributes:
        valid: whether LoadGen does not report the run as INVALID.
    """

    valid: bool
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
        ExperimentError: the answer is damaged.
    """
    if answer := experiment.read_answer():
        runs = decode(experiment.made_by.get("running", {}), ExploredRuns, f"{experiment.folder}: running")
        of = Comparable(answer.sample, runs.benchmark, runs.scenario, answer.dataset, imported=False)
        parts = zip(STANDINGS, (answer.front, answer.undecided, answer.dropped), strict=True)
        yield from (_from_standing(answer, each, name, of) for name, part in parts for each in part if each.values)
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


def from_shipped(name: str, prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield the published results called `name` that come with this package, without those with live preprocessing.

    Raises:
        PublishedTableError: they are damaged.
    """
    for measurement in shipped_measurements(name):
        if LIVE not in measurement.warnings:
            yield from from_measurement(measurement, imported=True, prices=prices)


def from_measurement(measurement: Measurement, *, imported: bool, prices: Prices | None = None) -> Iterator[MarkSource]:
    """Yield a measurement with its numbers, and its cost by a table of prices; nothing if it has no numbers."""
    measurement = with_one_name(with_cost(measurement, prices) if prices else measurement)
    metrics = numbers(measurement)
    if not metrics:
        return
    origins = Counter(measurement.values[name].origin for name in metrics)
    facts = {
        **variant_of(_text(measurement.model, "name")),
        "engine": " ".join(_text(measurement.engine, name) for name in ("name", "version")).strip(),
        "scenario": measurement.scenario,
        "round": measurement.round,
        "validity": measurement.validity or "",
        "values": origins.most_common(1)[0][0],
    }
    yield MarkSource(
        name=_text(measurement.model, "name") or "unknown model",
        front=str(comparable_of(measurement, imported=imported)),
        judged="",
        on_front=False,
        system=_text(measurement.system, "name") or "unknown system",
        imported=imported,
        sample=measurement.sample,
        facts={key: value for key, value in facts.items() if value},
        valid=measurement.validity != "INVALID",
        metrics=metrics,
        intervals={},
    )


def make_picture(sources: Sequence[MarkSource], x: str, y: str, title: str) -> Picture:
    """Return a picture of two metrics; notes count the sources that are left out.

    Left out are INVALID runs, sources that lack a metric, and repetitions of a measurement from another source.

    Args:
        sources: the marks, with all their metrics.
        x: a metric, or "" for latency, else a rate.
        y: a metric, or "" for top-1, else F1.
        title: the title, or "" for one made from the axes.

    Raises:
        PictureError: no source has both metrics; the error names the existing ones.
    """
    valid = [each for each in sources if each.valid]
    invalid, counts = len(sources) - len(valid), Counter(metric for source in valid for metric in source.metrics)
    x, y = (name or usual for name, usual in zip((x, y), usual_pair(counts), strict=True))
    for name in (x, y):
        if name not in counts:
            known = ", ".join(sorted(counts)) or "none"
            left_out = f" ({invalid} are INVALID)" if invalid else ""
            problem = f"no measurement has {name or 'two metrics'}{left_out}"
            raise PictureError("--x and --y", problem, f"choose among these metrics: {known}")
    drawn = [each for each in valid if each.metrics.keys() >= {x, y}]
    marks = tuple(each.mark(x, y) for each in _once(drawn))
    if not marks:
        raise PictureError("--x and --y", f"no measurement has both {x} and {y}", "choose other metrics")
    reasons = {
        f"which lack {x} or {y}": len(valid) - len(drawn),
        "which are INVALID": invalid,
        "which are shown already": len(drawn) - len(marks),
    }
    notes = [f"{count} left out, {reason}" for reason, count in reasons.items() if count]
    x_axis, y_axis = axis(x), axis(y)
    if any(mark.x_interval or mark.y_interval for mark in marks):
        notes.append(f"Bars are intervals of {SESSION_ONLY}.")
    if any(mark.sample for mark in marks):
        notes.append("Sample data: made-up inputs and toy models. These are no MLPerf results.")
    usual_title = " against ".join(each.label.partition(" (")[0] for each in (y_axis, x_axis))
    return Picture(title or usual_title[:1].upper() + usual_title[1:], x_axis, y_axis, marks, tuple(notes))


def _once(sources: Iterable[MarkSource]) -> Iterable[MarkSource]:
    """Return the sources, each measurement once: the same may come from a table and from an import of it."""
    return {
        (each.name, each.front, each.judged, each.system, *sorted(each.metrics.items())): each for each in sources
    }.values()


def _from_standing(answer: AnswerDocument, point: Standing, judged: str, of: Comparable) -> MarkSource:
    # The intervals of probes do not apply to an official run's values.
    intervals = {name: bounds for name, bounds in point.intervals.items() if name not in point.official}
    facts = {
        **variant_of(point.point),
        "scenario": of.scenario,
        "accuracy": point.accuracy_source,
        "latency": "official run" if point.official else "probes",
        "against": ", ".join(point.against),
    }
    values = {**point.values, **point.official}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    return MarkSource(
        name=point.point,
        front=str(of),
        judged=judged,
        on_front=False,
        system=answer.system,
        imported=False,
        sample=answer.sample,
        facts={key: value for key, value in facts.items() if value},
        valid=True,
        metrics=finite,
        intervals=intervals,
    )


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name)
    return "" if value is None or value.value is None else str(value.value)
