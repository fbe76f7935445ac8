"""The fronts of what was measured: one for each benchmark and scenario, for others are not to be compared."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.pareto.front import front
from mlperf_home.pictures.picture import Axis, axis

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlperf_home.measurements.measurement import Measurement

_COSTS = ("latency_ms", "samples_per_second", "queries_per_second")
_GAINS = ("top1_percent", "f1_percent")
_DIRECTIONS = ("min", "max")
_FEWEST = 2


@dataclass(frozen=True)
class Front:
    """A front.

    Attributes:
        benchmark: of which benchmark.
        scenario: of which scenario.
        axes: what was compared.
        members: what nothing dominates, in the order of the first metric.
        compared: how many measurements were.
        invalid: how many were left out because LoadGen calls them INVALID.
        lacking: how many were left out because they lack a metric.
    """

    benchmark: str
    scenario: str
    axes: tuple[Axis, ...]
    members: tuple[Measurement, ...]
    compared: int
    invalid: int
    lacking: int


def read_axes(words: Sequence[str], derived: Collection[str]) -> tuple[Axis, ...]:
    """Read the metrics of a front: NAME, NAME:min or NAME:max.

    Args:
        words: as they were typed; none: the usual ones.
        derived: names whose better direction only the user knows.

    Raises:
        ExperimentError: one metric alone, an unknown direction, or none where one is needed.
    """
    found = []
    for word in words:
        name, colon, direction = word.partition(":")
        advice = f"write {name}:min or {name}:max"
        if colon and direction not in _DIRECTIONS:
            raise ExperimentError(f"--metrics: {word}", f"{direction!r} is no direction", advice)
        if name in derived and not colon:
            raise ExperimentError(f"--metrics: {name}", "does not say whether less or more is better", advice)
        usual = axis(name)
        found.append(Axis(name, usual.label, direction or usual.direction))
    if found and len({each.name for each in found}) < max(_FEWEST, len(found)):
        raise ExperimentError("--metrics", "a front needs two different metrics or more", "name another one as well")
    return tuple(found)


def fronts_of(measurements: Sequence[Measurement], axes: Sequence[Axis], *, strict: bool = True) -> list[Front]:
    """Return the front of each benchmark and scenario.

    Args:
        measurements: what was measured.
        axes: what is compared; none: of each a latency or rate and an accuracy.
        strict: whether something has to have them.

    Raises:
        ExperimentError: nothing has all of them; says which there are.
    """
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for each in measurements:
        groups.setdefault((each.benchmark, each.scenario), []).append(each)
    found = []
    for (benchmark, scenario), group in groups.items():
        valid = [each for each in group if each.validity != "INVALID"]
        chosen = tuple(axes) or _usual(valid)
        points = [(each, point) for each in valid if (point := _point(each, chosen)) is not None] if chosen else []
        members = _front(points, [each.direction for each in chosen])
        invalid, lacking = len(group) - len(valid), len(valid) - len(points)
        found.append(Front(benchmark, scenario, chosen, members, len(points), invalid, lacking))
    if strict and measurements and not any(each.compared for each in found):
        raise _nothing(measurements, axes)
    return found


def _nothing(measurements: Sequence[Measurement], axes: Sequence[Axis]) -> ExperimentError:
    wanted = " and ".join(each.name for each in axes) or "a latency or rate and an accuracy"
    counts = Counter(name for each in measurements if each.validity != "INVALID" for name in numbers(each))
    invalid = sum(each.validity == "INVALID" for each in measurements)
    advice = f"give two of them by --metrics: {', '.join(sorted(counts)) or 'none'}"
    return ExperimentError("--pareto", f"nothing valid has {wanted} ({invalid} are INVALID)", advice)


def _usual(valid: Sequence[Measurement]) -> tuple[Axis, ...]:
    there = {name for each in valid for name in numbers(each)}
    chosen = [next((name for name in names if name in there), "") for names in (_COSTS, _GAINS)]
    return tuple(axis(name) for name in chosen) if all(chosen) else ()


def numbers(measurement: Measurement) -> dict[str, float]:
    """Return the values that are finite numbers, by name."""
    given = {name: each.value for name, each in measurement.values.items()}
    return {name: float(v) for name, v in given.items() if isinstance(v, (int, float)) and math.isfinite(v)}


def _point(measurement: Measurement, axes: Sequence[Axis]) -> tuple[float, ...] | None:
    found = numbers(measurement)
    return tuple(found[each.name] for each in axes) if all(each.name in found for each in axes) else None


def _front(
    points: Sequence[tuple[Measurement, tuple[float, ...]]], directions: Sequence[str]
) -> tuple[Measurement, ...]:
    if not points:
        return ()
    keeps = front([point for _, point in points], directions)
    members = [pair for pair, keep in zip(points, keeps, strict=True) if keep]
    return tuple(each for each, _ in sorted(members, key=lambda pair: pair[1]))
