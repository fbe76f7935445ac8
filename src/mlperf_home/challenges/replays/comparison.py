"""Compare a measurement with its replays.

Speeds are equivalent or not by `measurements.equivalence`. Accuracies from the same arithmetic must be equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.reproduction import ComparedValue
from mlperf_home.measurements.equivalence import RepeatedValue, compare, equal_accuracies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.contracts.intervals import Interval
    from mlperf_home.measurements.equivalence import ComparedRuns, Verdict
    from mlperf_home.measurements.measurement import Measurement

    Machines = tuple[Machine, Machine]

ACCURACY_TOLERANCE_POINTS = 0.5
"""The greatest difference of accuracies, in points, where the arithmetic differs. It is a choice."""
ACCURACIES = ("f1_percent", "exact_match_percent", "top1_percent")
_UNKNOWN = "all runs must know the value"
_ENGINE_FACTS = {"name", "version", "isa", "vnni", "bf16", "dotprod", "xnnpack", "delegate", "delegated", "files"}


@dataclass(frozen=True)
class Replayed:
    """A measurement with its replays.

    Attributes:
        same_arithmetic: whether accuracies must be equal.
    """

    then: Measurement
    now: Sequence[Measurement]
    same_arithmetic: bool

    def metrics(self, ranked: Sequence[str]) -> list[str]:
        """Return the ranked metrics, and every accuracy that a run measured."""
        every = (self.then, *self.now)
        measured = [{key for key, value in each.values.items() if value.origin != "copied"} for each in every]
        accuracies = [name for name in ACCURACIES if any(name in known for known in measured)]
        return list(dict.fromkeys([*(name for name in ranked if name not in ACCURACIES), *accuracies]))


@dataclass(frozen=True)
class _Known:
    """The known values of a metric: then, and now; `complete` if every run knows it."""

    then: float | None
    now: tuple[float, ...]
    complete: bool

    @classmethod
    def of(cls, result: Replayed, name: str) -> _Known:
        then, now = _value(result.then, name), [_value(each, name) for each in result.now]
        known = tuple(each for each in now if each is not None)
        return cls(then, known, then is not None and len(known) == len(now) > 0)

    def compared(
        self, name: str, verdict: Verdict, rule: str, *, interval: Interval | None = None, runs: int | None = None
    ) -> ComparedValue:
        return ComparedValue(
            metric=name, then=self.then, now=self.now, ratio_interval=interval, runs=runs, verdict=verdict, rule=rule
        )


def compare_all(
    results: Sequence[Replayed], ranked: Sequence[Sequence[str]], margin: float
) -> list[list[ComparedValue]]:
    """Compare results by their metrics and by every accuracy; all speeds together share in the risk.

    Args:
        results: the results.
        ranked: the names of each result's ranked metrics.
        margin: the greatest difference of a speed that counts as the same, as a share.
    """
    known = [
        {name: _Known.of(result, name) for name in result.metrics(names)}
        for result, names in zip(results, ranked, strict=True)
    ]
    speeds = {
        (place, name): RepeatedValue((each.then,), each.now)
        for place, values in enumerate(known)
        for name, each in values.items()
        if name not in ACCURACIES and each.complete and each.then is not None and min(each.then, *each.now) > 0
    }
    compared = dict(zip(speeds, compare(list(speeds.values()), margin), strict=True))

    def judged(place: int, name: str, values: _Known) -> ComparedValue:
        if name in ACCURACIES:
            return _accuracy(name, values, same_arithmetic=results[place].same_arithmetic)
        return _speed(name, values, compared.get((place, name)), margin)

    return [[judged(place, *each) for each in values.items()] for place, values in enumerate(known)]


def _accuracy(name: str, values: _Known, *, same_arithmetic: bool) -> ComparedValue:
    if not values.complete or values.then is None:
        return values.compared(name, "inconclusive", _UNKNOWN)
    tolerance = 0.0 if same_arithmetic else ACCURACY_TOLERANCE_POINTS
    rule = f"must lie within {tolerance:g} points: the arithmetic differs"
    if same_arithmetic:
        rule = "must be equal: the arithmetic is the same"
    return values.compared(name, equal_accuracies((values.then,), values.now, tolerance), rule)


def _speed(name: str, values: _Known, found: ComparedRuns | None, margin: float) -> ComparedValue:
    if found is None:
        return values.compared(name, "inconclusive", _UNKNOWN)
    rule = f"the ratio's interval must lie within {margin:.0%}"
    if found.interval is None:
        rule += "; one run cannot tell noise from a difference"
    elif found.verdict == "inconclusive" and found.runs is None:
        rule += "; more runs would not tell, for the bundle has one run"
    return values.compared(name, found.verdict, rule, interval=found.interval, runs=found.runs)


def same_arithmetic(then: Measurement, now: Measurement, machines: Machines, *, same_data: bool) -> bool:
    """Whether two results have the same engine (version, features), model files, data, and processor."""
    first, second = (arithmetic(run, machine) for run, machine in zip((then, now), machines, strict=True))
    return same_data and first is not None and first == second


def arithmetic(run: Measurement, machine: Machine) -> Mapping[str, object] | None:
    """Return what decides on the last digit of a result's answers besides the data; None if some of it is unknown.

    Processors are compared by architecture and features.
    """
    model = {key: run.model[key].value for key in ("sha256", "files") if key in run.model}
    if model["sha256"] is None or machine.architecture is None:
        return None
    engine = {key: fact.value for key, fact in run.engine.items() if key in _ENGINE_FACTS}
    return {
        "engine": engine,
        "model": model,
        "architecture": machine.architecture,
        "features": list(machine.cpu_features),
    }


def _value(measurement: Measurement, name: str) -> float | None:
    stored = measurement.values.get(name)
    value = stored.value if stored else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
