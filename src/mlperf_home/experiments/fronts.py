"""The Pareto fronts of measurements, each of those that are comparable: of one dataset, benchmark and scenario."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.studies.picture import Axis
from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.measurements.measurement import DATASET
from mlperf_home.pareto.front import DIRECTIONS, front
from mlperf_home.pictures.picture import axis

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlperf_home.measurements.measurement import Measurement

_COSTS = ("latency_ms", "samples_per_second", "queries_per_second")
_GAINS = ("top1_percent", "f1_percent")
USUAL = (*_COSTS, *_GAINS, "energy_mj", "energy_per_sample_j", "cost_per_million_inferences")
"""The metrics of a table without --metrics."""


@dataclass(frozen=True)
class Comparable:
    """Measurements that share a front if they agree in all of these.

    Attributes:
        sample: whether they were made with sample data.
        benchmark: the benchmark's name.
        scenario: the scenario's name.
        dataset: the dataset with its number of samples; "" if unknown.
        imported: whether they were measured elsewhere, not by this installation.
    """

    sample: bool
    benchmark: str
    scenario: str
    dataset: str
    imported: bool

    def __str__(self) -> str:
        sample = "SAMPLE" if self.sample else ""
        words = (self.benchmark, self.scenario, self.dataset, "imported" if self.imported else "measured here")
        return " ".join(filter(None, (sample, ", ".join(filter(None, words)))))


def comparable_of(measurement: Measurement, *, imported: bool) -> Comparable:
    """Return the measurements that a measurement can be compared with."""
    dataset = measurement.values.get(DATASET)
    text = str(dataset.value) if dataset is not None and dataset.value is not None else ""
    return Comparable(measurement.sample, measurement.benchmark, measurement.scenario, text, imported)


@dataclass(frozen=True)
class Front:
    """The front of comparable measurements.

    Attributes:
        of: the compared measurements.
        members: the measurements of the front, in the order of the first metric.
        compared: the number of compared measurements.
        invalid: the number of measurements left out because LoadGen reports them INVALID.
        lacking: the number of measurements left out because they lack a metric.
    """

    of: Comparable
    axes: tuple[Axis, ...]
    members: tuple[Measurement, ...]
    compared: int
    invalid: int
    lacking: int

    def to_json(self) -> dict[str, Any]:
        """Return the front as JSON."""
        metrics = [{"name": each.name, "direction": each.direction} for each in self.axes]
        counts = {"compared": self.compared, "invalid": self.invalid, "lacking": self.lacking}
        members = [asdict(each) for each in self.members]
        of = {"benchmark": self.of.benchmark, "scenario": self.of.scenario, "dataset": self.of.dataset}
        return {**of, "sample": self.of.sample, "metrics": metrics, **counts, "front": members}


def read_axes(words: Sequence[str], derived: Collection[str]) -> tuple[Axis, ...]:
    """Read the metrics of a front: NAME, NAME:min or NAME:max; derived metrics require a direction.

    Raises:
        ExperimentError: there is only one metric, or a direction is unknown or absent.
    """
    axes = []
    for word in words:
        name, colon, direction = word.partition(":")
        advice = f"write {name}:min or {name}:max"
        if colon and direction not in DIRECTIONS:
            raise ExperimentError(f"--metrics: {word}", f"{direction!r} is not a direction", advice)
        if name in derived and not colon:
            raise ExperimentError(f"--metrics: {name}", "has no direction, and is a derived metric", advice)
        usual = axis(name)
        axes.append(Axis(name, usual.label, direction or usual.direction))
    if axes and len({each.name for each in axes}) < max(2, len(axes)):
        raise ExperimentError("--metrics", "a front needs at least two different metrics", "name another metric")
    return tuple(axes)


def fronts_of(measurements: Sequence[Measurement], axes: Sequence[Axis], *, strict: bool = True) -> list[Front]:
    """Return each front of comparable measurements; without axes, by latency or rate and accuracy.

    All measurements are of one origin: measured here, or imported.

    Raises:
        ExperimentError: `strict`, and no measurement has all metrics; the error names the existing ones.
    """
    groups: dict[Comparable, list[Measurement]] = {}
    for each in measurements:
        groups.setdefault(comparable_of(each, imported=False), []).append(each)
    fronts = [_front(of, group, axes) for of, group in groups.items()]
    if strict and measurements and not any(each.compared for each in fronts):
        metrics = " and ".join(each.name for each in axes) or "a latency or rate and an accuracy"
        known = {name for each in measurements if each.validity != "INVALID" for name in numbers(each)}
        invalid = sum(each.invalid for each in fronts)
        advice = f"name two of these with --metrics: {', '.join(sorted(known)) or 'none'}"
        raise ExperimentError("--pareto", f"no valid measurement has {metrics} ({invalid} are INVALID)", advice)
    return fronts


def _front(of: Comparable, group: Sequence[Measurement], axes: Sequence[Axis]) -> Front:
    valid = [(each, numbers(each)) for each in group if each.validity != "INVALID"]
    usual = usual_pair({name for _, known in valid for name in known})
    chosen = tuple(axes) or tuple(map(axis, usual if all(usual) else ()))
    names = [each.name for each in chosen]
    points = [(each, [known[name] for name in names]) for each, known in valid if names and known.keys() >= {*names}]
    keeps = front([point for _, point in points], [each.direction for each in chosen]) if points else []
    members = [each for each, _ in sorted(itertools.compress(points, keeps), key=lambda pair: pair[1])]
    invalid, lacking = len(group) - len(valid), len(valid) - len(points)
    return Front(of, chosen, tuple(members), len(points), invalid, lacking)


def usual_pair(metrics: Collection[str]) -> tuple[str, str]:
    """Return the usual two of these metrics: a latency or rate, and an accuracy; "" if there is none."""
    cost, gain = (next((name for name in names if name in metrics), "") for names in (_COSTS, _GAINS))
    return cost, gain


def numbers(measurement: Measurement) -> dict[str, float]:
    """Return the values of a measurement that are finite numbers, by name."""
    values = {name: each.value for name, each in measurement.values.items()}
    return {name: float(v) for name, v in values.items() if isinstance(v, (int, float)) and math.isfinite(v)}
